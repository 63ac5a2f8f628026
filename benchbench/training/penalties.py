"""The L1 penalty, as the gradient that it adds."""

from __future__ import annotations

import torch
from torch import nn

from benchbench.training.optimizers import is_decayed


class L1:
    """Adds factor x sign(w) to the gradient of every trainable matrix: the subgradient of factor x sum |w|.

    A weight of 0 is not pulled, and neither are biases and norms' scales. The penalty is part of what is minimised,
    not of the loss that is reported.

    Args of the constructor:
        model: whose weights are pulled towards 0.
        factor: of the sum of the absolute weights.
    """

    def __init__(self, model: nn.Module, factor: float) -> None:
        self._matrices = [p for p in model.parameters() if p.requires_grad and is_decayed(p)]
        self._factor = factor

    @torch.no_grad()
    def __call__(self) -> None:
        """Pulls, once the gradients of a step are there."""
        pulled: list[torch.Tensor] = [p for p in self._matrices if p.grad is not None]
        gradients = [p.grad for p in pulled if p.grad is not None]
        if pulled:
            torch._foreach_add_(gradients, torch._foreach_sign(pulled), alpha=self._factor)
