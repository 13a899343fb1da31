"""Visual Mamba networks and causal attention, from their equations, with the published entry names."""
