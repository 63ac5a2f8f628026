"""What ranks know together: the slowest one's time, the whole loss, and whose part of it is no number."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any, cast

import pytest
import torch

from benchbench.training import meter
from benchbench.training.clock import Tick
from benchbench.training.group import Group
from benchbench.training.meter import Meter
from benchbench.training.spread import Spread
from benchbench.training.strategies import Divided


class Others:
    """A group of which the others' numbers are known."""

    def __init__(self, *rows: tuple[float, ...]) -> None:
        self.rows = rows

    def gathered(self, mine: Any) -> list[list[float]]:
        return [list(mine), *map(list, self.rows)]


def spread_of(*rows: tuple[float, ...], device: str = "cpu", copies: int = 1) -> Spread:
    divided = Divided(
        forward=torch.nn.Identity(), turn=lambda _last: nullcontext(), scale=2.0, meter=Meter(), copies=copies
    )
    return Spread(group=cast(Group, Others(*rows)), divided=divided, device=torch.device(device))


def tick(loss: float = 0.25, step_s: float = 0.1) -> Tick:
    return Tick(step=3, t=50.0, step_s=step_s, loss=loss)


def test_a_step_is_the_slowest_ranks_and_its_loss_the_sum_of_the_shares() -> None:
    found = spread_of((0.5, 0.3, 0.0, 0.02, 0.1, 0.2)).together(tick(), 0.01)
    assert found.tick == Tick(step=3, t=pytest.approx(50.2), step_s=pytest.approx(0.3), loss=0.75)
    assert found.data_wait_s == 0.02
    assert (found.told["own_s"], found.told["own_data_wait_s"]) == (0.1, 0.01)
    assert found.told["communication_s"] == pytest.approx(0.05)
    assert found.told["hidden_communication_s"] == pytest.approx(0.1)
    assert found.culprit is None


def test_ranks_that_have_the_same_part_have_the_same_loss() -> None:
    assert spread_of((0.25, 0.1, 0.0, 0.0, 0.0, 0.0), copies=2).together(tick(), 0.0).tick.loss == 0.25


@pytest.mark.parametrize(
    ("mine", "theirs", "culprit"), [(0.5, math.nan, 1), (math.inf, 0.5, 0), (math.nan, math.nan, None)]
)
def test_a_part_that_is_no_number_is_named_unless_all_are(mine: float, theirs: float, culprit: int | None) -> None:
    found = spread_of((theirs, 0.1, 0.0, 0.0, 0.0, 0.0)).together(tick(mine), 0.0)
    assert math.isnan(found.tick.loss)
    assert found.culprit == culprit


def test_the_exchange_itself_is_in_the_next_step_once(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([10.0, 10.004, 11.0, 11.0])
    monkeypatch.setattr("benchbench.training.spread.time.monotonic", lambda: next(moments))
    spread = spread_of((0.0, 0.05, 0.003, 0.0, 0.0, 0.0))
    spread.together(tick(), 0.0)
    found = spread.together(tick(step_s=0.104), 0.0)
    assert found.told["own_s"] == pytest.approx(0.1)
    assert found.tick.step_s == pytest.approx(0.1 + 0.003)


def test_what_is_under_way_is_hidden_as_long_as_something_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([1.0, 2.0, 4.0, 4.5])
    monkeypatch.setattr(meter.time, "monotonic", lambda: next(moments))
    found = Meter()
    found.begun()  # at 1
    found.begun()  # at 2: the last
    found.over()  # the other is still under way
    found.over()  # at 4
    found.waited()  # at 4.5, when the pass ends
    assert found.taken() == (2.5, 0.5)
    assert found.taken() == (0.0, 0.0)
