"""Trains small networks on the pictures that the bench draws."""

RESULT = "result.json"
"""What a training tells of the weights beside it."""
