"""How each measure is taken: accuracy, speed, memory, complexity."""
