"""The sequence of global batches, which depends on the data and the seed alone, and how rows become tensors."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from benchbench.workload.source import Encoded, Longs


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Rows as tensors.

    Attributes:
        ids_bs: token ids. Shape (B, S), int64.
        mask_bs: 1 where a token stands, 0 where padding does. Shape (B, S), int64.
        labels_b: classes. Shape (B,), int64.
        tokens: tokens that are not padding.
    """

    ids_bs: torch.Tensor
    mask_bs: torch.Tensor
    labels_b: torch.Tensor
    tokens: int

    def to(self, device: torch.device) -> Batch:
        """The batch on a device, copied without waiting where the memory is pinned."""
        if device.type == "cpu":
            return self
        moved = [t.to(device, non_blocking=True) for t in (self.ids_bs, self.mask_bs, self.labels_b)]
        return Batch(ids_bs=moved[0], mask_bs=moved[1], labels_b=moved[2], tokens=self.tokens)


def global_batches(rows: int, global_batch: int, seed: int) -> Iterator[Longs]:
    """Row numbers of one global batch after another, without end; every row once an epoch.

    A batch that an epoch's end cuts is filled from the next epoch, so every batch is whole.
    """
    assert rows > 0
    generator = np.random.default_rng(seed)
    left = np.empty(0, dtype=np.int64)
    while True:
        while len(left) < global_batch:
            left = np.concatenate((left, generator.permutation(rows).astype(np.int64)))
        yield left[:global_batch]
        left = left[global_batch:]


class MicroBatches:
    """The sequence of global batches, each as its micro-batches on the host.

    Args of the constructor:
        split: the rows.
        pad_id: fills short ones.
        global_batch: rows per optimizer step.
        micro_batch: rows per forward, a divisor of it; None starts with all of them and lets `smaller` go below.
        seed: of the order.
        pin: put the tensors in pinned memory, for asynchronous copies.
    """

    def __init__(
        self, split: Encoded, pad_id: int, *, global_batch: int, micro_batch: int | None, seed: int, pin: bool = False
    ) -> None:
        self.micro_batch = micro_batch or global_batch
        self._may_shrink = micro_batch is None
        self._split, self._pad_id, self._pin = split, pad_id, pin
        self._order = global_batches(len(split), global_batch, seed)
        self._rows = np.empty(0, dtype=np.int64)

    def __iter__(self) -> MicroBatches:
        return self

    def __next__(self) -> list[Batch]:
        self._rows = next(self._order)
        return self._collated()

    def smaller(self) -> list[Batch] | None:
        """The same global batch again, in micro-batches of the next smaller divisor, and so from now on.

        Returns:
            None when the size was asked for, or is 1.
        """
        if not self._may_shrink or self.micro_batch == 1:
            return None
        self.micro_batch = next(m for m in range(self.micro_batch // 2, 0, -1) if len(self._rows) % m == 0)
        return self._collated()

    def _collated(self) -> list[Batch]:
        parts = [self._rows[i : i + self.micro_batch] for i in range(0, len(self._rows), self.micro_batch)]
        return [collate(self._split, part, self._pad_id, self._pin) for part in parts]


def collate(split: Encoded, rows: Longs, pad_id: int, pin: bool = False) -> Batch:
    """Rows padded to the longest among them.

    Args:
        split: where the rows are.
        rows: their numbers. Shape (B,).
        pad_id: fills what is short.
        pin: put the tensors in pinned memory, for asynchronous copies.
    """
    starts, lengths = split.offsets[rows], split.offsets[rows + 1] - split.offsets[rows]
    width = int(lengths.max())
    columns = np.arange(width)
    mask = columns[None, :] < lengths[:, None]
    ids = np.full((len(rows), width), pad_id, dtype=np.int64)
    ids[mask] = split.ids[(starts[:, None] + columns[None, :])[mask]]
    tensors = [torch.from_numpy(a) for a in (ids, mask.astype(np.int64), split.labels[rows])]
    if pin:
        tensors = [t.pin_memory() for t in tensors]
    return Batch(ids_bs=tensors[0], mask_bs=tensors[1], labels_b=tensors[2], tokens=int(lengths.sum()))


def held_out(split: Encoded, pad_id: int, batch: int = 256) -> list[Batch]:
    """A whole split in batches of rows of like length (for evaluation, where the order does not matter)."""
    order = np.argsort(np.diff(split.offsets), kind="stable").astype(np.int64)
    return [collate(split, order[i : i + batch], pad_id) for i in range(0, len(order), batch)]
