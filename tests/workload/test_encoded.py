"""Examples written chunk by chunk are what they were, and lie in their files."""

from pathlib import Path

import numpy as np
import pytest

from benchbench.workload.encoded import SplitWriter, read
from benchbench.workload.examples import Examples, Ragged
from benchbench.workload.shelf import FolderShelf, MemoryShelf, Shelf


@pytest.fixture(params=["folder", "memory"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    return FolderShelf(tmp_path) if request.param == "folder" else MemoryShelf()


def examples(*rows: list[int], texts: bool = True) -> Examples:
    return Examples(
        columns={"ids": Ragged.of(rows), "labels": Ragged.of([row[:1] for row in rows])},
        scalars={"label": np.array([len(row) for row in rows], dtype=np.int64)},
        texts={"target": [f"tö{row}" for row in rows]} if texts else {},
    )


def test_chunks_are_joined(shelf: Shelf) -> None:
    parts = [examples([1, 2], [3]), examples(), examples([4, 5, 6])]
    writer = SplitWriter(shelf, "test")
    for part in parts:
        writer.add(part)
    known, hashes = writer.finish()
    found, whole = read(shelf, "test", known), Examples.joined(parts)
    assert len(found) == 3
    for name, column in whole.columns.items():
        assert np.array_equal(found.columns[name].values, column.values)
        assert np.array_equal(found.columns[name].offsets, column.offsets)
        assert (found.columns[name].values.dtype, found.columns[name].offsets.dtype) == (np.int32, np.int64)
    assert found.scalars["label"].tolist() == [2, 1, 3]
    assert list(found.texts["target"]) == list(whole.texts["target"])
    assert found.texts["target"][2] == "tö[4, 5, 6]"
    assert list(found.texts["target"][1:]) == ["tö[3]", "tö[4, 5, 6]"]
    assert len(hashes) == 6
    assert found.take(np.array([2, 0], dtype=np.int64)).columns["ids"].values.tolist() == [4, 5, 6, 1, 2]


def test_a_split_of_nothing(shelf: Shelf) -> None:
    writer = SplitWriter(shelf, "train")
    writer.add(examples(texts=False))
    known, _ = writer.finish()
    assert len(read(shelf, "train", known)) == 0


def test_on_disk_the_arrays_are_mapped_and_cannot_be_changed(tmp_path: Path) -> None:
    writer = SplitWriter(FolderShelf(tmp_path), "train")
    writer.add(examples([1, 2]))
    known, _ = writer.finish()
    found = read(FolderShelf(tmp_path), "train", known)
    for file in tmp_path.iterdir():
        file.unlink()
    assert found.columns["ids"].values.tolist() == [1, 2], "what is mapped outlives its file"
    assert not found.columns["ids"].values.flags.writeable
    assert not found.columns["ids"].values.flags.owndata
