"""What is done about rare classes: rows drawn more often, or losses that weigh more."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from benchbench.errors import UnsupportedError
from benchbench.workload.examples import IGNORED, Examples, Longs

_KEY = "data.balance"


def check(balance: str, examples: Examples, classes: int) -> None:
    """Looks whether there are the classes that are to be balanced.

    Args:
        balance: `none`, `class-weights` or `oversample`.
        examples: the training rows.
        classes: how many there are.

    Raises:
        UnsupportedError: there are none, or none that a whole row belongs to.
    """
    if balance == "none":
        return
    if not classes:
        raise UnsupportedError(f"this task has no classes to balance; leave balance: {balance} out", key=_KEY)
    if balance == "oversample" and "label" not in examples.scalars:
        raise UnsupportedError(
            "a row of this task has many classes, so drawing rows more often balances none; use balance: class-weights",
            key=_KEY,
        )


def row_classes(examples: Examples) -> Longs:
    """The class of each row. Shape (R,)."""
    return examples.scalars["label"]


def class_weights(examples: Examples, classes: int) -> npt.NDArray[np.float32]:
    """The weight of each class: n / (K n_c), for n labelled positions, n_c of this class, K classes that occur.

    Their mean over the labelled positions is 1, so that the loss keeps its size (King and Zeng 2001). A class that
    does not occur weighs nothing.

    Args:
        examples: the training rows, with a class a row (`label`) or a position (`labels`).
        classes: how many there are.

    Returns:
        Shape (classes,).
    """
    labels = row_classes(examples) if "label" in examples.scalars else examples.columns["labels"].values
    counts = np.bincount(labels[labels != IGNORED], minlength=classes)
    seen = counts > 0
    weights = np.zeros(classes, dtype=np.float32)
    weights[seen] = counts.sum() / (seen.sum() * counts[seen])
    return weights
