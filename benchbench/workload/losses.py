"""Cross-entropy, summed over the labelled positions, in float32."""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy

from benchbench.workload.examples import IGNORED
from benchbench.workload.task import Objective


def cross_entropy_sum(logits: torch.Tensor, labels: torch.Tensor, objective: Objective | None = None) -> torch.Tensor:
    """The sum of the cross-entropies; what is labelled `IGNORED` adds nothing. Scalar, float32.

    Args:
        logits: the classes last. Shape (B, C) or (B, S, C).
        labels: shape (B,) or (B, S).
        objective: weights and smoothing; None for neither.
    """
    objective = objective or Objective()
    weights = objective.class_weights
    return cross_entropy(
        logits.reshape(-1, logits.shape[-1]).float(),
        labels.reshape(-1),
        weight=None if weights is None else weights.to(logits.device),
        ignore_index=IGNORED,
        reduction="sum",
        label_smoothing=objective.label_smoothing,
    )
