"""Closed forms: FLOPs, memory and step-time models will stand here."""
