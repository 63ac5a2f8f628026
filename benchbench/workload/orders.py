"""Which rows make up each global batch: it depends on the data and the seed alone."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from benchbench.workload.examples import Longs


class Order(Protocol):
    """The sequence of global batches, by number: any of them can be asked for, in any order.

    Attributes:
        global_batch: rows of each.
        seed: of the order.
    """

    global_batch: int
    seed: int

    def rows(self, number: int) -> Longs:
        """The row numbers of one global batch, from 0. Shape (global_batch,)."""
        ...


class Shuffled:
    """Every row once an epoch, in a new order each time.

    A batch that an epoch's end cuts is filled from the next epoch, so every batch is whole.

    Args of the constructor:
        count: rows of the split, at least one.
        global_batch: rows of each batch.
        seed: of the order.
    """

    def __init__(self, count: int, global_batch: int, seed: int) -> None:
        assert count > 0
        self.global_batch = global_batch
        self._count = count
        self.seed = seed
        self._epochs: dict[int, Longs] = {}

    def rows(self, number: int) -> Longs:
        """See `Order.rows`."""
        begin = number * self.global_batch
        end = begin + self.global_batch
        first, last = begin // self._count, (end - 1) // self._count
        stream = np.concatenate([self._epoch(epoch) for epoch in range(first, last + 1)])
        for past in [epoch for epoch in self._epochs if epoch < first]:
            del self._epochs[past]
        return stream[begin - first * self._count : end - first * self._count]

    def _epoch(self, epoch: int) -> Longs:
        if epoch not in self._epochs:
            generator = np.random.default_rng([self.seed, epoch])
            self._epochs[epoch] = generator.permutation(self._count).astype(np.int64)
        return self._epochs[epoch]
