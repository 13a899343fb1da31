"""From a suite file to a list of cells; pure but for reading the suite."""
