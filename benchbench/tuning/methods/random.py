"""Optuna's RandomSampler on whole measurements."""

from __future__ import annotations

from optuna.samplers import RandomSampler

from benchbench.tuning.method import Field
from benchbench.tuning.methods._black_box import BlackBox


def make(field: Field) -> BlackBox:
    """See `Method`."""
    return BlackBox(field, lambda seed: RandomSampler(seed=seed))


PLUGIN = make
