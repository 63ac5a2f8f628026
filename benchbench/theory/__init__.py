"""Closed forms (FLOPs, memory, durations, the roofline) and the catalog of accelerators."""
