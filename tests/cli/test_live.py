"""What a run and its preparation show: a bar on a terminal, a line every ten seconds elsewhere."""

import io
import time
from collections.abc import Mapping
from typing import Any

import pytest
from rich.console import Console

from benchbench.cli.live import Display, LiveDisplay, PlainDisplay, Preparation
from benchbench.scenario.scenario import Scenario

SCENARIO = Scenario.model_validate({"name": "big", "model": {"family": "bert"}, "task": "masked-lm"})
READING = {"event": "phase", "name": "data", "part": "read", "done": 120_000, "total": None}
ENCODING = {"event": "phase", "name": "data", "part": "tokenize", "done": 250_000, "total": 1_000_000}
MESSAGES: tuple[Mapping[str, Any], ...] = (
    {"event": "start"}, {"event": "phase", "name": "import"}, {"event": "phase", "name": "data"}, READING, ENCODING,
    {"event": "phase", "name": "model"},
)  # fmt: skip


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        self.now_s += 11
        return self.now_s


def shown(kind: type[Display], messages: tuple[Mapping[str, Any], ...]) -> str:
    terminal = Console(file=io.StringIO(), force_terminal=kind is LiveDisplay, width=100)
    with kind(terminal, 1) as display:  # type: ignore[call-arg]
        for message in messages:
            display.watch(SCENARIO, 0, message)
    assert isinstance(terminal.file, io.StringIO)
    return terminal.file.getvalue()


def test_plain_lines_say_how_far_the_data_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", Clock())
    assert shown(PlainDisplay, MESSAGES).splitlines() == [
        "big: repeat 1 of 1", "big: data", "big: data, read 120,000 rows",
        "big: data, tokenize 250,000 of 1,000,000 rows", "big: model",
    ]  # fmt: skip


def test_plain_lines_are_ten_seconds_apart() -> None:
    assert shown(PlainDisplay, MESSAGES).splitlines() == ["big: repeat 1 of 1", "big: data", "big: model"]


def test_a_terminal_shows_a_bar() -> None:
    drawn = shown(LiveDisplay, MESSAGES[:5])
    assert "120,000 rows" in drawn
    assert "250,000 of 1,000,000 rows" in drawn
    assert "━" in drawn
    assert "━" not in shown(LiveDisplay, MESSAGES[:3])


@pytest.mark.parametrize("is_terminal", [True, False])
def test_the_preparation_before_a_run_is_shown_too(is_terminal: bool) -> None:
    terminal = Console(file=io.StringIO(), force_terminal=is_terminal, width=100)
    with Preparation(terminal) as display:
        for message in ({"event": "other"}, ENCODING, ENCODING, {"event": "silent", "after_s": 120.0}):
            display.watch(message)
    assert isinstance(terminal.file, io.StringIO)
    said = terminal.file.getvalue()
    assert "preparing the data: tokenize 250,000 of 1,000,000 rows" in said
    assert said.count("preparing") == 1 or is_terminal
    assert "the check has said nothing for" in said
