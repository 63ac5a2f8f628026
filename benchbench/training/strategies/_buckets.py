"""torch's DDP around a model: gradients are averaged bucket by bucket, while the backward pass goes on."""

from __future__ import annotations

import inspect
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.nn.parallel import DistributedDataParallel

from benchbench.scenario.scenario import Scenario
from benchbench.training.group import Group
from benchbench.training.meter import Meter
from benchbench.training.strategies import Divided
from benchbench.training.strategies._hooks import hook


def replicated(model: torch.nn.Module, group: Group, scenario: Scenario) -> Divided:
    """A replica of the model on each rank.

    Args:
        model: see `Strategy.apply`.
        group: the ranks.
        scenario: says how large a bucket is, and how it is sent.
    """
    known = inspect.signature(DistributedDataParallel).parameters
    # A transformer's buffers are constants, which need not be sent. The argument changed its name in torch 2.13.
    buffers: dict[str, Any] = {
        "forward_sync_buffers" if "forward_sync_buffers" in known else "broadcast_buffers": False
    }
    wrapped = DistributedDataParallel(
        model,
        bucket_cap_mb=scenario.parallelism.bucket_mib,
        gradient_as_bucket_view=True,
        static_graph=True,  # every step uses the same parameters; those that none uses are no error
        **buffers,
    )
    device = next(model.parameters()).device
    meter, communication = Meter(), scenario.parallelism.communication
    if device.type == "cpu" or communication != "none":
        own = hook(communication)
        # A lambda has no annotations, which DDP would compare with its own.
        wrapped.register_comm_hook(meter, lambda state, bucket: own(state, bucket))  # noqa: PLW0108

    return Divided(
        forward=wrapped,
        turn=_Turns(wrapped),
        scale=float(group.rank.world),
        meter=meter if device.type == "cpu" else None,  # elsewhere Python knows only when something was asked for
    )


class _Turns:
    """Has gradients sent in the last passes of a step alone, and in the very first: DDP learns the graph from those.

    Sent once more than is needed they are right as well: what all ranks have already averaged, an average leaves alone.
    """

    def __init__(self, wrapped: DistributedDataParallel) -> None:
        self._wrapped, self._first = wrapped, True

    def __call__(self, last: bool) -> AbstractContextManager[object]:
        sent = last or self._first
        self._first = False
        return nullcontext() if sent else self._wrapped.no_sync()
