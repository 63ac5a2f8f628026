"""Clipping gradients of which some are divided among the ranks and some are not."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch.distributed.tensor import DTensor


def clip(parameters: Iterable[torch.nn.Parameter], largest: float) -> None:
    """Scales all gradients by one factor, so that the norm of all of them together is at most `largest`.

    As `torch.nn.utils.clip_grad_norm_`, which wants all of one kind.
    """
    every = [parameter for parameter in parameters if parameter.grad is not None]
    kinds = [[p for p in every if isinstance(p.grad, DTensor) == divided] for divided in (False, True)]
    norms = [_norm(kind) for kind in kinds if kind]
    whole = torch.linalg.vector_norm(torch.stack(norms))
    for kind in kinds:
        if kind:
            torch.nn.utils.clip_grads_with_norm_(kind, largest, whole)


def _norm(parameters: list[torch.nn.Parameter]) -> torch.Tensor:
    norm = torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])
    return norm.full_tensor() if isinstance(norm, DTensor) else norm
