"""The protocol of a task. It is one file in `tasks/`; its `PLUGIN` is an object that satisfies it.

Shape letters: B rows, S tokens, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch

    from benchbench.workload.batches import Batch


class Task(Protocol):
    """What is learned: the model's head, the loss, the metrics.

    Attributes:
        head: the transformers auto class.
        metrics: the names that a target may use.
        losses: those of them that fall as the model learns; the others are scores between 0 and 1 that rise.
    """

    head: str
    metrics: tuple[str, ...]
    losses: tuple[str, ...]

    def loss_sum(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """The sum of the losses over the labelled positions of a micro-batch (not their mean). Scalar."""
        ...

    def score(self, model: torch.nn.Module, batches: Sequence[Batch]) -> Mapping[str, float]:
        """The metrics over held-out batches; the model is in evaluation mode, gradients are off."""
        ...
