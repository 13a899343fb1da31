"""From a card to a network that is ready to run."""
