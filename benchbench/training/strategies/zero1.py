"""ZeRO-1: replicas whose optimizer state is divided; each rank moves its part of the weights and sends them on.

Rajbhandari et al. 2020, "ZeRO: Memory optimizations toward training trillion parameter models", section 5.1. Torch's
own divides by whole parameters, so that a rule which looks at whole matrices stays what it is.
"""

from __future__ import annotations

import inspect
import warnings
from dataclasses import replace
from typing import Any

import torch

from benchbench.scenario.scenario import Scenario
from benchbench.training.group import Group
from benchbench.training.strategies import Divided
from benchbench.training.strategies._buckets import replicated
from benchbench.training.strategies._refusals import of_ranks


class Zero1:
    """See `Strategy`."""

    def refuse(self, scenario: Scenario) -> tuple[str, str] | None:
        """See `Strategy.refuse`."""
        if scenario.training.optimizer.name == "muon":
            told = "muon is two optimizers in one, of which torch divides none; use another, or parallelism.shard: none"
            return "training.optimizer.name", told
        return next(of_ranks(scenario), None)

    def apply(self, model: torch.nn.Module, group: Group, scenario: Scenario) -> Divided:
        """See `Strategy.apply`."""
        return replace(replicated(model, group, scenario), optimizer=_divided)


def _divided(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    """An optimizer of the same rule and groups, whose state is divided."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # the package's import compiles what we do not use
        from torch.distributed.optim import ZeroRedundancyOptimizer
    known = inspect.signature(type(optimizer)).parameters
    defaults: dict[str, Any] = {name: value for name, value in optimizer.defaults.items() if name in known}
    groups = [dict(group) for group in optimizer.param_groups]
    return ZeroRedundancyOptimizer(groups, type(optimizer), **defaults)


PLUGIN = Zero1()
