"""Trains small networks on the pictures that the bench draws: the files in `catalog/weights`, and your own."""
