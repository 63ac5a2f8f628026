"""Whatever a path leads to: a scenario, or one message within a moment."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from benchbench.errors import ScenarioError
from benchbench.scenario.loading import load, read
from tests.scenario.refusing import Write, refusal


@pytest.mark.parametrize("content", ["", "\n\n", "# only a comment\n", "---\n", "null", "~"])
def test_an_empty_file(write: Write, content: str) -> None:
    assert "empty; a scenario needs at least name, model and task" in refusal(write(content)).message


@pytest.mark.parametrize("content", ["just words", "- a\n- b", "5", "true"])
def test_a_file_that_is_no_mapping(write: Write, content: str) -> None:
    error = refusal(write(content))
    assert error.line == 1
    assert "expected keys with values at the top" in error.message


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not UTF-8 text"),
        (b"name: a\0b", "a binary file"),
        ("name: x".encode("utf-16"), "not UTF-8 text"),
        ("name: x".encode("utf-16-le"), "a binary file"),
        ("name: é".encode("latin-1"), "not UTF-8 text"),
        (b"a: 1\nname: \xff\xfe", "not UTF-8 text"),
        (b"\xed\xa0\x80: x", "not UTF-8 text"),
        (bytes(range(256)), "not UTF-8 text"),
        (b"x" * (256 * 1024 + 1), "larger than 256 KiB"),
    ],
)
def test_a_binary_or_huge_file(write: Write, content: bytes, words: str) -> None:
    assert words in refusal(write(content)).message


def test_the_line_that_is_not_utf_8(write: Write) -> None:
    assert refusal(write(b"name: a\ntask: b\nmodel: \xff")).line == 3


def test_a_byte_order_mark_and_crlf_are_fine(text: str, write: Write) -> None:
    (plain,) = load(write(text))
    (windows,) = load(write("\ufeff" + text.replace("\n", "\r\n")))
    assert plain == windows


def test_a_missing_file(tmp_path: Path) -> None:
    assert refusal(tmp_path / "x.yaml").message == "there is no such file"
    assert refusal(tmp_path / "no" / "folder" / "x.yaml").message == "there is no such file"


def test_a_missing_file_with_a_near_name(tmp_path: Path) -> None:
    (tmp_path / "bert_base.yaml").touch()
    assert "did you mean 'bert_base.yaml'?" in refusal(tmp_path / "bert-base.yaml").message
    assert refusal(tmp_path / "x.yaml").message == "there is no such file: known: bert_base.yaml"


def test_a_folder(tmp_path: Path) -> None:
    assert refusal(tmp_path).message.startswith("a folder; name a scenario file such as")


@pytest.mark.parametrize(
    "path", ["", ".", "a\0b", "x" * 300, "/" + "y/" * 3000, "/dev/zero", "/dev/null", "/proc/self/mem"]
)
def test_what_is_no_file(path: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read(path)
    assert caught.value.exit_code == 2


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.yaml")
    assert refusal(tmp_path / "x.yaml").message.startswith("not a regular file")


def test_links_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "gone.yaml").symlink_to("missing.yaml")
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    assert refusal(tmp_path / "gone.yaml").message == "there is no such file"
    assert refusal(tmp_path / "loop.yaml").message.startswith("cannot be read")


def test_a_refusal_of_the_system_is_told(text: str, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_args: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", denied)
    assert refusal(write(text)).message == "cannot be read: Permission denied"


def test_the_shipped_scenarios_load_and_name_the_schema() -> None:
    folder = Path(__file__).parents[2] / "scenarios"
    files = sorted(folder.glob("*.yaml"))
    assert files
    for file in files:
        assert load(file)
        assert file.read_text().splitlines()[0] == "# yaml-language-server: $schema=scenario.schema.json"
        assert yaml.safe_load(file.read_text())["name"]
