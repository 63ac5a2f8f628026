"""Which rows are learned from, which are looked at and which confirm; and how many are encoded at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from benchbench.errors import ScenarioError
from benchbench.scenario.types import Data
from benchbench.workload.columns import SHARD_CHARACTERS, SHARD_ROWS
from benchbench.workload.examples import Longs
from benchbench.workload.rows import SPLITS

_SPLIT_SEED = 0  # the splits never move with the training's seed: every repeat is judged on the same rows
_LARGEST_CHUNK_ROWS = 4 * SHARD_ROWS
UNNAMED = -1


@dataclass(frozen=True, kw_only=True)
class Outline:
    """What the splits are made by, without the rows themselves.

    Attributes:
        splits: the split that the source puts each row in, as its place in `SPLITS`, or `UNNAMED`. Shape (R,).
        documents: the number of each row's document, rising; None where the source knows none. Shape (R,).
        characters: of each row's texts. Shape (R,).
    """

    splits: npt.NDArray[np.int8]
    documents: Longs | None
    characters: Longs


def split(outline: Outline, kept: Longs, data: Data) -> dict[str, Longs]:
    """The row numbers of each split, each in rising order.

    A split that the source does not name is drawn from the training rows: as its fraction of them, whole documents
    where there are enough, else a stretch at the end.

    Args:
        outline: of all rows.
        kept: the numbers of those that cleaning left, rising.
        data: the fractions.

    Raises:
        ScenarioError: a split has no row.
    """
    own = outline.splits[kept]
    found = {name: kept[own == number] for number, name in enumerate(SPLITS)}
    found["train"] = kept[own <= 0]
    for number, name in enumerate(SPLITS):
        if number in outline.splits and not len(found[name]):
            raise ScenarioError(f"no {name} row is left after cleaning; look at data.clean", key="data.clean")
    fractions = {"validation": data.validation_fraction, "test": data.test_fraction}
    drawn = {name: fraction for name, fraction in fractions.items() if not len(found[name])}
    return found | _drawn(found["train"], outline, drawn)


def _drawn(train: Longs, outline: Outline, fractions: Mapping[str, float]) -> dict[str, Longs]:
    counts = {name: max(1, round(len(train) * fraction)) for name, fraction in fractions.items()}
    if sum(counts.values()) >= len(train):
        raise ScenarioError(
            f"{len(train)} row{'s' * (len(train) != 1)} cannot be parted into training, validation and test; give more",
            key="data.source",
        )
    validation, test = counts.get("validation", 0), counts.get("test", 0)
    if outline.documents is None:
        parts = _shuffled(len(train), validation, test)
    else:
        parts = _whole_documents(outline.documents[train], validation, test)
    every = dict(zip(SPLITS, (train[part] for part in parts), strict=True))
    return {name: rows for name, rows in every.items() if name == "train" or name in counts}


def split_rows(rows: int, validation_fraction: float, test_fraction: float) -> tuple[Longs, Longs, Longs]:
    """Row numbers of training, validation and test: disjoint, together every row, each in rising order."""
    return _shuffled(rows, round(rows * validation_fraction), round(rows * test_fraction))


def _shuffled(rows: int, validation: int, test: int) -> tuple[Longs, Longs, Longs]:
    order = np.random.default_rng(_SPLIT_SEED).permutation(rows).astype(np.int64)
    return (
        np.sort(order[validation + test :]),
        np.sort(order[:validation]),
        np.sort(order[validation : validation + test]),
    )


def _whole_documents(documents: Longs, validation: int, test: int) -> tuple[Longs, Longs, Longs]:
    """Deals documents out in a drawn order as long as they fit; else cuts the sequence into three stretches.

    Args:
        documents: the number of each row's document, rising. Shape (R,).
        validation: rows wanted, of which at least half have to be found.
        test: likewise.
    """
    begins = np.flatnonzero(np.diff(documents, prepend=-1))
    sizes = np.diff(begins, append=len(documents))
    order = iter(np.random.default_rng(_SPLIT_SEED).permutation(len(begins)).tolist())
    owner = np.zeros(len(begins), dtype=np.int8)
    for number, wanted in enumerate((validation, test), start=1):
        if _deal(owner, sizes, order, number, wanted) < wanted / 2:
            ends = np.cumsum([len(documents) - validation - test, validation])
            every = np.arange(len(documents), dtype=np.int64)
            train, looked_at, confirming = np.split(every, ends)
            return train, looked_at, confirming
    owners = np.repeat(owner, sizes)
    return np.flatnonzero(owners == 0), np.flatnonzero(owners == 1), np.flatnonzero(owners == 2)


def _deal(owner: npt.NDArray[np.int8], sizes: Longs, order: Iterator[int], number: int, wanted: int) -> int:
    """Gives documents to a split; the rows that it got. One that does not fit stays with the training."""
    have = 0
    while have < wanted:
        document = next(order, None)
        if document is None:
            break
        if have + sizes[document] <= wanted:
            owner[document] = number
            have += int(sizes[document])
    return have


def chunks(rows: Longs, outline: Outline) -> list[Longs]:
    """Cuts a split's rows into stretches that are encoded one at a time.

    A stretch has about 10,000 rows or 16 million characters, and ends with a document; a document of more than
    40,000 rows is cut. What is less than half of one, or a document alone, is added to the stretch before it.

    Args:
        rows: their numbers, rising.
        outline: of all rows.
    """
    ends = np.cumsum(outline.characters[rows])
    begins = _begins(rows, outline)
    found, begin = [], 0
    while begin < len(rows):
        used = int(ends[begin - 1]) if begin else 0
        full = int(np.searchsorted(ends, used + SHARD_CHARACTERS)) + 1
        end = _end(begins, begin, min(begin + SHARD_ROWS, full))
        small = len(rows) - end < SHARD_ROWS // 2 and int(ends[-1]) - int(ends[end - 1]) < SHARD_CHARACTERS // 2
        alone = int(begins[-2]) <= end and len(rows) - begin <= _LARGEST_CHUNK_ROWS
        end = len(rows) if small or alone else end
        found.append(rows[begin:end])
        begin = end
    return found


def _begins(rows: Longs, outline: Outline) -> Longs:
    """Where a stretch may begin, and the end of all. Rising."""
    if outline.documents is None:
        return np.arange(len(rows) + 1, dtype=np.int64)
    changes = np.flatnonzero(np.diff(outline.documents[rows], prepend=-1, append=-1))
    return changes.astype(np.int64)


def _end(begins: Longs, begin: int, earliest: int) -> int:
    """The end of a stretch: the first place from `earliest` on that has two documents before it."""
    second = int(np.searchsorted(begins, begin, side="right")) + 1
    place = max(int(np.searchsorted(begins, earliest)), min(second, len(begins) - 1))
    end = int(begins[min(place, len(begins) - 1)])
    return end if end - begin <= _LARGEST_CHUNK_ROWS else begin + SHARD_ROWS
