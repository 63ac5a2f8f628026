"""Tasks: one file each, found by name (see `benchbench.workload.task`)."""
