from __future__ import annotations

import pytest

from benchbench.record.types import Figures, Outcome, Reach, Repeat
from benchbench.tuning.objective import FAILURE, MISS, Throughput, TimeToTarget, choose, is_miss
from tests.tuning.lab import Lab

FIGURES = Figures(
    measured_steps=10, warmup_steps=2, measured_s=1.0, step_s=0.1, step_s_halfwidth=None, samples_per_step=20.0,
    tokens_per_step=200.0, data_wait_fraction=None, utilization=None, power_w=None, energy_j_per_sample=None,
    peak_memory_bytes=None, settled=True,
)  # fmt: skip


def repeat(outcome=Outcome.OK, reach=None, figures=FIGURES) -> Repeat:
    return Repeat(
        index=0, seed=0, order=0, started_at="now", wall_s=1.0, outcome=outcome, reach=reach, figures=figures
    )  # fmt: skip


REACHED = Reach(reached=True, time_to_target_s=7.0, steps_to_target=70, best=0.91)


def test_a_training_that_reached_has_its_time() -> None:
    assert TimeToTarget().value(repeat(reach=REACHED)) == 7.0


@pytest.mark.parametrize("outcome", [o for o in Outcome if o is not Outcome.OK])
def test_what_did_not_end_well_has_no_value(outcome: Outcome) -> None:
    assert TimeToTarget().value(repeat(outcome, reach=REACHED)) is None
    assert Throughput().value(repeat(outcome)) is None


def test_a_miss_and_a_divergence_are_misses_and_failures_are_not() -> None:
    assert is_miss(repeat(reach=Reach(reached=False)))
    assert is_miss(repeat(Outcome.DIVERGED))
    assert not is_miss(repeat(reach=REACHED))
    assert not is_miss(repeat(Outcome.OOM, reach=Reach(reached=False)))


def test_a_miss_is_worse_the_further_it_was_and_a_failure_is_worst(lab: Lab) -> None:
    scenario = lab.scenario()
    rows = [
        repeat(reach=Reach(reached=False, best=0.89)),
        repeat(reach=Reach(reached=False, best=0.5)),
        repeat(Outcome.DIVERGED, reach=Reach(reached=False, best=0.89)),
        repeat(Outcome.OOM, reach=Reach(reached=False, best=0.89)),
    ]
    shortfalls = [TimeToTarget().shortfall(row, scenario) for row in rows]
    assert shortfalls == sorted(shortfalls)
    assert 0 < shortfalls[0] < shortfalls[1] < shortfalls[2] == MISS < shortfalls[3] == FAILURE


def test_a_loss_falls_short_by_what_it_is_above(lab: Lab) -> None:
    text = lab.scenario().model_copy()
    loss = text.model_copy(update={"target": type(text.target)(metric="loss", at_most=0.5)})
    near, far = (
        TimeToTarget().shortfall(repeat(reach=Reach(reached=False, best=best)), loss) for best in (0.6, 500.0)
    )  # fmt: skip
    assert 0 < near < far < MISS


def test_throughput_is_seconds_a_sample() -> None:
    assert Throughput().value(repeat()) == pytest.approx(0.005)


def test_the_scenarios_own_objective(lab: Lab) -> None:
    scenario = lab.scenario()
    assert choose(None, scenario).name == "time"
    assert choose("throughput", scenario).name == "throughput"
    assert choose(None, scenario.model_copy(update={"target": None})).name == "throughput"
