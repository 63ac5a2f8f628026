"""Classes: their numbers, and how well they were told apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from benchbench.errors import ScenarioError, nearest
from benchbench.workload.examples import Longs
from benchbench.workload.rows import Rows

CLASS_METRICS = "f1_"


def class_numbers(rows: Rows, role: str, labels: Sequence[str]) -> Longs:
    """The class of each row, as a number. Shape (R,).

    Raises:
        ScenarioError: a row has a class that no training row has.
    """
    place = {label: number for number, label in enumerate(labels)}
    found = np.empty(len(rows), dtype=np.int64)
    for row, value in enumerate(rows.columns[role]):
        found[row] = class_number(str(value), place, int(rows.numbers[row]))
    return found


def class_number(label: str, place: Mapping[str, int], row: int) -> int:
    """The number of a class.

    Args:
        label: its name.
        place: the number of each class that training rows have.
        row: the row's number in its source, from 0, for the message.

    Raises:
        ScenarioError: no training row has it.
    """
    number = place.get(label)
    if number is None:
        raise ScenarioError(
            f"row {row + 1} has the label {label!r}, which no training row has: {nearest(label, place)}",
            key="data.label_column",
        )
    return number


def classification_scores(true: Sequence[int], predicted: Sequence[int], labels: Sequence[str]) -> Mapping[str, float]:
    """Accuracy, the F1 of each class, and their plain mean over the classes that occur (macro F1).

    F1 is 2 TP / (2 TP + FP + FN) (van Rijsbergen 1979); a class that neither occurs nor was predicted has none, and
    is 0 here and left out of the mean.
    """
    true_n, predicted_n = np.asarray(true, dtype=np.int64), np.asarray(predicted, dtype=np.int64)
    classes = len(labels)
    hits = np.bincount(true_n[true_n == predicted_n], minlength=classes)
    either = np.bincount(true_n, minlength=classes) + np.bincount(predicted_n, minlength=classes)
    f1 = 2 * hits / np.maximum(either, 1)
    seen = either > 0
    return {
        "accuracy": float((true_n == predicted_n).mean()) if len(true_n) else 0.0,
        "f1_macro": float(f1[seen].mean()) if seen.any() else 0.0,
        **{f"{CLASS_METRICS}{label}": float(value) for label, value in zip(labels, f1, strict=True)},
    }
