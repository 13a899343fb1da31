"""Records on disk: written once, read back whole, refused when not understood."""
