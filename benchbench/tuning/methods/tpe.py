"""Optuna's TPESampler on whole measurements."""

from __future__ import annotations

from optuna.samplers import TPESampler

from benchbench.tuning.method import Field
from benchbench.tuning.methods._black_box import BlackBox


def make(field: Field) -> BlackBox:
    """See `Method`."""
    return BlackBox(field, lambda seed: TPESampler(seed=seed))


PLUGIN = make
