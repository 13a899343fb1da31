"""What this machine has, found without torch: GPU and CPU names, data sets, weights, git state."""
