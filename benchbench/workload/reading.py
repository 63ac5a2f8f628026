"""A source's rows -> rows put aside, what their splits are made by, and their fingerprint; and the cleaning of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from benchbench.errors import ScenarioError
from benchbench.scenario.types import Data
from benchbench.workload.cleaning import DEDUPE, clean, first_of_each
from benchbench.workload.costs import Costs
from benchbench.workload.examples import Longs
from benchbench.workload.rows import SPLITS, Rows, Value
from benchbench.workload.shelf import Shelf
from benchbench.workload.source import RowSource
from benchbench.workload.splitting import UNNAMED, Outline
from benchbench.workload.spool import Spool, SpoolWriter
from benchbench.workload.task import Task

Progress = Callable[[str, int, int | None], None]
"""Is told how far a part is: its name (`read`, `clean`, `vocabulary`, `tokenize`), rows done, rows in all if known."""

_RAW, _CLEAN = "raw.arrow", "clean.arrow"
_DOCUMENT, _ANSWER_START = "document", "answer_start"
_encode = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode


@dataclass(frozen=True, kw_only=True)
class Reading:
    """Rows put aside.

    Attributes:
        spool: the rows.
        outline: what their splits are made by.
        origins: where the rows of each split of the source's own lie, by its place in `SPLITS` or `UNNAMED`.
        fingerprint: hash of the rows as the source gave them.
        kept: the numbers of those that are used, rising. Shape (K,).
        removed: how many rows cleaning left out, by why.
    """

    spool: Spool
    outline: Outline
    origins: Mapping[int, str]
    fingerprint: str
    kept: Longs
    removed: Mapping[str, int] = field(default_factory=dict)

    def named(self, rows: Longs) -> AbstractContextManager[None]:
        """See `named`, of some rows of one split."""
        return named(self.origins[int(self.outline.splits[rows[0]])])


@contextmanager
def named(origin: str) -> Iterator[None]:
    """Puts where rows lie before what is wrong with one of them."""
    try:
        yield
    except ScenarioError as error:
        raise ScenarioError(f"{origin}: {error.message}", key=error.key) from error


def read(source: RowSource, data: Data, task: Task, shelf: Shelf, costs: Costs, progress: Progress) -> Reading:
    """Reads all rows once.

    Args:
        source: gives them.
        data: the scenario's section.
        task: decides which columns are looked at.
        shelf: where the rows are put aside.
        costs: takes the seconds of storage and decoding.
        progress: is told after each shard.

    Raises:
        ScenarioError: a column that is missing, or a row that cannot be used.
    """
    sketch = _Sketch()
    digest = hashlib.sha256()
    origins: dict[int, str] = {}
    shards = source.word_shards if task.labels_words else source.shards
    roles = (*task.roles, *(role for role in task.optional_roles if getattr(data, f"{role}_column") is not None))
    with SpoolWriter(shelf, _RAW) as writer:
        for split, every in costs.each("decode", iter(shards(data, roles, costs))):
            rows = _needed(every, task, data)
            number = UNNAMED if split is None else SPLITS.index(split)
            if number not in origins:
                origins[number] = source.origin(data, split)
            with costs.spent("decode"), named(origins[number]):
                _check_labels(rows, task)
                _hash(digest.update, split, rows)
                sketch.add(number, rows)
                writer.add(rows)
            progress("read", sketch.rows, None)
    if not sketch.rows:
        raise ScenarioError(f"the source {data.source!r} holds no rows", key="data.source")
    kept = np.arange(sketch.rows, dtype=np.int64)
    return Reading(
        spool=writer.spool(),
        outline=sketch.outline(),
        origins=origins,
        fingerprint=digest.hexdigest(),
        kept=kept,
    )


def cleaned(reading: Reading, data: Data, task: Task, shelf: Shelf, costs: Costs, progress: Progress) -> Reading:
    """Takes the steps of `data.clean` on all rows, those of every split alike: no step learns from them."""
    if not data.clean:
        return reading
    roles = [role for role in task.roles if role != task.labelled_by]
    labels = task.labelled_by if task.labels_words else None
    done, empty, digests = 0, [], []
    with SpoolWriter(shelf, _CLEAN) as writer, costs.spent("clean"):
        for rows in reading.spool.shards():
            found = clean(_without(rows, _ANSWER_START), data.clean, roles, labels)
            writer.add(found.rows)
            empty.append(found.empty)
            digests += [] if found.digests is None else [found.digests]
            done += len(rows)
            progress("clean", done, len(reading.spool))
    reading.spool.remove()
    kept = reading.kept
    if DEDUPE in data.clean:
        # Training rows come first, so that of a row and its equal it is never the held-out one that stays.
        order = np.argsort(reading.outline.splits, kind="stable")
        kept = np.sort(order[first_of_each(np.concatenate(digests)[order])]).astype(np.int64)
    filled = kept[~np.concatenate(empty)[kept]]
    removed = {"duplicates": len(reading.kept) - len(kept), "empty": len(kept) - len(filled)}
    return replace(reading, spool=writer.spool(), kept=filled, removed=removed)


class _Sketch:
    """Collects an outline shard by shard."""

    def __init__(self) -> None:
        self.rows = 0
        self._splits: list[np.ndarray[tuple[int], np.dtype[np.int8]]] = []
        self._characters: list[Longs] = []
        self._documents: list[Longs] = []
        self._document = 0
        self._last: tuple[int, object] | None = None

    def add(self, split: int, rows: Rows) -> None:
        """Takes note of a shard of a split, as its place in `SPLITS`, or `UNNAMED`."""
        self.rows += len(rows)
        self._splits.append(np.full(len(rows), split, dtype=np.int8))
        sizes = [[_characters(value) for value in values] for values in rows.columns.values()]
        self._characters.append(np.sum(sizes, axis=0, dtype=np.int64))
        if _DOCUMENT in rows.columns:
            self._documents.append(np.array([self._of(split, name) for name in rows.columns[_DOCUMENT]], np.int64))

    def outline(self) -> Outline:
        """Of all rows so far."""
        return Outline(
            splits=np.concatenate(self._splits),
            documents=np.concatenate(self._documents) if self._documents else None,
            characters=np.concatenate(self._characters),
        )

    def _of(self, split: int, name: object) -> int:
        self._document += (split, name) != self._last
        self._last = (split, name)
        return self._document


def _characters(value: Value) -> int:
    return len(value) if isinstance(value, str) else sum(map(len, value)) + len(value)


def _needed(rows: Rows, task: Task, data: Data) -> Rows:
    """The columns that the task looks at; texts whose words have labels as lists."""
    missing = [role for role in task.roles if role not in rows.columns]
    if missing:
        raise ScenarioError(
            f"the source {data.source!r} has no {' and no '.join(missing)}, which the task needs; it has "
            f"{', '.join(sorted(rows.columns))}",
            key="data.source",
        )
    columns: dict[str, Sequence[Value]] = {role: rows.columns[role] for role in task.roles}
    if task.labels_words:
        columns = {role: [_words(value) for value in values] for role, values in columns.items()}
    columns |= {role: rows.columns[role] for role in (_DOCUMENT, _ANSWER_START) if role in rows.columns}
    return Rows(columns=columns, numbers=rows.numbers)


def _words(value: Value) -> Value:
    return value.split() if isinstance(value, str) else value


def _without(rows: Rows, role: str) -> Rows:
    return Rows(columns={name: values for name, values in rows.columns.items() if name != role}, numbers=rows.numbers)


def _check_labels(rows: Rows, task: Task) -> None:
    """Refuses several labels where a row has one class."""
    if task.labelled_by is None or task.labels_words:
        return
    for number, label in zip(rows.numbers, rows.columns[task.labelled_by], strict=True):
        if not isinstance(label, str):
            raise ScenarioError(
                f"row {number + 1} has a list of labels, {list(label)!r}; this task wants one, a text or a number",
                key="data.label_column",
            )


def _hash(update: Callable[[bytes], None], split: str | None, rows: Rows) -> None:
    names = list(rows.columns)
    for number, values in zip(rows.numbers, zip(*rows.columns.values(), strict=True), strict=True):
        line = _encode([split, dict(zip(names, values, strict=True))])
        try:
            update(line.encode() + b"\n")
        except UnicodeEncodeError as error:
            raise ScenarioError(
                f"row {number + 1} holds half of a character (a lone surrogate), which is no text", key="data.source"
            ) from error
