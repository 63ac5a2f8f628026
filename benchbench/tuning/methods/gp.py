"""Optuna's GPSampler on whole measurements."""

from __future__ import annotations

from optuna.samplers import GPSampler

from benchbench.tuning.method import Field
from benchbench.tuning.methods._black_box import BlackBox


def make(field: Field) -> BlackBox:
    """See `Method`."""
    return BlackBox(field, lambda seed: GPSampler(seed=seed))


PLUGIN = make
