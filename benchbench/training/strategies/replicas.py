"""Data parallel: each rank has the whole model and a part of each global batch; gradients are averaged (DDP)."""

from __future__ import annotations

import torch

from benchbench.scenario.scenario import Scenario
from benchbench.training.group import Group
from benchbench.training.strategies import Divided
from benchbench.training.strategies._buckets import replicated
from benchbench.training.strategies._refusals import of_ranks


class Replicas:
    """See `Strategy`."""

    def refuse(self, scenario: Scenario) -> tuple[str, str] | None:
        """See `Strategy.refuse`."""
        return next(of_ranks(scenario), None)

    def apply(self, model: torch.nn.Module, group: Group, scenario: Scenario) -> Divided:
        """See `Strategy.apply`."""
        return replicated(model, group, scenario)


PLUGIN = Replicas()
