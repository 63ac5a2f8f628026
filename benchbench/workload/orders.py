"""Which rows make up each global batch: it depends on the data and the seed alone."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from benchbench.workload.balance import row_classes
from benchbench.workload.examples import Examples, Longs

# Global batches whose rows are sorted together: long enough that few rows are padded, short enough that a batch's
# rows still come from all over the data.
WINDOW = 50


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
        count: rows of an epoch, at least one.
        global_batch: rows of each batch.
        seed: of the order.
    """

    def __init__(self, count: int, global_batch: int, seed: int) -> None:
        assert count > 0
        self.global_batch = global_batch
        self.count = count
        self.seed = seed
        self._epochs: dict[int, Longs] = {}

    def rows(self, number: int) -> Longs:
        """See `Order.rows`."""
        begin = number * self.global_batch
        end = begin + self.global_batch
        first, last = begin // self.count, (end - 1) // self.count
        epochs = [self.epoch(epoch) for epoch in range(first, last + 1)]
        stream = epochs[0] if len(epochs) == 1 else np.concatenate(epochs)
        for past in [epoch for epoch in self._epochs if epoch < first]:
            del self._epochs[past]
        return stream[begin - first * self.count : end - first * self.count]

    def epoch(self, epoch: int) -> Longs:
        """The rows of an epoch, in their order. Shape (count,)."""
        if epoch not in self._epochs:
            self._epochs[epoch] = self._drawn(np.random.default_rng([self.seed, epoch]))
        return self._epochs[epoch]

    def _drawn(self, generator: np.random.Generator) -> Longs:
        return generator.permutation(self.count).astype(np.int64)


class Oversampled(Shuffled):
    """Every class equally often an epoch: the commonest class's rows once, those of the others again and again.

    Within a class no row comes twice more often than another.

    Args of the constructor:
        classes: of each row. Shape (R,).
        global_batch: rows of each batch.
        seed: of the order.
    """

    def __init__(self, classes: Longs, global_batch: int, seed: int) -> None:
        self._members = [np.flatnonzero(classes == one) for one in np.unique(classes)]
        self._each = max(map(len, self._members))
        super().__init__(self._each * len(self._members), global_batch, seed)

    def _drawn(self, generator: np.random.Generator) -> Longs:
        drawn = []
        for members in self._members:
            times = -(-self._each // len(members))
            drawn.append(np.concatenate([generator.permutation(members) for _ in range(times)])[: self._each])
        return generator.permutation(np.concatenate(drawn)).astype(np.int64)


class Bucketed:
    """The rows of another order's epochs, those of like length together, so that little is padding.

    Within a window of `WINDOW` batches the rows are sorted by length and cut into batches; then all batches of the
    epoch are shuffled. A batch that an epoch's end cuts is left as it was.

    Args of the constructor:
        order: says which rows an epoch has.
        lengths: tokens of each row of the split. Shape (R,).
    """

    def __init__(self, order: Shuffled, lengths: Longs) -> None:
        self.global_batch, self.seed = order.global_batch, order.seed
        self._order, self._lengths = order, lengths
        self._sorted: tuple[int, Longs] = (-1, np.empty((0, self.global_batch), dtype=np.int64))

    def rows(self, number: int) -> Longs:
        """See `Order.rows`."""
        size, count = self.global_batch, self._order.count
        epoch, last = number * size // count, ((number + 1) * size - 1) // count
        if epoch != last:
            return self._order.rows(number)
        if self._sorted[0] != epoch:
            self._sorted = (epoch, self._arranged(epoch))
        batch: Longs = self._sorted[1][number - -(-epoch * count // size)]
        return batch

    def _arranged(self, epoch: int) -> Longs:
        """The epoch's whole batches, in the order in which they come. Shape (batches, global_batch)."""
        size, begin = self.global_batch, epoch * self._order.count
        first, end = -(-begin // size), (begin + self._order.count) // size
        rows = self._order.epoch(epoch)[first * size - begin : end * size - begin]
        span = WINDOW * size
        windows = [rows[i : i + span] for i in range(0, len(rows), span)]
        batches = [w[np.argsort(self._lengths[w], kind="stable")].reshape(-1, size) for w in windows]
        mixed: Longs = np.random.default_rng([self.seed, epoch, 1]).permutation(np.concatenate(batches))
        return mixed


def order(examples: Examples, global_batch: int, seed: int, *, oversample: bool = False, bucket: bool = False) -> Order:
    """The order of some rows.

    Args:
        examples: the training rows; `oversample` needs the class of each.
        global_batch: rows of each batch.
        seed: of the order.
        oversample: every class equally often.
        bucket: rows of like length together.
    """
    drawn = (
        Oversampled(row_classes(examples), global_batch, seed)
        if oversample
        else Shuffled(len(examples), global_batch, seed)
    )
    return Bucketed(drawn, examples.lengths) if bucket else drawn
