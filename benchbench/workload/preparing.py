"""Rows -> splits -> vocabulary -> examples."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from benchbench import registry
from benchbench.errors import ScenarioError
from benchbench.scenario.types import Data
from benchbench.workload import tokenizer
from benchbench.workload.costs import Costs
from benchbench.workload.examples import Examples, Longs
from benchbench.workload.rows import SPLITS, Rows
from benchbench.workload.source import RowSource, TokenSource
from benchbench.workload.task import Encoding, Task
from benchbench.workload.vocabulary import SPECIAL, Vocabulary

_SPLIT_SEED = 0  # the splits never move with the training's seed: every repeat is judged on the same rows
_SYNTHETIC_ROWS = {"train": 4096, "validation": 512, "test": 512}
_SYNTHETIC_SEED = 20_260_101
_SYNTHETIC_LABELS = ("0", "1")


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A source's rows, ready to be batched.

    Attributes:
        train: what is learned from; the vocabulary too.
        validation: what a target and a search look at.
        test: looked at once, when a claim is confirmed.
        encoding: how they were encoded: the vocabulary, the classes' names.
        fingerprint: hash of the rows.
        licence: of the data.
        costs: what it took.
    """

    train: Examples
    validation: Examples
    test: Examples
    encoding: Encoding
    fingerprint: str
    licence: str
    costs: Costs


def prepare(data: Data, task: Task, room: int, pretrained: Vocabulary | None = None) -> Prepared:
    """Reads, splits and encodes the rows.

    Args:
        data: the scenario's section.
        task: decides what a row must have and how it is encoded.
        room: the size of the model's embedding; no id may reach it.
        pretrained: the vocabulary that the model's weights were trained with, if any.

    Raises:
        ScenarioError: a row, a column or a vocabulary that cannot be used.
    """
    source = registry.load(registry.SOURCES, data.source)
    if isinstance(source, TokenSource):
        return _drawn(source, data, task, pretrained or Vocabulary(tokenizer=None, size=_with_room(room)))
    return _read(cast(RowSource, source), data, task, room, pretrained)


def _with_room(room: int) -> int:
    if room <= len(SPECIAL):
        raise ScenarioError(
            f"a vocabulary has the {len(SPECIAL)} special tokens and more, not {room} entries", key="model.vocab"
        )
    return room


def _drawn(source: TokenSource, data: Data, task: Task, vocabulary: Vocabulary) -> Prepared:
    labels = _SYNTHETIC_LABELS if task.labelled_by else ()
    encoding = Encoding(vocabulary=vocabulary, labels=labels, sequence_length=data.sequence_length)
    digest = hashlib.sha256()
    splits = {}
    for number, (name, rows) in enumerate(_SYNTHETIC_ROWS.items()):
        ids = source.draw(data, vocabulary.size, rows, _SYNTHETIC_SEED + number)
        digest.update(ids.values.tobytes())
        splits[name] = task.synthetic(ids, encoding, np.random.default_rng(_SYNTHETIC_SEED + number))
    return Prepared(**splits, encoding=encoding, fingerprint=digest.hexdigest(), licence=source.licence, costs=Costs())


def _read(source: RowSource, data: Data, task: Task, room: int, pretrained: Vocabulary | None) -> Prepared:
    costs = Costs()
    splits, fingerprint = _split(source.shards(data, task.roles, costs), task, data)
    labels = _labels(splits["train"], task)
    with costs.spent("tokenize"):
        vocabulary = pretrained or _learned(task, splits["train"], room)
        encoding = Encoding(vocabulary=vocabulary, labels=labels, sequence_length=data.sequence_length)
        held_out = dataclasses.replace(encoding, held_out=True)
        examples = {n: task.encode(rows, encoding if n == "train" else held_out) for n, rows in splits.items()}
    return Prepared(**examples, encoding=encoding, fingerprint=fingerprint, licence=source.licence, costs=costs)


def _learned(task: Task, rows: Rows, room: int) -> Vocabulary:
    return tokenizer.trained(list(task.texts(rows)), room, task.tokenizer)


def _split(shards: Iterable[tuple[str | None, Rows]], task: Task, data: Data) -> tuple[dict[str, Rows], str]:
    """Every split's rows, and the fingerprint of all."""
    digest = hashlib.sha256()
    given: dict[str | None, list[Rows]] = {}
    for split, every in shards:
        rows = _needed(every, task, data)
        given.setdefault(split, []).append(rows)
        for number in range(len(rows)):
            row = {role: values[number] for role, values in rows.columns.items()}
            digest.update(json.dumps([split, row], sort_keys=True, ensure_ascii=False).encode() + b"\n")
    whole = {split: _joined(parts) for split, parts in given.items()}
    if None not in whole:
        return {name: whole[name] for name in SPLITS}, digest.hexdigest()
    rows = whole[None]
    parts = split_rows(len(rows), data.validation_fraction, data.test_fraction)
    return {name: rows.take(part) for name, part in zip(SPLITS, parts, strict=True)}, digest.hexdigest()


def _needed(rows: Rows, task: Task, data: Data) -> Rows:
    """The columns that the task looks at."""
    missing = [role for role in task.roles if role not in rows.columns]
    if missing:
        raise ScenarioError(
            f"the source {data.source!r} has no {' and no '.join(missing)}, which the task needs; it has "
            f"{', '.join(sorted(rows.columns))}",
            key="data.source",
        )
    kept = (*task.roles, *(role for role in ("document",) if role in rows.columns))
    return Rows(columns={role: rows.columns[role] for role in kept}, numbers=rows.numbers)


def _joined(parts: Sequence[Rows]) -> Rows:
    columns = {role: [value for part in parts for value in part.columns[role]] for role in parts[0].columns}
    return Rows(columns=columns, numbers=np.concatenate([part.numbers for part in parts]))


def _labels(train: Rows, task: Task) -> tuple[str, ...]:
    """The classes, by name: every one that the training rows have."""
    if task.labelled_by is None:
        return ()
    found: set[str] = set()
    for value in train.columns[task.labelled_by]:
        found.update([value] if isinstance(value, str) else value)
    return tuple(sorted(found))


def split_rows(rows: int, validation_fraction: float, test_fraction: float) -> tuple[Longs, Longs, Longs]:
    """Row numbers of training, validation and test: disjoint, together every row, each in rising order."""
    order = np.random.default_rng(_SPLIT_SEED).permutation(rows).astype(np.int64)
    validation, test = round(rows * validation_fraction), round(rows * test_fraction)
    return (
        np.sort(order[validation + test :]),
        np.sort(order[:validation]),
        np.sort(order[validation : validation + test]),
    )
