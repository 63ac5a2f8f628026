"""Rows put aside and read back, on disk and in memory."""

from pathlib import Path

import numpy as np
import pytest

from benchbench.errors import ScenarioError
from benchbench.workload.rows import Rows
from benchbench.workload.shelf import FolderShelf, MemoryShelf, Shelf
from benchbench.workload.spool import Spool, SpoolWriter


@pytest.fixture(params=["folder", "memory"])
def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> Shelf:
    return FolderShelf(tmp_path) if request.param == "folder" else MemoryShelf()


def spooled(shelf: Shelf, sizes: tuple[int, ...] = (3, 4, 2)) -> Spool:
    with SpoolWriter(shelf, "rows") as writer:
        first = 0
        for size in sizes:
            texts = [f"größe {n}" for n in range(first, first + size)]
            words = [[text, "x"] for text in texts]
            writer.add(Rows.of({"text": texts, "number": words}, first))
            first += size
    return writer.spool()


def test_all_rows_come_back_in_their_shards(shelf: Shelf) -> None:
    spool = spooled(shelf)
    assert len(spool) == 9
    shards = list(spool.shards())
    assert [len(rows) for rows in shards] == [3, 4, 2]
    assert shards[1].columns["text"] == ["größe 3", "größe 4", "größe 5", "größe 6"]
    assert shards[1].columns["number"][0] == ["größe 3", "x"]
    assert shards[2].numbers.tolist() == [7, 8]
    spool.remove()
    with pytest.raises((OSError, KeyError)):
        list(spool.shards())


def test_groups_come_back_across_shards(shelf: Shelf) -> None:
    spool = spooled(shelf)
    groups = [np.array(group, dtype=np.int64) for group in ([0, 2], [3, 6, 7], [8])]
    found = list(spool.parts(groups))
    assert [rows.numbers.tolist() for rows in found] == [[0, 2], [3, 6, 7], [8]]
    assert found[1].columns["text"] == ["größe 3", "größe 6", "größe 7"]


def test_texts_and_lists_in_one_column_are_refused(shelf: Shelf) -> None:
    with SpoolWriter(shelf, "rows") as writer:
        writer.add(Rows.of({"text": ["a"]}))
        with pytest.raises(ScenarioError, match="rows 2 to 2: a column has both texts and lists"):
            writer.add(Rows.of({"text": [["b"]]}, first=1))
        with pytest.raises(ScenarioError, match="rows 3 to 4"):
            writer.add(Rows.of({"text": ["c", ["d"]]}, first=2))


def test_nothing_is_an_empty_spool(shelf: Shelf) -> None:
    assert list(spooled(shelf, ()).shards()) == []
