"""Two objectives at once: the front holds no point that another beats, and both ends of it are looked for."""

from __future__ import annotations

import math
import random

import pytest

from benchbench import registry
from benchbench.errors import InputError
from benchbench.executors.kinds.fake import Answer
from benchbench.record.study import ParetoPoint, Study
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.objective import choose_all
from benchbench.tuning.pareto import knee, undominated
from tests.tuning.lab import SCENARIO, Lab, lab_text

METHODS = registry.names(registry.METHODS)
THREADS = lab_text(
    "hardware.threads: [1, 2, 4, 8]", "training.global_batch: [16, 32, 64]", baseline="{hardware.threads: 2}"
)


def trade(scenario: Scenario, seed: int) -> Answer:
    """More threads are faster and draw more than they save: 8 is the fastest, 1 the thriftiest; batch 64 is best."""
    threads = scenario.hardware.threads or 2
    return Answer(
        step_s=0.1 * 2 / threads**0.7 * (1 + 0.002 * (seed % 2)),
        steps_to_target={16: 200, 32: 120, 64: 60}[scenario.training.global_batch],
        power_w=20.0 * threads,
    )


def values(points: tuple[ParetoPoint, ...]) -> list[tuple[float, float]]:
    return [(p.values["time"].value, p.values["energy"].value) for p in points]


@pytest.mark.parametrize("seed", range(40))
def test_a_front_is_exactly_what_no_other_point_beats(seed: int) -> None:
    draws = random.Random(seed)
    points = [(float(draws.randint(1, 9)), float(draws.randint(1, 9))) for _ in range(draws.randint(0, 30))]

    def beats(one: tuple[float, float], other: tuple[float, float]) -> bool:
        return one != other and one[0] <= other[0] and one[1] <= other[1]

    front = undominated(points)
    assert sorted(front) == [i for i, p in enumerate(points) if not any(beats(other, p) for other in points)]
    assert [points[i] for i in front] == sorted(points[i] for i in front)


def test_the_knee_is_the_point_farthest_below_the_line_between_the_ends() -> None:
    assert knee([(1.0, 100.0), (2.0, 10.0), (4.0, 8.0), (10.0, 5.0)]) == 1
    assert knee([(1.0, 100.0), (9.9, 99.0), (10.0, 1.0)]) is None, "it lies above the line"
    assert knee([(1.0, 2.0), (2.0, 1.0)]) is None
    assert knee([(1.0, 2.0)]) is None
    assert knee([]) is None


@pytest.mark.parametrize("method", METHODS)
def test_the_ends_of_the_front_are_found_and_confirmed(lab: Lab, method: str) -> None:
    scenario = lab.scenario(THREADS, f"search.method={method}")
    study = lab.tune(trade, scenario, budget_s=6000.0, objective="time,energy").study
    assert (study.objective, study.objectives) == ("time", ("time", "energy"))
    found = study.recommendation
    assert found.overrides == {"hardware.threads": 8, "training.global_batch": 64}
    assert found.verdict == "faster"
    first, *_, last = study.pareto
    assert (first.place, last.place) == ("first", "second")
    assert first.overrides == found.overrides
    assert last.overrides == {"hardware.threads": 1, "training.global_batch": 64}
    assert first.confirmed
    assert last.confirmed
    assert (first.values["time"].n, first.values["time"].unit, first.values["energy"].unit) == (3, "s", "J")
    front = values(study.pareto)
    assert len(undominated(front)) == len(front)
    assert all(p.overrides["training.global_batch"] == 64 for p in study.pareto)
    assert all(p.run_ids for p in study.pareto)


def test_the_thriftiest_is_not_cut_short_for_being_slow(lab: Lab) -> None:
    """One thread takes over four times as long as eight, and less energy: its deadline is one of its own seconds."""
    study = lab.tune(trade, lab.scenario(THREADS), budget_s=6000.0, objective="energy").study
    assert study.objectives == ()
    assert study.pareto == ()
    assert study.recommendation.overrides == {"hardware.threads": 1, "training.global_batch": 64}


def test_power_is_probed_before_a_training_whose_deadline_follows_from_it(lab: Lab) -> None:
    study = lab.tune(trade, lab.scenario(THREADS), budget_s=6000.0, objective="time,energy").study
    known: set[tuple[object, ...]] = set()
    for trial in (t for t in study.trials if t.role in ("baseline", "probe", "candidate")):
        steps = tuple(trial.overrides.values())
        assert trial.role != "candidate" or steps in known, "the steps of each setup here are its own"
        known.add(steps)
    assert any(t.role == "candidate" for t in study.trials)


def test_either_order_speaks_of_the_first(lab: Lab) -> None:
    study = lab.tune(trade, lab.scenario(THREADS), budget_s=6000.0, objective="energy, time").study
    assert study.objectives == ("energy", "time")
    assert study.recommendation.overrides == {"hardware.threads": 1, "training.global_batch": 64}
    assert study.pareto[0].overrides == study.recommendation.overrides


def test_what_breaks_a_constraint_is_not_on_the_front(lab: Lab) -> None:
    scenario = lab.scenario(THREADS, "search.constraints.power_w=100.0")
    study = lab.tune(trade, scenario, budget_s=6000.0, objective="time,energy").study
    assert {p.overrides["hardware.threads"] for p in study.pareto} <= {1, 2, 4}
    assert study.recommendation.overrides == {"hardware.threads": 4, "training.global_batch": 64}


def test_throughput_beside_time_is_that_of_trainings_that_reach(lab: Lab) -> None:
    scenario = lab.scenario(THREADS, "search.method=tpe")
    study = lab.tune(trade, scenario, budget_s=6000.0, objective="throughput,time").study
    assert {r.scenario.measure.procedure for r in lab.requests} == {"time-to-target"}
    point = study.pareto[0]
    assert point.values["throughput"].unit == "s/sample"
    assert point.overrides["hardware.threads"] == 8


@pytest.mark.parametrize(
    ("objective", "words"),
    [
        ("time,time", "twice"),
        ("time,energy,cost", "3 objectives"),
        ("time,speed", "unknown objective 'speed'"),
        ("time,", "unknown objective ''"),
        ("time,cost", "price of an hour"),
        ("time,throughput", "search.method=tpe"),
    ],
)
def test_wrong_pairs_are_refused_and_nothing_is_created(lab: Lab, objective: str, words: str) -> None:
    scenario = lab.scenario(SCENARIO)
    with pytest.raises(InputError, match=words):
        lab.tune(trade, scenario, objective=objective)
    assert list(lab.out.iterdir()) == []


def test_throughput_alone_keeps_its_own_procedure(lab: Lab) -> None:
    scenario = lab.scenario(SCENARIO)
    assert [one.reaches for one in choose_all("throughput", scenario)] == [False]
    assert [one.reaches for one in choose_all("time,throughput", scenario)] == [True, True]


@pytest.mark.parametrize("method", ["factored", "tpe"])
def test_the_same_seed_proposes_the_same_setups(lab: Lab, method: str) -> None:
    def order(seed: int) -> list[tuple[object, ...]]:
        scenario = lab.scenario(
            THREADS, f"search.method={method}", "search.constraints.power_w=150.0", "search.reuse=false"
        )
        study = lab.tune(trade, scenario, budget_s=3000.0, trials=8, objective="time,energy", seed=seed).study
        return [(t.role, *t.overrides.values()) for t in study.trials]

    assert order(3) == order(3)
    assert len({tuple(order(seed)) for seed in range(4)}) > 1


@pytest.mark.parametrize("method", METHODS)
def test_a_baseline_that_lies_partly_outside_the_space_stands_in_no_samplers_way(lab: Lab, method: str) -> None:
    text = THREADS.replace("{hardware.threads: 2}", "{hardware.threads: 3}")
    scenario = lab.scenario(text, f"search.method={method}")
    study = lab.tune(trade, scenario, budget_s=6000.0, trials=13, objective="time,energy").study
    assert study.trials[0].overrides["hardware.threads"] == 3
    assert study.pareto


def test_energy_that_nothing_tells_ends_a_pair_too(lab: Lab) -> None:
    study: Study = lab.tune(lambda *_: Answer(step_s=0.1), objective="time,energy").study
    assert len(lab.requests) == 1
    assert "does not tell what was to be minimised" in study.stopped
    assert study.pareto == ()
    assert math.isfinite(study.spent_s)
