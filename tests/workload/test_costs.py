"""Seconds by part: a part inside of another is not counted twice."""

import time
from collections.abc import Iterator

import pytest

from benchbench.workload.costs import Costs


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "perf_counter", clock)
    return clock


def test_a_part_inside_of_another_is_its_own(clock: Clock) -> None:
    costs = Costs()
    with costs.spent("decode"):
        clock.now_s += 1
        with costs.spent("storage"):
            clock.now_s += 5
        clock.now_s += 2
    assert costs.seconds == {"decode": 3, "storage": 5}


def test_what_each_item_takes_to_come(clock: Clock) -> None:
    costs = Costs()

    def items() -> Iterator[int]:
        for number in range(3):
            clock.now_s += 1
            yield number
        clock.now_s += 1

    for _ in costs.each("decode", items()):
        clock.now_s += 10
    assert costs.seconds == {"decode": 4}
