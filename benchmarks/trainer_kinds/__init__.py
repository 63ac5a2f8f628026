"""Trainers that are compared: one file each, all over the same model, data, precision and batches."""
