"""Arrays in, values out: steady state, intervals. Knows nothing of runs or files."""
