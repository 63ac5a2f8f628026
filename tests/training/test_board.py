"""Who hangs is seen on the board, and nobody who does not."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from benchbench.training.board import Board, Hang, Standing, hang


def standing(marks: int = 5, last_s: float = 100.0, longest_s: float = 0.1, *, watched: bool = True) -> Standing:
    return Standing(pid=1, marks=marks, last_s=last_s, longest_s=longest_s, watched=watched)


@pytest.mark.parametrize(
    ("standings", "now_s", "found"),
    [
        ([standing(), standing()], 109.0, None),
        ([standing(), standing(4)], 111.0, Hang(silent_s=11.0, rank=1)),
        ([standing(), standing()], 111.0, Hang(silent_s=11.0, rank=None)),
        ([standing(), standing(4, last_s=99.0)], 110.5, Hang(silent_s=10.5, rank=1)),
        ([standing(), standing(4, watched=False)], 500.0, None),
        ([standing(longest_s=1.0), standing(4)], 119.0, None),
        ([standing(longest_s=1.0), standing(4)], 121.0, Hang(silent_s=21.0, rank=1)),
    ],
)
def test_a_hang_is_a_silence_of_all_that_is_longer_than_ever(
    standings: list[Standing], now_s: float, found: Hang | None
) -> None:
    assert hang(standings, now_s) == found


def test_marks_are_seen_by_whoever_maps_the_file(tmp_path: Path) -> None:
    seen = Board(tmp_path / "board", 2)
    assert [one.pid for one in seen.standings()] == [0, 0]
    marker = Board(tmp_path / "board", 2).marker(1)
    before_s = time.monotonic()
    marker.watch()
    marker.mark()
    marker.mark()
    first, second = seen.standings()
    assert first.marks == 0
    assert (second.marks, second.watched) == (2, True)
    assert second.last_s >= before_s
    marker.rest()
    assert not seen.standings()[1].watched
