"""One file per group of metrics: name, unit, digits, slack, and the arithmetic behind it."""
