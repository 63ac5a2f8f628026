"""Several optimizers, each with parameters of its own, as one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import torch


class Joined(torch.optim.Optimizer):
    """Steps all of its parts; groups and state are the parts' own, so a learning rate that is set here is theirs.

    Args of the constructor:
        parts: at least one; no parameter is in two.
    """

    def __init__(self, parts: Sequence[torch.optim.Optimizer]) -> None:
        self._parts = tuple(parts)
        super().__init__([group for part in parts for group in part.param_groups], {})
        self._share()

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Moves every parameter that has a gradient."""
        assert closure is None
        for part in self._parts:
            part.step()

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes up a state that `state_dict` gave (see torch)."""
        super().load_state_dict(state_dict)
        self._share()

    def _share(self) -> None:
        """Gives the parts this optimizer's groups, in their order, and its state."""
        groups = iter(self.param_groups)
        state: defaultdict[torch.Tensor, Any] = self.state
        for part in self._parts:
            part.param_groups = [next(groups) for _ in part.param_groups]
            part.state = state
