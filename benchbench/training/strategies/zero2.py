"""ZeRO-2: gradients and optimizer state are divided; weights, once gathered, are kept to the backward pass (FSDP2)."""

from __future__ import annotations

from itertools import chain

import torch

from benchbench.scenario.scenario import Scenario
from benchbench.training.group import Group
from benchbench.training.strategies import Divided
from benchbench.training.strategies._refusals import of_ranks, of_shards
from benchbench.training.strategies._shards import sharded


class Zero2:
    """See `Strategy`."""

    def refuse(self, scenario: Scenario) -> tuple[str, str] | None:
        """See `Strategy.refuse`."""
        return next(chain(of_ranks(scenario), of_shards(scenario)), None)

    def apply(self, model: torch.nn.Module, group: Group, scenario: Scenario) -> Divided:
        """See `Strategy.apply`."""
        return sharded(model, group, scenario, again=False)


PLUGIN = Zero2()
