"""torch's FSDP2 over a model: each rank keeps a part of every weight, gradient and state of the optimizer."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from transformers.modeling_layers import GradientCheckpointingLayer

from benchbench.scenario.scenario import Scenario
from benchbench.training.group import Group
from benchbench.training.strategies import Divided


def sharded(model: torch.nn.Module, group: Group, scenario: Scenario, *, again: bool) -> Divided:
    """A part of the model on each rank; a layer's weights are gathered when it is computed.

    Args:
        model: see `Strategy.apply`.
        group: the ranks.
        scenario: says in what precision weights are gathered.
        again: whether they are given up after the forward pass and gathered again for the backward one.
    """
    policy = MixedPrecisionPolicy()
    if scenario.precision == "bf16":
        policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)
    for layer in layers(model):
        fully_shard(layer, mp_policy=policy, reshard_after_forward=again)
    root = fully_shard(model, mp_policy=policy, reshard_after_forward=again)

    @contextmanager
    def turn(last: bool) -> Iterator[None]:
        root.set_requires_gradient_sync(last)
        yield

    return Divided(forward=model, turn=turn, scale=float(group.rank.world), whole=False)


def layers(model: torch.nn.Module) -> list[torch.nn.Module]:
    """The transformer's blocks, in their order."""
    return [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
