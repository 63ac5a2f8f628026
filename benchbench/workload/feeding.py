"""The sequence of global batches, which depends on the data and the seed alone, made here or in other processes."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from benchbench.workload.batches import Batch, Layout, Whole, label_counts, padded
from benchbench.workload.examples import Examples, Longs
from benchbench.workload.orders import Order
from benchbench.workload.task import Encoding, Task


@dataclass(frozen=True)
class Part:
    """One of several equal parts of every global batch: number `number`, from 0, of `of`."""

    number: int = 0
    of: int = 1


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How the global batch of a number is made, in any process.

    Attributes:
        split: the rows.
        task: what changes each time that they are seen.
        encoding: how they were encoded.
        order: the numbers of each global batch's rows.
        micro_batch: rows per forward, a divisor of the part.
        layout: how a micro-batch is laid out.
        part: the rows of each global batch that are this process's; what is drawn afresh is drawn for all of them.
    """

    split: Examples
    task: Task
    encoding: Encoding
    order: Order
    micro_batch: int
    layout: Layout = padded
    part: Part = Part()

    def batch(self, number: int) -> list[Batch]:
        """The micro-batches of this process's part of a global batch, counted from 0."""
        rows, pad = self.order.rows(number), self.encoding.vocabulary.pad
        examples = self.split.take(rows)
        if self.task.redraws:
            generator = np.random.default_rng([self.order.seed, number])
            examples = self.task.afresh(examples, self.encoding, generator)
        whole = None
        if self.part.of > 1:
            whole = Whole(counts=label_counts(examples), samples=len(examples), tokens=examples.tokens)
            mine = _mine(len(rows), self.part)
            examples, rows = examples.take(mine), rows[mine]
        if len(rows) <= self.micro_batch:
            found = [self.layout(examples, rows, pad)]
        else:
            places = np.arange(len(rows), dtype=np.int64)
            parts = [places[i : i + self.micro_batch] for i in range(0, len(rows), self.micro_batch)]
            found = [self.layout(examples.take(part), rows[part], pad) for part in parts]
        return found if whole is None else [replace(batch, whole=whole) for batch in found]


def _mine(rows: int, part: Part) -> Longs:
    """The places of a part's rows in a global batch."""
    share = rows // part.of
    return np.arange(part.number * share, (part.number + 1) * share, dtype=np.int64)


class MicroBatches:
    """The sequence of global batches, each as its micro-batches on the host.

    Args of the constructor:
        recipe: how each is made.
        workers: processes that make them ahead; 0 makes each when it is asked for.
        prefetch: global batches that each worker makes ahead.
        pin: put the tensors in pinned memory, for asynchronous copies.
        start: the number of the first global batch, from 0.
    """

    def __init__(
        self, recipe: Recipe, *, workers: int = 0, prefetch: int = 2, pin: bool = False, start: int = 0
    ) -> None:
        self.recipe = recipe
        self._number = start
        self._workers, self._prefetch, self._pin = workers, prefetch, pin
        self._ahead: Any = None

    @property
    def micro_batch(self) -> int:
        """Rows per forward."""
        return self.recipe.micro_batch

    @property
    def number(self) -> int:
        """The number of the global batch that comes next, from 0; one that is set is where the sequence goes on."""
        return self._number

    @number.setter
    def number(self, number: int) -> None:
        self.close()
        self._number = number

    def begin(self) -> None:
        """Starts the workers, if there are any and they were not started before."""
        if self._workers and self._ahead is None:
            self._ahead = _made_ahead(self.recipe, self.number, self._workers, self._prefetch)

    def close(self) -> None:
        """Ends the workers; what they made ahead is made again if a batch is asked for."""
        if self._ahead is not None:
            # A DataLoader has no other way to end its workers at once: left to the collector, they linger for seconds.
            self._ahead._shutdown_workers()
        self._ahead = None

    def __iter__(self) -> MicroBatches:
        return self

    def __next__(self) -> list[Batch]:
        self.begin()
        if self._ahead is None:
            found = self.recipe.batch(self.number)
        else:
            found = [batch.each(torch.from_numpy) for batch in next(self._ahead)]
        self._number += 1
        return [batch.pinned() for batch in found] if self._pin else found


class _Numbered(Dataset[list[Batch]]):
    """A recipe's batches by number, as arrays: as tensors they would each hold a file and a piece of /dev/shm."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe

    def __getitem__(self, number: int) -> list[Batch]:
        return [batch.each(_array) for batch in self._recipe.batch(number)]


def _array(tensor: torch.Tensor) -> Any:
    return tensor.numpy()


def _as_it_is(batches: list[Batch]) -> list[Batch]:
    return batches


def _made_ahead(recipe: Recipe, start: int, workers: int, prefetch: int) -> Iterator[list[Batch]]:
    """The batches from a number on, in their order, made by other processes.

    The seed that a DataLoader draws for its workers comes from a generator of its own: from torch's it would change
    what a training draws.
    """
    loader = DataLoader(
        _Numbered(recipe),
        batch_size=None,
        sampler=range(start, sys.maxsize),
        num_workers=workers,
        prefetch_factor=prefetch,
        collate_fn=_as_it_is,
        generator=torch.Generator(),
    )
    return iter(loader)
