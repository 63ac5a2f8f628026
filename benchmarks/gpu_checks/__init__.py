"""What only a machine with a CUDA GPU can show: one module a theme, each with `CHECKS`."""
