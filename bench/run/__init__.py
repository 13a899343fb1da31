"""Takes a plan to records: one fresh process per cell, nothing lost when one ends badly."""
