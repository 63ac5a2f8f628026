"""How the recommended setup fares at the neighbouring learning rates: measured, predicted, or not known."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest

from benchbench.executors.kinds.fake import Answer
from benchbench.record.study import Neighbour, Study
from benchbench.record.types import Outcome
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.neighbours import beside, fragility
from benchbench.tuning.tune import TuneRequest, question_of
from tests.tuning.lab import MACHINE, Lab, lab_text

RATE = "training.optimizer.learning_rate"
LISTED = f"{RATE}: [1.0e-4, 1.0e-3, 3.0e-3, 1.0e-2]"
RANGE = f"{RATE}: {{low: 1.0e-5, high: 1.0e-2, log: true}}"


def rates(lab: Lab, axis: str, rate: float) -> list[object]:
    scenario = lab.scenario(lab_text(axis))
    question = question_of(TuneRequest(scenario=scenario, budget_s=60.0, out=lab.out, machine=MACHINE))
    return [setup[RATE] for setup in beside(question, {RATE: rate})]


@pytest.mark.parametrize(
    ("axis", "rate", "wanted"),
    [
        (LISTED, 1e-3, [1e-4, 3e-3]),
        (LISTED, 1e-4, [1e-3]),
        (LISTED, 1e-2, [3e-3]),
        (f"{RATE}: [1.0e-2, 1.0e-4, 1.0e-3]", 1e-3, [1e-4, 1e-2]),
        (RANGE, 1e-3, [5e-4, 2e-3]),
        (RANGE, 0.00123456, [0.000617, 0.00247]),
        (RANGE, 8e-3, [4e-3]),
        (f"{RATE}: {{low: 0.001, high: 0.011, step: 0.002}}", 0.005, [0.003, 0.009]),
    ],
)
def test_the_next_values_of_a_list_and_a_factor_of_two_in_a_range(
    lab: Lab, axis: str, rate: float, wanted: list[float]
) -> None:
    assert rates(lab, axis, rate) == pytest.approx(wanted)


def test_without_a_learning_rate_in_the_space_there_are_none(lab: Lab) -> None:
    study = tuned(lab, bowl(), "precision: [fp32, bf16]")
    assert study.recommendation.neighbours is None
    assert not any(t.role == "neighbour" for t in study.trials)


def bowl(narrow: float = 1.0, best: float = 1e-3) -> Any:
    """Steps that grow with the distance to the best rate; beyond two steps of it never."""

    def script(scenario: Scenario, seed: int) -> Answer:
        away = narrow * abs(math.log10(scenario.training.optimizer.learning_rate / best))
        steps = None if away > 2 else int(60 * (1 + away))
        return Answer(step_s=0.1 * (1 + 0.002 * (seed % 2)), steps_to_target=steps, on_test_split=0.91 + 0.001 * seed)

    return script


def tuned(lab: Lab, script: Any, axis: str, budget_s: float = 3000.0, *changes: str) -> Study:
    return lab.tune(script, lab.scenario(lab_text(axis), *changes), budget_s=budget_s).study


def test_both_neighbours_are_measured_once_after_the_search_and_do_not_count_as_trials(lab: Lab) -> None:
    study = tuned(lab, bowl(), RANGE)
    advice = study.recommendation
    rate = advice.overrides[RATE]
    assert advice.neighbours is not None
    assert [one.learning_rate for one in advice.neighbours] == pytest.approx([rate / 2, rate * 2], rel=0.01)
    assert {one.source for one in advice.neighbours} == {"measured"}
    assert all(one.reached for one in advice.neighbours)
    for one in advice.neighbours:
        away = abs(math.log10(one.learning_rate / 1e-3))
        assert one.time_to_target_s == pytest.approx(0.1 * int(60 * (1 + away)), rel=0.01)
    made = [t for t in study.trials if t.role == "neighbour"]
    assert 0 < len(made) <= 2
    assert sum(study.counts().values()) == len(
        [t for t in study.trials if t.role not in ("confirmation", "explanation", "neighbour")]
    )
    assert not [w for w in study.warnings if w.code == "fragile"]
    assert study.spent_s <= study.budget_s


def test_what_the_search_measured_of_a_neighbour_is_used(lab: Lab) -> None:
    study = tuned(lab, bowl(), LISTED, 10_000.0, "search.method=tpe")
    assert {t.overrides[RATE] for t in study.trials if t.role in ("baseline", "candidate")} >= {1e-4, 1e-3, 3e-3, 1e-2}
    advice = study.recommendation
    assert advice.neighbours is not None
    assert {one.source for one in advice.neighbours} == {"measured"}
    searched = {t.run_id for t in study.trials if t.role == "candidate"}
    made = {t.run_id for t in study.trials if t.role == "neighbour"}
    assert {one.run_id for one in advice.neighbours} <= searched | made
    assert {one.run_id for one in advice.neighbours} & searched


def test_a_neighbour_that_misses_makes_the_setup_fragile(lab: Lab) -> None:
    study = tuned(lab, bowl(narrow=9.0), LISTED)
    assert study.recommendation.overrides[RATE] == 1e-3
    assert study.recommendation.neighbours is not None
    assert any(one.reached is False and one.time_to_target_s is None for one in study.recommendation.neighbours)
    (warning,) = [w for w in study.warnings if w.code == "fragile"]
    assert "missed the target" in warning.message


def test_where_the_budget_does_not_pay_the_model_predicts_and_it_is_marked(lab: Lab) -> None:
    budgets = (45.0, 60.0, 75.0, 80.0, 85.0, 90.0, 95.0, 100.0, 110.0, 120.0, 150.0)
    found = []
    for budget_s in budgets:
        desk = Lab(out=lab.out / str(budget_s))
        study = tuned(desk, bowl(), RANGE, budget_s)
        found.append(study.recommendation.neighbours)
        made = sum(t.role == "neighbour" for t in study.trials)
        time_s = study.recommendation.time_to_target_s
        for request in desk.requests[len(desk.requests) - made :]:
            assert request.deadline_s >= 2 * time_s.value, "enough to tell whether it takes twice as long"
    predicted = [one for one in itertools.chain(*(f or () for f in found)) if one.source == "predicted"]
    assert predicted
    assert all(one.reached is None and one.run_id is None and one.time_to_target_s > 0 for one in predicted)


def test_an_interruption_in_between_keeps_what_was_found(lab: Lab) -> None:
    whole = tuned(lab, bowl(), RANGE)
    asked = len(lab.requests)
    numbers = itertools.count(1)

    def breaks(scenario: Scenario, seed: int) -> Answer:
        stopped = next(numbers) == asked - sum(t.role == "neighbour" for t in whole.trials) + 1
        answer: Answer = bowl()(scenario, seed)
        return Answer(step_s=answer.step_s, steps_to_target=answer.steps_to_target, interrupt=stopped)

    study = tuned(Lab(out=lab.out / "again"), breaks, RANGE)
    assert study.stopped == "interrupted"
    assert study.recommendation.verdict == whole.recommendation.verdict
    assert study.trials[-1].outcome is Outcome.INTERRUPTED


@pytest.mark.parametrize(
    ("neighbour", "told"),
    [
        ({"time_to_target_s": 21.0, "reached": True, "source": "measured"}, "took 2.1 times as long"),
        ({"time_to_target_s": 30.0, "source": "predicted"}, "is predicted to take 3 times as long"),
        ({"reached": False, "source": "measured"}, "missed the target within 2 times"),
        ({"time_to_target_s": 19.0, "reached": True, "source": "measured"}, None),
    ],
)
def test_fragile_is_a_miss_or_over_twice_the_time(neighbour: dict[str, Any], told: str | None) -> None:
    found = fragility([Neighbour(overrides={RATE: 5e-4}, learning_rate=5e-4, **neighbour)], 10.0)
    assert [told in w.message and "0.0005" in w.message for w in found if told] == ([True] if told else [])
    assert bool(found) == (told is not None)
    assert fragility(None, 10.0) == fragility((), None) == ()
