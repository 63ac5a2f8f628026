"""Telemetry probes: one file each, found by name (see `benchbench.hardware.probe`)."""
