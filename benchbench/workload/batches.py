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
    generator = np.random.default_rng(seed)
    left = np.empty(0, dtype=np.int64)
    while True:
        while len(left) < global_batch:
            left = np.concatenate((left, generator.permutation(rows).astype(np.int64)))
        yield left[:global_batch]
        left = left[global_batch:]


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
