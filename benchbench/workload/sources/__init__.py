"""Data sources: one file each, found by name (see `benchbench.workload.source`)."""
