"""LAMB (You et al. 2020, "Large Batch Optimization for Deep Learning: Training BERT in 76 minutes", algorithm 2)."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch

from benchbench.training.optimizers.grouped import Grouped


class Lamb(Grouped):
    """Adam's step, rescaled layer by layer to the size of the layer's weights.

    With the bias-corrected means m and v of the gradient and its square, r = m / (sqrt(v) + eps) + weight_decay w;
    then w <- w - lr (|w| / |r|) r, with Euclidean norms over a tensor. The ratio is 1 where either norm is 0, and for
    vectors (biases, norms' scales).

    Args of the constructor:
        groups: parameter groups, each with its `weight_decay`.
        lr: the learning rate.
        betas: decay of the two means.
        eps: added to the root of the mean square.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], *, lr: float, betas: tuple[float, float], eps: float) -> None:
        super().__init__(groups, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": 0.0, "steps": 0})

    def move(self, group: dict[str, Any], parameters: list[torch.Tensor]) -> None:
        """See `Grouped.move`."""
        group["steps"] += 1
        updates = self._adam(group, parameters)
        torch._foreach_add_(updates, parameters, alpha=group["weight_decay"])
        weights, sizes = torch._foreach_norm(parameters), torch._foreach_norm(updates)
        for parameter, update, weight, size in zip(parameters, updates, weights, sizes, strict=True):
            if parameter.ndim >= 2:
                update.mul_(torch.where((weight > 0) & (size > 0), weight / size, 1.0))
        torch._foreach_add_(parameters, updates, alpha=-group["lr"])

    def _adam(self, group: dict[str, Any], parameters: list[torch.Tensor]) -> list[torch.Tensor]:
        """Adam's bias-corrected steps, before the learning rate."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        for parameter in parameters:
            if not self.state[parameter]:
                self.state[parameter] = {"mean": torch.zeros_like(parameter), "square": torch.zeros_like(parameter)}
        means = [self.state[p]["mean"] for p in parameters]
        squares = [self.state[p]["square"] for p in parameters]
        (beta1, beta2), steps = group["betas"], group["steps"]
        torch._foreach_lerp_(means, gradients, 1 - beta1)
        torch._foreach_mul_(squares, beta2)
        torch._foreach_addcmul_(squares, gradients, gradients, value=1 - beta2)
        divisors = torch._foreach_sqrt(squares)
        torch._foreach_div_(divisors, math.sqrt(1 - beta2**steps))
        torch._foreach_add_(divisors, group["eps"])
        updates = torch._foreach_div(means, divisors)
        torch._foreach_div_(updates, 1 - beta1**steps)
        return list(updates)
