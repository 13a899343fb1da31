"""Operators with a plain reference beside every fast version; imports torch, numpy and triton only."""
