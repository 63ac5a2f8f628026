"""Sequence classification: one label a row, cross-entropy, accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from benchbench.workload.batches import Batch


class SequenceClassification:
    """See `Task`."""

    head = "AutoModelForSequenceClassification"
    metrics = ("accuracy", "loss")
    losses = ("loss",)

    def loss_sum(self, model: torch.nn.Module, batch: Batch) -> torch.Tensor:
        """The summed cross-entropy of a micro-batch, in float32. Scalar."""
        from torch.nn.functional import cross_entropy

        logits_bc = model(input_ids=batch.ids_bs, attention_mask=batch.mask_bs).logits
        return cross_entropy(logits_bc.float(), batch.labels_b, reduction="sum")

    def score(self, model: torch.nn.Module, batches: Sequence[Batch]) -> Mapping[str, float]:
        """Accuracy and mean cross-entropy over held-out batches."""
        from torch.nn.functional import cross_entropy

        rows, loss, right = 0, 0.0, 0
        for batch in batches:
            logits_bc = model(input_ids=batch.ids_bs, attention_mask=batch.mask_bs).logits.float()
            loss += float(cross_entropy(logits_bc, batch.labels_b, reduction="sum"))
            right += int((logits_bc.argmax(dim=1) == batch.labels_b).sum())
            rows += len(batch.labels_b)
        return {"accuracy": right / rows, "loss": loss / rows}


PLUGIN = SequenceClassification()
