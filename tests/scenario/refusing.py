"""What the tests of refusals share: the file with one part changed, and the error that it must give."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from benchbench.errors import ScenarioError
from benchbench.scenario.loading import load

Write = Callable[[str | bytes], Path]
WHOLE = "expected a whole number of at least 1, not "


def refusal(path: Path, *overrides: str) -> ScenarioError:
    """The error of a file and its overrides: quick, readable, and nothing created beside it."""
    before = sorted(path.parent.iterdir()) if path.parent.is_dir() else None
    started = time.process_time()
    with pytest.raises(ScenarioError) as caught:
        load(path, overrides)
    assert time.process_time() - started < 1
    assert (sorted(path.parent.iterdir()) if path.parent.is_dir() else None) == before
    error = caught.value
    assert error.exit_code == 2
    assert error.kind == "scenario"
    assert error.file == str(path)
    assert str(error).startswith(str(path))
    assert len(str(error)) < 1500
    assert "Value error" not in str(error)
    assert "pydantic" not in str(error)
    return error


def edited(text: str, old: str, new: str) -> str:
    """The text with one part of it replaced."""
    assert text.count(old) == 1, old
    return text.replace(old, new)


def line_with(text: str, part: str) -> int:
    """The first line that holds a part of the text."""
    return text[: text.index(part)].count("\n") + 1


def check(text: str, write: Write, old: str, new: str, key: str, words: str) -> None:
    """A text with one part replaced is refused at that part's line, for that key, with those words."""
    changed = edited(text, old, new)
    error = refusal(write(changed))
    assert error.key == (None if key == "the whole" else key)
    assert words in error.message
    assert error.line is not None
    if key.rpartition(".")[2] in new:
        first = line_with(changed, new) + new.startswith("\n")
        assert first <= error.line <= first + new.lstrip("\n").count("\n")
