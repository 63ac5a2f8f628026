"""Executors: one file each, found by name (see `benchbench.executors.base`)."""
