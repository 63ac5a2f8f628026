"""Lion (Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", algorithm 2)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch

from benchbench.training.optimizers.grouped import Grouped


class Lion(Grouped):
    """Every weight moves by the learning rate, in the direction of a sign.

    With the mean m of the gradients g before this one: w <- w - lr (sign(beta1 m + (1 - beta1) g) + weight_decay w),
    then m <- beta2 m + (1 - beta2) g.

    Args of the constructor:
        groups: parameter groups, each with its `weight_decay`.
        lr: the learning rate.
        betas: the weight of the mean in a step, and the mean's decay.
    """

    def __init__(self, groups: Iterable[dict[str, Any]], *, lr: float, betas: tuple[float, float]) -> None:
        super().__init__(groups, {"lr": lr, "betas": betas, "weight_decay": 0.0})

    def move(self, group: dict[str, Any], parameters: list[torch.Tensor]) -> None:
        """See `Grouped.move`."""
        gradients = [p.grad for p in parameters if p.grad is not None]
        for parameter in parameters:
            if not self.state[parameter]:
                self.state[parameter] = {"mean": torch.zeros_like(parameter)}
        means = [self.state[p]["mean"] for p in parameters]
        beta1, beta2 = group["betas"]
        steps = torch._foreach_lerp(gradients, means, beta1)
        torch._foreach_sign_(steps)
        torch._foreach_mul_(parameters, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(parameters, steps, alpha=-group["lr"])
        torch._foreach_lerp_(means, gradients, 1 - beta2)
