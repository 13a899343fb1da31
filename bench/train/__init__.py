"""Trains small networks on the pictures that the bench draws."""
