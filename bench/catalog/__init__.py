"""What the bench knows before it measures: checkpoints, tasks, protocols, reported numbers."""
