"""The seam between the planes: pure data types, free of torch and of I/O."""
