"""What the rules that torch lacks share: a step moves each group's tensors together."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import torch


class Grouped(torch.optim.Optimizer):
    """An optimizer whose rule is `move`."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Moves every parameter that has a gradient."""
        assert closure is None
        for group in self.param_groups:
            parameters = [p for p in group["params"] if p.grad is not None]
            if parameters:
                self.move(group, parameters)

    @abstractmethod
    def move(self, group: dict[str, Any], parameters: list[torch.Tensor]) -> None:
        """Moves the parameters of one group, all of which have a gradient.

        Args:
            group: with its settings, such as `lr`.
            parameters: at least one.
        """
