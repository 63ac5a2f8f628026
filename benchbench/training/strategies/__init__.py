"""Strategies: how a training is divided among ranks. Each is one file here; its `PLUGIN` is a `Strategy`.

Every rank has its part of each global batch. The loss of a part is its sum over the *global* count of labelled
positions, so that the gradients of the parts add up to those of one process, however many positions each has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

import torch

from benchbench.scenario.scenario import Scenario
from benchbench.training.group import Group
from benchbench.training.meter import Meter


def _itself(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
    return optimizer


@dataclass(frozen=True, kw_only=True)
class Divided:
    """A model whose training is divided.

    Attributes:
        forward: what a training pass calls in the model's place.
        turn: entered around the passes of a micro-batch, told whether it is the last of its step.
        scale: what the loss is multiplied by, for gradients that the strategy averages over the ranks are to be sums.
        optimizer: makes of the model's optimizer the one that moves it.
        whole: whether each rank has the whole model, and can compute with it alone.
        after_update: is called with the number of the step, from 1, once the weights have moved; None for nothing.
        agreed: while it is entered, by all ranks, each has the weights that are judged.
        copies: ranks that have the same part of a batch, and so the same share of its loss.
        clip: limits the norm of all gradients together.
        meter: adds up the time of communication; None where it is not known.
        settle: is called by all ranks once every step of a stretch is over on all of them; None for nothing.
        ahead: steps that a rank may be before the slowest one; 0 where ranks end each step together.
    """

    forward: torch.nn.Module
    turn: Callable[[bool], AbstractContextManager[object]]
    scale: float
    optimizer: Callable[[torch.optim.Optimizer], torch.optim.Optimizer] = _itself
    whole: bool = True
    after_update: Callable[[int], None] | None = None
    agreed: Callable[[], AbstractContextManager[object]] = nullcontext
    copies: int = 1
    clip: Callable[[Iterable[torch.nn.Parameter], float], object] = torch.nn.utils.clip_grad_norm_
    meter: Meter | None = None
    settle: Callable[[], None] | None = None
    ahead: int = 0


class Strategy(Protocol):
    """Divides a training among ranks."""

    def refuse(self, scenario: Scenario) -> tuple[str, str] | None:
        """What of a scenario it cannot carry out.

        Returns:
            The dotted key and the reason, which says what could be had; None if there is nothing.
        """
        ...

    def apply(self, model: torch.nn.Module, group: Group, scenario: Scenario) -> Divided:
        """Divides a training.

        Args:
            model: with the same weights on every rank, on the rank's device; it may be changed in place.
            group: the ranks.
            scenario: is not refused.
        """
        ...
