"""Gradual magnitude pruning: more and more of the smallest weights are held at zero."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

# Shares of max_steps between which the fraction grows, and how often it does.
_BEGIN, _END = 0.1, 0.6
_RENEWALS = 50


class Pruner:
    """Holds the smallest weights of every matrix at zero.

    The fraction that is held after a step t follows fraction (1 - (1 - (t - begin) / (end - begin))^3), from 0 at
    10 % of `max_steps` to all of it at 60 % (the cubic schedule of Zhu and Gupta 2017, "To prune, or not to prune"),
    in some 50 renewals. Each matrix is pruned to the same fraction. What was pruned stays so: being 0 after every
    update, it is always among the smallest.

    Args of the constructor:
        weights: that are pruned, by name.
        fraction: that is held at zero in the end, in [0, 1).
        max_steps: the length of the training.
    """

    def __init__(self, weights: Mapping[str, nn.Parameter], fraction: float, max_steps: int) -> None:
        self._weights = weights
        self._fraction = fraction
        self._begin = round(_BEGIN * max_steps)
        self._end = max(self._begin + 1, round(_END * max_steps))
        self._every = max(1, (self._end - self._begin) // _RENEWALS)
        self._pruned: dict[str, torch.Tensor] = {}

    def update(self, step: int) -> None:
        """Renews the masks where that is due, and zeroes what they hold, once the weights of a step have moved."""
        due = self._begin < step <= self._end and (step - self._begin) % self._every == 0
        if due or step == self._end:
            fraction = self.fraction_at(step)
            self._pruned = {name: smallest(weight, fraction) for name, weight in self._weights.items()}
        self._hold(self._weights)

    def fraction_at(self, step: int) -> float:
        """The fraction that the schedule asks for after a step."""
        done = min(1.0, max(0.0, (step - self._begin) / (self._end - self._begin)))
        return self._fraction * (1 - (1 - done) ** 3)

    @torch.no_grad()
    def _hold(self, weights: Mapping[str, torch.Tensor]) -> None:
        for name, pruned in self._pruned.items():
            weights[name].masked_fill_(pruned, 0.0)

    @torch.no_grad()
    def complete(self, weights: Mapping[str, nn.Parameter]) -> None:
        """Zeroes what the masks hold and then the smallest others, up to the whole fraction.

        Args:
            weights: of a copy of the model, by the same names.
        """
        self._hold(weights)
        for weight in weights.values():
            weight.masked_fill_(smallest(weight, self._fraction), 0.0)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The masks by the weights' names: true where a weight is held at zero."""
        return dict(self._pruned)

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Takes up masks that `state_dict` gave."""
        self._pruned = {name: mask.to(self._weights[name].device) for name, mask in state.items()}


@torch.no_grad()
def smallest(weight: torch.Tensor, fraction: float) -> torch.Tensor:
    """Which weights are the smallest in magnitude, exactly the fraction of them, rounded. Bool, the weight's shape.

    Args:
        weight: of any shape.
        fraction: in [0, 1).
    """
    count = round(fraction * weight.numel())
    magnitude = weight.detach().abs().flatten()
    if count == 0:
        return torch.zeros_like(weight, dtype=torch.bool)
    threshold = magnitude.kthvalue(count).values
    chosen = magnitude < threshold
    ties = (magnitude == threshold).nonzero().flatten()
    chosen[ties[: count - int(chosen.sum())]] = True
    return chosen.view_as(weight)
