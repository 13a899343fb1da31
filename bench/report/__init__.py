"""Tables as data, then Markdown; the same records always give the same text."""
