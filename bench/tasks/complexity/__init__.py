"""Parameters and multiply-accumulates, counted twice."""
