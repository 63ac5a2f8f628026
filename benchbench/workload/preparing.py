"""Rows -> splits -> vocabulary -> examples."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache, partial
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np
from tokenizers import Tokenizer

from benchbench import registry
from benchbench.errors import ScenarioError
from benchbench.scenario.types import Data
from benchbench.workload import cache as kept_data
from benchbench.workload import encoded, tokenizer
from benchbench.workload.columns import SHARD_ROWS
from benchbench.workload.costs import Costs
from benchbench.workload.examples import Examples, Longs
from benchbench.workload.reading import Progress, Reading, cleaned, read
from benchbench.workload.rows import SPLITS
from benchbench.workload.shelf import Shelf
from benchbench.workload.source import OWN, RowSource, TokenSource
from benchbench.workload.splitting import chunks, split, split_rows
from benchbench.workload.task import Encoding, Task
from benchbench.workload.vocabulary import PAD_ID, SPECIAL, Vocabulary

__all__ = ["Prepared", "Progress", "prepare", "split_rows"]

_SYNTHETIC_ROWS = {"train": 4096, "validation": 512, "test": 512}
_SYNTHETIC_SEED = 20_260_101
_SYNTHETIC_LABELS = ("0", "1")
# A vocabulary is learned from every k-th training row, k the smallest that keeps to both.
_VOCABULARY_ROWS = 200_000
_VOCABULARY_CHARACTERS = 1 << 26
_FORMAT = 1  # of a cache entry
_TOKENIZER = "tokenizer.json"


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
        removed: how many rows cleaning left out, by why.
        cached: whether the examples came from the cache; None for random rows, which are not kept.
    """

    train: Examples
    validation: Examples
    test: Examples
    encoding: Encoding
    fingerprint: str
    licence: str
    costs: Costs
    removed: Mapping[str, int] = field(default_factory=dict)
    cached: bool | None = None


def prepare(
    data: Data,
    task: Task,
    room: int,
    pretrained: Vocabulary | None = None,
    *,
    pairs: bool = True,
    decoder_start: int = PAD_ID,
    progress: Progress | None = None,
) -> Prepared:
    """Reads, cleans, splits and encodes the rows, or finds them in the cache.

    Args:
        data: the scenario's section.
        task: decides what a row must have and how it is encoded.
        room: the size of the model's embedding; no id may reach it.
        pretrained: the vocabulary that the model's weights were trained with, if any.
        pairs: of a vocabulary that is made here (see `Vocabulary.pairs`): whether the model has token types.
        decoder_start: of a vocabulary that is made here (see `Vocabulary.decoder_start`).
        progress: is told how far it is.

    Raises:
        ScenarioError: a setting, a row, a column or a vocabulary that cannot be used.
    """
    source = cast(RowSource | TokenSource, registry.load(registry.SOURCES, data.source))
    _check(data, source)
    if isinstance(source, TokenSource):
        made = Vocabulary(tokenizer=None, size=_with_room(room), pairs=pairs, decoder_start=decoder_start)
        return _drawn(source, data, task, pretrained or made)
    made_like = partial(dataclasses.replace, pairs=pairs, decoder_start=decoder_start)
    request = _Request(data, task, room, pretrained, made_like, progress or (lambda *_: None))
    problem: OSError | None = None
    with closing(kept_data.places()) as places:
        for shelf in places:
            try:
                return _prepared(source, request, shelf)
            except OSError as error:  # a full disk
                problem = error
    raise AssertionError from problem


@dataclass(frozen=True)
class _Request:
    data: Data
    task: Task
    room: int
    pretrained: Vocabulary | None
    made_like: Callable[[Vocabulary], Vocabulary]
    progress: Progress


def _check(data: Data, source: RowSource | TokenSource) -> None:
    """Refuses settings that the source would not look at."""
    for name in OWN:
        if name not in source.settings and getattr(data, name) is not None:
            raise ScenarioError(
                f"the source {data.source!r} does not look at data.{name}; leave it out, or name another data.source",
                key=f"data.{name}",
            )
    if isinstance(source, TokenSource) and data.clean:
        raise ScenarioError("random tokens hold nothing to clean; leave data.clean out", key="data.clean")


def _with_room(room: int) -> int:
    if room <= len(SPECIAL):
        raise ScenarioError(
            f"a vocabulary has the {len(SPECIAL)} special tokens and more, not {room} entries", key="model.vocab"
        )
    return room


def _drawn(source: TokenSource, data: Data, task: Task, vocabulary: Vocabulary) -> Prepared:
    labels = _SYNTHETIC_LABELS if task.labelled_by else ()
    encoding = Encoding(vocabulary=vocabulary, labels=labels, sequence_length=data.sequence_length)
    held_out = dataclasses.replace(encoding, held_out=True)
    digest = hashlib.sha256()
    splits = {}
    for number, (name, rows) in enumerate(_SYNTHETIC_ROWS.items()):
        ids = source.draw(data, vocabulary.size, rows, _SYNTHETIC_SEED + number)
        digest.update(ids.values.tobytes())
        generator = np.random.default_rng(_SYNTHETIC_SEED + number)
        splits[name] = task.synthetic(ids, encoding if name == "train" else held_out, generator)
    return Prepared(
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        encoding=encoding,
        fingerprint=digest.hexdigest(),
        licence=source.licence,
        costs=Costs(),
    )


def _prepared(source: RowSource, request: _Request, shelf: Shelf) -> Prepared:
    data, task, costs = request.data, request.task, Costs()
    reading = read(source, data, task, shelf, costs, request.progress)
    key = _key(reading.fingerprint, request)
    found = kept_data.find(key)
    if found is None:
        reading = cleaned(reading, data, task, shelf, costs, request.progress)
        with costs.spent("tokenize"):
            known = _encode(reading, request, shelf)
    content = (shelf, known) if found is None else found
    splits, encoding = _loaded(*content, request)
    if found is None:
        kept_data.keep(shelf, key)
    return Prepared(
        train=splits["train"],
        validation=splits["validation"],
        test=splits["test"],
        encoding=encoding,
        fingerprint=reading.fingerprint,
        licence=source.licence,
        costs=costs,
        removed=content[1]["removed"],
        cached=found is not None,
    )


def _encode(reading: Reading, request: _Request, shelf: Shelf) -> dict[str, Any]:
    """Writes an entry; returns what is known of it."""
    task, data = request.task, request.data
    rows = split(reading.outline, reading.kept, data)
    with reading.named(rows["train"]):
        labels = _labels(reading, rows["train"], task)
    vocabulary = request.pretrained or request.made_like(_learned(reading, rows["train"], request))
    encoding = Encoding(vocabulary=vocabulary, labels=labels, sequence_length=data.sequence_length)
    total, done = sum(map(len, rows.values())), 0
    splits: dict[str, dict[str, Any]] = {}
    hashes: dict[str, str] = {}
    for name in SPLITS:
        writer = encoded.SplitWriter(shelf, name)
        how = dataclasses.replace(encoding, held_out=name != "train")
        stretches = chunks(rows[name], reading.outline)
        for numbers, part in zip(stretches, reading.spool.parts(stretches), strict=True):
            with reading.named(numbers):
                writer.add(task.encode(part, how))
            done += len(part)
            request.progress("tokenize", done, total)
        splits[name], more = writer.finish()
        hashes |= more
    if not splits["train"]["rows"]:
        raise ScenarioError("no training row has anything to learn from", key="data.source")
    if request.pretrained is None:
        assert vocabulary.tokenizer is not None
        hashes[_TOKENIZER] = encoded.write(shelf, _TOKENIZER, vocabulary.tokenizer.to_str().encode())
    reading.spool.remove()
    known = {
        "splits": splits, "labels": labels, "vocabulary": _numbers(vocabulary), "removed": dict(reading.removed),
    }  # fmt: skip
    kept_data.seal(shelf, known, hashes)
    return known


def _loaded(shelf: Shelf, known: Mapping[str, Any], request: _Request) -> tuple[dict[str, Examples], Encoding]:
    """The examples of an entry, and how they were encoded."""
    vocabulary = request.pretrained
    if vocabulary is None:
        made = Tokenizer.from_str(bytes(shelf.buffer(_TOKENIZER)).decode())
        vocabulary = Vocabulary(tokenizer=made, **known["vocabulary"])
    length = request.data.sequence_length
    encoding = Encoding(vocabulary=vocabulary, labels=tuple(known["labels"]), sequence_length=length)
    return {name: encoded.read(shelf, name, known["splits"][name]) for name in SPLITS}, encoding


def _labels(reading: Reading, train: Longs, task: Task) -> tuple[str, ...]:
    """The classes, by name: every one that the training rows have.

    Raises:
        ScenarioError: they are fewer than two.
    """
    if task.labelled_by is None:
        return ()
    found: set[str] = set()
    for rows in reading.spool.parts(_stretches(train)):
        for value in rows.columns[task.labelled_by]:
            found.update(task.classes(value))
    if len(found) < 2:
        raise ScenarioError(
            f"every training row has the label {next(iter(found), None)!r}, so there is nothing to tell apart; give "
            "rows of a second class, or name another column",
            key="data.label_column",
        )
    return tuple(sorted(found))


def _learned(reading: Reading, train: Longs, request: _Request) -> Vocabulary:
    """A vocabulary of the training rows, or of an even sample of them where they are very many."""
    characters = int(reading.outline.characters[train].sum())
    every = max(1, -(-len(train) // _VOCABULARY_ROWS), -(-characters // _VOCABULARY_CHARACTERS))
    sample = train[::every]

    def texts() -> Iterator[str]:
        done = 0
        for rows in reading.spool.parts(_stretches(sample)):
            yield from request.task.texts(rows)
            done += len(rows)
            request.progress("vocabulary", done, len(sample))

    return tokenizer.trained(texts, request.room, request.task.tokenizer)


def _stretches(rows: Longs) -> list[Longs]:
    return [rows[begin : begin + SHARD_ROWS] for begin in range(0, len(rows), SHARD_ROWS)]


def _numbers(vocabulary: Vocabulary) -> dict[str, int | bool]:
    """A vocabulary's fields but its tokenizer."""
    fields = dataclasses.fields(vocabulary)
    return {field.name: getattr(vocabulary, field.name) for field in fields if field.name != "tokenizer"}


def _key(fingerprint: str, request: _Request) -> str:
    """What decides every byte of an entry, hashed."""
    data, given = request.data, request.pretrained
    vocabulary = given or request.made_like(Vocabulary(tokenizer=None, size=min(request.room, tokenizer.VOCABULARY)))
    made = given.tokenizer.to_str() if given is not None and given.tokenizer is not None else request.task.tokenizer
    parts = [
        _FORMAT, _code(), version("tokenizers"), version("numpy"), fingerprint, data.clean, data.validation_fraction,
        data.test_fraction, data.sequence_length, type(request.task).__module__, type(request.task).__qualname__,
        made, _numbers(vocabulary),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@cache
def _code() -> str:
    """Hash of the code that prepares data: what it made before it was changed is made again."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
