"""An exponential moving average of the weights, which an evaluation looks at in their place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn


class Average:
    """The average a of every trainable parameter w: a_0 = w_0, and after each update a <- decay a + (1 - decay) w.

    Args of the constructor:
        model: whose parameters are averaged.
        decay: in (0, 1).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        self._weights = {name: p for name, p in model.named_parameters() if p.requires_grad}
        self._averages = {name: p.detach().clone() for name, p in self._weights.items()}

    @torch.no_grad()
    def update(self, _step: int) -> None:
        """Takes the weights in, once they have moved."""
        torch._foreach_lerp_(list(self._averages.values()), list(self._weights.values()), 1 - self._decay)

    @contextmanager
    def swapped(self) -> Iterator[None]:
        """While it is entered, the model's parameters hold their averages; then again what they held, bit for bit."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for name, weight in self._weights.items():
            kept = weight.clone()
            weight.copy_(self._averages[name])
            self._averages[name].copy_(kept)

    def state_dict(self) -> dict[str, torch.Tensor]:
        """The averages by their parameters' names."""
        return dict(self._averages)

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Takes up averages that `state_dict` gave."""
        assert state.keys() == self._averages.keys()
        for name, average in self._averages.items():
            average.copy_(state[name])
