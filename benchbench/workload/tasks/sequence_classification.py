"""Sequence classification: one class a row, cross-entropy, accuracy and F1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from benchbench.workload.classes import CLASS_METRICS, class_numbers, classification_scores
from benchbench.workload.examples import Examples, Ragged
from benchbench.workload.task import Encoding, HeldOut, Objective, Task

if TYPE_CHECKING:
    import torch

    from benchbench.workload.batches import Batch
    from benchbench.workload.rows import Rows


class SequenceClassification(Task):
    """See `Task`. A text that is too long loses its end."""

    head = "AutoModelForSequenceClassification"
    roles = ("text", "label")
    labelled_by = "label"
    metrics = ("accuracy", "f1_macro", "loss")
    class_metrics = CLASS_METRICS
    packs = True

    def encode(self, rows: Rows, encoding: Encoding) -> Examples:
        """See `Task.encode`."""
        return Examples(
            columns={"ids": encoding.vocabulary.rows(rows.texts("text"), encoding.sequence_length)},
            scalars={"label": class_numbers(rows, "label", encoding.labels)},
        )

    def synthetic(self, ids: Ragged, encoding: Encoding, generator: np.random.Generator) -> Examples:
        """See `Task.synthetic`."""
        labels = generator.integers(0, len(encoding.labels), size=len(ids), dtype=np.int64)
        return Examples(columns={"ids": ids}, scalars={"label": labels})

    def loss_sums(self, model: torch.nn.Module, batch: Batch, objective: Objective) -> Mapping[str, torch.Tensor]:
        """The summed cross-entropy of a micro-batch."""
        from benchbench.workload.losses import cross_entropy_sum

        logits_bc = model(**batch.inputs).logits
        return {"label": cross_entropy_sum(logits_bc, batch.labels["label"], objective)}

    def score(self, model: torch.nn.Module, held_out: HeldOut) -> Mapping[str, float]:
        """Accuracy, F1 and the mean cross-entropy."""
        from benchbench.workload.losses import cross_entropy_sum

        loss, predicted, true = 0.0, [], []
        for batch in held_out.batches:
            logits_bc = model(**batch.inputs).logits
            loss += float(cross_entropy_sum(logits_bc, batch.labels["label"]))
            predicted += logits_bc.argmax(dim=1).tolist()
            true += batch.labels["label"].tolist()
        return {**classification_scores(true, predicted, held_out.encoding.labels), "loss": loss / len(true)}


PLUGIN = SequenceClassification()
