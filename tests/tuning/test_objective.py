from __future__ import annotations

import pytest

from benchbench.errors import InputError
from benchbench.record.types import Figures, Outcome, Reach, Repeat
from benchbench.tuning.objective import (
    FAILURE,
    MISS,
    CostToTarget,
    EnergyToTarget,
    Throughput,
    TimeToTarget,
    choose,
    is_miss,
)
from benchbench.tuning.stop import Stop
from tests.tuning.lab import SCENARIO, Lab, planted_answer

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


def test_energy_is_that_to_the_target_and_unknown_where_nothing_tells_it() -> None:
    assert EnergyToTarget().value(repeat(reach=REACHED.model_copy(update={"energy_j": 350.0}))) == 350.0
    assert EnergyToTarget().value(repeat(reach=REACHED)) is None
    assert EnergyToTarget().value(repeat(reach=Reach(reached=False, energy_j=350.0))) is None


def test_what_energy_is_a_second_is_the_power() -> None:
    assert EnergyToTarget().per_second(repeat(figures=FIGURES.model_copy(update={"energy_w": 50.0}))) == 50.0
    assert EnergyToTarget().per_second(repeat(figures=FIGURES.model_copy(update={"power_w": 40.0}))) == 40.0
    assert EnergyToTarget().per_second(repeat()) is None


def test_cost_is_the_price_of_the_time() -> None:
    assert CostToTarget(3600.0).value(repeat(reach=REACHED)) == pytest.approx(7.0)
    assert CostToTarget(7200.0).per_second(repeat()) == pytest.approx(2.0)


def test_cost_without_a_price_says_where_to_write_it(lab: Lab) -> None:
    with pytest.raises(InputError, match="price_per_hour") as caught:
        choose("cost", lab.scenario())
    assert caught.value.key == "hardware.price_per_hour"


def test_cost_is_searched_and_its_speedup_is_one_of_money(lab: Lab) -> None:
    scenario = lab.scenario(SCENARIO, "hardware.price_per_hour=36")
    study = lab.tune(planted_answer, scenario, objective="cost").study
    assert study.objective == "cost"
    baseline = study.trials[0]
    assert baseline.objective is not None
    assert study.baseline.time_to_target_s is not None
    assert baseline.objective == pytest.approx(0.01 * study.baseline.time_to_target_s.value, rel=0.05)
    assert study.recommendation.verdict == "faster"


def test_energy_that_nothing_tells_ends_the_search_at_once(lab: Lab) -> None:
    study = lab.tune(planted_answer, objective="energy").study
    assert study.stopped == Stop.UNKNOWN.value
    assert len([t for t in study.trials if t.role != "confirmation"]) == 1
    assert study.recommendation.verdict == "insufficient-evidence"
