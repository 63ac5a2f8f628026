"""Plain text: a sentence a line, documents between blank lines."""

from pathlib import Path

import pytest

from benchbench import registry
from benchbench.errors import ScenarioError
from benchbench.scenario.types import Data
from benchbench.workload.costs import Costs
from benchbench.workload.preparing import prepare
from benchbench.workload.rows import Rows
from benchbench.workload.sources.text import PLUGIN


def rows(tmp_path: Path, text: bytes) -> Rows:
    file = tmp_path / "a.txt"
    file.write_bytes(text)
    ((split, found),) = PLUGIN.shards(Data(source="text", path=str(file)), ("text",), Costs())
    assert split is None
    return found


def test_blank_lines_end_documents(tmp_path: Path) -> None:
    found = rows(tmp_path, b"\none\ntwo\r\n\n \t\nthree\n\n")
    assert found.columns["text"] == ("one", "two", "three")
    first, second, third = found.columns["document"]
    assert first == second != third


def test_without_one_all_is_one_document(tmp_path: Path) -> None:
    assert len(set(rows(tmp_path, b"one\ntwo\nthree").columns["document"])) == 1


def test_what_is_not_utf8_is_named_by_its_line(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"a\.txt, line 2: the byte 0xff is not UTF-8") as caught:
        rows(tmp_path, b"one\n\xff\n")
    assert caught.value.key == "data.path"


def test_blank_lines_alone_are_no_rows(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="holds no rows"):
        rows(tmp_path, b"\n\n")


def test_it_has_no_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "a.txt").write_text("one\ntwo\n")
    task = registry.load(registry.TASKS, "sequence-classification")
    with pytest.raises(ScenarioError, match="'text' has no label"):
        prepare(Data(source="text", path=str(tmp_path / "a.txt")), task, 1000)  # type: ignore[arg-type]
    assert not list((tmp_path / "cache").rglob("*.arrow"))
