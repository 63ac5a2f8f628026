"""The sequence of global batches, which depends on the data and the seed alone, and how rows become tensors.

Shape letters: B rows of a batch, S its width in tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import torch

from benchbench.workload.examples import IGNORED, Examples, Longs
from benchbench.workload.orders import Order
from benchbench.workload.task import Encoding, HeldOut, Task

# The name of each column of `Examples` as a model's argument; what is not here is a label.
_ARGUMENTS = {
    "ids": "input_ids", "type_ids": "token_type_ids", "position_ids": "position_ids", "decoder_ids": "decoder_input_ids"
}  # fmt: skip
_EVALUATION_BATCH = 256


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A micro-batch as tensors.

    Attributes:
        inputs: the model's arguments by name; `input_ids` and `attention_mask` are always there, int64, (B, S).
        labels: what the loss compares with, by name: (B,) from a scalar, (B, S) from a column, int64.
        counts: labelled positions of each label.
        rows: the rows' numbers in their split. Host array.
        samples: sequences, however they are laid out.
        tokens: those that are not padding.
    """

    inputs: Mapping[str, torch.Tensor]
    labels: Mapping[str, torch.Tensor]
    counts: Mapping[str, int]
    rows: Longs
    samples: int
    tokens: int

    def to(self, device: torch.device) -> Batch:
        """The batch on a device, copied without waiting where the memory is pinned."""
        if device.type == "cpu":
            return self
        return self._each(lambda tensor: tensor.to(device, non_blocking=True))

    def pinned(self) -> Batch:
        """The batch in pinned memory, for asynchronous copies."""
        return self._each(torch.Tensor.pin_memory)

    def _each(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Batch:
        return replace(
            self,
            inputs={name: change(tensor) for name, tensor in self.inputs.items()},
            labels={name: change(tensor) for name, tensor in self.labels.items()},
        )


class Layout(Protocol):
    """How the rows of a micro-batch lie in its tensors."""

    def __call__(self, examples: Examples, rows: Longs, pad: int) -> Batch:
        """The rows as tensors.

        Args:
            examples: the rows themselves.
            rows: their numbers in their split. Shape (R,).
            pad: the id that fills what is short.
        """
        ...


def padded(examples: Examples, rows: Longs, pad: int) -> Batch:
    """Each row on its own, filled up to the longest among them (see `Layout`)."""
    fills = {"ids": pad, "decoder_ids": pad, "labels": IGNORED}
    columns = {n: torch.from_numpy(column.padded(fills.get(n, 0))) for n, column in examples.columns.items()}
    inputs = {_ARGUMENTS[name]: tensor for name, tensor in columns.items() if name in _ARGUMENTS}
    inputs["attention_mask"] = torch.from_numpy(examples.columns["ids"].mask().astype(np.int64))
    labels = {name: tensor for name, tensor in columns.items() if name not in _ARGUMENTS}
    labels |= {name: torch.from_numpy(values) for name, values in examples.scalars.items()}
    return Batch(
        inputs=inputs,
        labels=labels,
        counts=label_counts(examples),
        rows=rows,
        samples=len(examples),
        tokens=examples.tokens,
    )


def label_counts(examples: Examples) -> dict[str, int]:
    """The labelled positions of each label: of a scalar every row, of a column what is not `IGNORED`."""
    columns = {
        name: int((column.values != IGNORED).sum())
        for name, column in examples.columns.items()
        if name not in _ARGUMENTS
    }
    return columns | {name: int((values != IGNORED).sum()) for name, values in examples.scalars.items()}


class MicroBatches:
    """The sequence of global batches, each as its micro-batches on the host.

    Args of the constructor:
        split: the rows.
        task: what changes each time that they are seen.
        encoding: how they were encoded.
        order: the numbers of each global batch's rows.
        layout: how a micro-batch is laid out.
        micro_batch: rows per forward, a divisor of the global batch; None starts with all of them and lets `smaller`
            go below.
        pin: put the tensors in pinned memory, for asynchronous copies.
    """

    def __init__(
        self,
        split: Examples,
        task: Task,
        encoding: Encoding,
        order: Order,
        *,
        layout: Layout = padded,
        micro_batch: int | None,
        pin: bool = False,
    ) -> None:
        self.micro_batch = micro_batch or order.global_batch
        self._may_shrink = micro_batch is None
        self._split, self._task, self._encoding = split, task, encoding
        self._order, self._layout, self._pin = order, layout, pin
        self._number = 0
        self._rows = np.empty(0, dtype=np.int64)
        self._examples = split

    def __iter__(self) -> MicroBatches:
        return self

    def __next__(self) -> list[Batch]:
        self._rows = self._order.rows(self._number)
        generator = np.random.default_rng([self._order.seed, self._number])
        self._examples = self._task.afresh(self._split.take(self._rows), self._encoding, generator)
        self._number += 1
        return self._laid_out()

    def smaller(self) -> list[Batch] | None:
        """The same global batch again, in micro-batches of the next smaller divisor, and so from now on.

        Returns:
            None when the size was asked for, or is 1.
        """
        if not self._may_shrink or self.micro_batch == 1:
            return None
        self.micro_batch = next(m for m in range(self.micro_batch // 2, 0, -1) if len(self._rows) % m == 0)
        return self._laid_out()

    def _laid_out(self) -> list[Batch]:
        numbers = np.arange(len(self._rows), dtype=np.int64)
        parts = [numbers[i : i + self.micro_batch] for i in range(0, len(numbers), self.micro_batch)]
        found = [
            self._layout(self._examples.take(part), self._rows[part], self._encoding.vocabulary.pad) for part in parts
        ]
        return [batch.pinned() for batch in found] if self._pin else found


def held_out(split: Examples, encoding: Encoding, device: torch.device, batch: int = _EVALUATION_BATCH) -> HeldOut:
    """A whole split in batches of rows of like length (for evaluation, where the order does not matter)."""
    order = np.argsort(split.lengths, kind="stable").astype(np.int64)
    parts = [order[i : i + batch] for i in range(0, len(order), batch)]
    batches = [padded(split.take(part), part, encoding.vocabulary.pad).to(device) for part in parts]
    return HeldOut(batches=batches, examples=split, encoding=replace(encoding, held_out=True))
