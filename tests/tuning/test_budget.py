from __future__ import annotations

import random

import pytest

from benchbench.errors import InputError
from benchbench.executors.kinds.fake import Answer
from benchbench.record.types import Outcome
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.budget import Allowance, Budget, Cost, Pacing, parse_budget
from benchbench.tuning.method import Plan
from tests.tuning.lab import SCENARIO, Lab

BASELINE = Cost(wall_s=12.0, training_s=10.0)
QUICK = Cost(wall_s=6.0, training_s=4.0)


class FakeClock:
    def __init__(self) -> None:
        self.now_s = 50.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def pacing(clock: FakeClock, total_s=300.0, trains=True, repeats=3) -> Pacing:
    return Pacing(Budget(total_s, clock), trains=trains, repeats=repeats)


@pytest.mark.parametrize(("text", "seconds"), [("5m", 300.0), ("2h", 7200.0), ("10s", 10.0), ("1h30m", 5400.0)])
def test_a_budget_is_a_duration(text: str, seconds: float) -> None:
    assert parse_budget(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "5", "-1m", "0s", "9s", "500ms", "nan"])
def test_no_budget_or_one_too_short_is_refused(text: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_budget(text)
    assert caught.value.key == "--budget"


def test_a_budget_counts_from_its_making(clock: FakeClock) -> None:
    budget = Budget(60.0, clock)
    clock.now_s += 45.0
    assert (budget.spent_s, budget.left_s, budget.end) == (45.0, 15.0, 110.0)


def test_the_baseline_may_take_half_of_the_budget(clock: FakeClock) -> None:
    assert pacing(clock).baseline() == Allowance(end_by=50.0 + 180.0, deadline_s=150.0)
    assert pacing(clock, trains=False).baseline() == Allowance(end_by=50.0 + 150.0)


def test_the_reserve_is_three_rounds_of_the_baseline_and_the_best(clock: FakeClock) -> None:
    p = pacing(clock)
    assert p.reserve_s == 0.0
    p.saw(BASELINE, 10.0, baseline=True)
    assert p.reserve_s == pytest.approx(1.1 * 3 * (12 + 12))
    p.saw(QUICK, 4.0)
    assert p.reserve_s == pytest.approx(1.1 * 3 * (12 + 6)), "reckoned anew when the best is known"


@pytest.mark.parametrize(("total_s", "rounds"), [(300.0, 3), (150.0, 3), (80.0, 2), (60.0, 1), (45.0, 1), (30.0, 0)])
def test_a_tight_budget_reserves_fewer_rounds(clock: FakeClock, total_s: float, rounds: int) -> None:
    p = pacing(clock, total_s)
    p.saw(Cost(wall_s=11.0, training_s=9.0), 9.0, baseline=True)
    assert p.reserve_s == pytest.approx(1.1 * rounds * 22)


def test_a_candidate_gets_one_and_a_half_times_the_best_time(clock: FakeClock) -> None:
    p = pacing(clock)
    p.saw(BASELINE, 10.0, baseline=True)
    assert p.candidate(Plan()) == Allowance(end_by=50.0 + 15.0 + 3 * 2.0 + 5.0, deadline_s=15.0)
    p.saw(QUICK, 4.0)
    assert p.candidate(Plan()).deadline_s == 6.0


def test_a_training_that_cannot_fit_before_the_reserve_is_not_started(clock: FakeClock) -> None:
    p = pacing(clock)
    p.saw(BASELINE, 10.0, baseline=True)
    start = clock.now_s
    last_start_s = 300.0 - p.reserve_s - 12.0
    clock.now_s = start + last_start_s - 0.01
    allowance = p.candidate(Plan())
    assert allowance.deadline_s == pytest.approx(10.01)
    assert allowance.end_by <= start + 300.0 - p.reserve_s + 1e-9
    clock.now_s = start + last_start_s + 0.01
    assert p.candidate(Plan()) is None


def test_while_nothing_reached_no_candidate_takes_more_than_its_share(clock: FakeClock) -> None:
    p = pacing(clock, 1000.0)
    p.saw(Cost(wall_s=42.0, training_s=40.0), None, baseline=True)
    left_s = 1000.0 - p.reserve_s
    assert p.candidate(Plan()).deadline_s == pytest.approx(left_s / 4)
    clock.now_s += left_s - 9.0
    assert p.candidate(Plan()) is None, "too little for a quarter of the longest training seen"


def test_a_throughput_candidate_may_take_a_few_times_the_best_wall_time(clock: FakeClock) -> None:
    p = pacing(clock, 3600.0, trains=False)
    p.saw(Cost(wall_s=60.0), 0.01, baseline=True)
    assert p.candidate(Plan()) == Allowance(end_by=50.0 + 240.0)
    p.saw(Cost(wall_s=10.0), 0.005)
    assert p.candidate(Plan()) == Allowance(end_by=50.0 + 120.0), "a short timeout would cut the measured window"


@pytest.mark.parametrize(
    ("left_s", "repeats", "deadline_s"),
    [
        (200.0, 3, 10.0 + 200.0 - 59.4),
        (60.0, 3, 30.0),
        (45.0, 2, 30.0),
        (20.0, 1, 30.0),
        (19.0, 0, 30.0),
        (-5.0, 0, 30.0),
    ],
)
def test_a_confirmation_has_as_many_repeats_as_are_paid_for(
    clock: FakeClock, left_s: float, repeats: int, deadline_s: float
) -> None:
    """One repeat may use up all that is to spare; in a tight budget three times the longest training."""
    p = pacing(clock)
    clock.now_s += 300.0 - left_s
    found, allowance = p.confirmation([BASELINE, QUICK], 3)
    assert found == repeats
    assert allowance == Allowance(end_by=350.0, deadline_s=pytest.approx(deadline_s))
    assert pacing(clock, trains=False).confirmation([BASELINE], 3)[1].deadline_s is None


@pytest.mark.parametrize("budget_s", [10.0, 20.0, 45.0, 90.0, 130.0, 300.0, 700.0])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_budget_is_kept_whatever_happens(lab: Lab, budget_s: float, seed: int) -> None:
    """Setups hang, miss, run out of memory and take any time at all."""
    choice = random.Random(f"{budget_s}-{seed}")
    outcomes = [Outcome.OK] * 7 + [Outcome.TIMEOUT, Outcome.OOM, Outcome.DIVERGED]
    fates = {}

    def script(scenario: Scenario, repeat_seed: int) -> Answer:
        return fates.setdefault(
            (scenario.key, repeat_seed > 0),
            Answer(
                step_s=choice.choice([0.01, 0.1, 0.5, 3.0]),
                steps_to_target=choice.choice([None, 20, 60, 200]),
                outcome=choice.choice(outcomes),
            ),
        )

    stored = lab.tune(script, budget_s=budget_s)
    assert lab.clock.now_s <= 100.0 + budget_s + 1e-6
    assert stored.study.spent_s <= budget_s + 1e-6
    assert (stored.folder / "recommended.yaml").is_file()


def test_a_hanging_candidate_is_ended_long_before_the_budget_is(lab: Lab) -> None:
    def script(scenario: Scenario, seed: int) -> Answer:
        hangs = scenario.training.global_batch == 16
        return Answer(step_s=0.1, steps_to_target=60, outcome=Outcome.TIMEOUT if hangs else Outcome.OK)

    stored = lab.tune(script, lab.scenario(SCENARIO, "search.method=tpe"), budget_s=600.0)
    assert stored.study.counts()["timeout"] == 6
    assert stored.study.stopped == "every setup of the space was measured"
    hung = [t for t in stored.study.trials if t.outcome is Outcome.TIMEOUT]
    assert all(t.ended_s - t.started_s == pytest.approx(1.5 * 6.0 + 3 * 2.0 + 5.0, abs=0.1) for t in hung)


def test_a_training_that_hangs_is_ended_soon_after_the_deadline_that_was_planned_for_it(lab: Lab) -> None:
    def script(scenario: Scenario, seed: int) -> Answer:
        fast = scenario.training.global_batch == 64
        probed = scenario.measure.procedure == "throughput"
        hangs = fast and scenario.precision == "bf16" and not probed
        outcome = Outcome.TIMEOUT if hangs else Outcome.OK
        return Answer(step_s=0.1, steps_to_target=40 if fast else 60, outcome=outcome)

    study = lab.tune(script, budget_s=600.0).study
    hung = [t for t in study.trials if t.outcome is Outcome.TIMEOUT]
    assert hung
    assert len({str(t.overrides) for t in hung}) == len(hung), "what hung is not tried again"
    deadlines = {r.scenario.key: r.deadline_s for r in lab.requests if r.deadline_s is not None}
    for trial in hung:
        deadline_s = deadlines[vary(lab.requests[0].scenario, trial.overrides).key]
        assert deadline_s <= 1.7 * 6.0 + 0.1
        assert trial.ended_s - trial.started_s <= deadline_s + 3 * 2.0 + 5.0 + 0.1
    assert study.recommendation.verdict == "faster"


def test_a_hanging_baseline_leaves_time_for_the_others(lab: Lab) -> None:
    def script(scenario: Scenario, seed: int) -> Answer:
        hangs = (scenario.training.global_batch, scenario.precision, scenario.training.attention) == (
            32,
            "fp32",
            "auto",
        )
        return Answer(step_s=0.1, steps_to_target=60, outcome=Outcome.TIMEOUT if hangs else Outcome.OK)

    study = lab.tune(script, budget_s=200.0).study
    assert study.trials[0].outcome is Outcome.TIMEOUT
    assert study.trials[0].ended_s == pytest.approx(120.0)
    assert study.counts()["ok"] > 3
    assert study.baseline.time_to_target_s is None
    assert study.recommendation.verdict == "insufficient-evidence"
    assert study.recommendation.time_to_target_s.n == 3, "the best is confirmed all the same"
    assert study.recommendation.speedup is None


def test_a_baseline_too_slow_for_half_of_the_budget_is_a_miss(lab: Lab) -> None:
    def script(scenario: Scenario, seed: int) -> Answer:
        slow = (scenario.training.global_batch, scenario.precision, scenario.training.attention) == (32, "fp32", "auto")
        return Answer(step_s=1.0 if slow else 0.1, steps_to_target=200 if slow else 60)

    study = lab.tune(script, budget_s=200.0).study
    assert lab.requests[0].deadline_s == 100.0
    assert study.trials[0].outcome is Outcome.OK
    assert study.trials[0].reached_target is False
    assert study.recommendation.time_to_target_s.value == pytest.approx(6.0)


def test_a_hanging_confirmation_ends_with_the_budget_and_keeps_what_the_search_saw(lab: Lab) -> None:
    def script(scenario: Scenario, seed: int) -> Answer:
        fast = scenario.training.global_batch == 64
        return Answer(step_s=0.1, steps_to_target=40 if fast else 100, outcome=Outcome.TIMEOUT if seed else Outcome.OK)

    stored = lab.tune(script, budget_s=300.0)
    assert stored.study.spent_s <= 300.0 + 1e-6
    found = stored.study.recommendation
    assert found.verdict == "insufficient-evidence"
    assert found.overrides["training.global_batch"] == 64
    assert found.speedup.value == pytest.approx(2.5)
    assert found.speedup.low is None


def test_a_budget_for_the_baseline_alone_says_so(lab: Lab) -> None:
    study = lab.tune(lambda *_: Answer(step_s=0.1, steps_to_target=100), budget_s=20.0).study
    assert [t.role for t in study.trials if t.reached_target is not None] == ["baseline"]
    assert study.spent_s <= 20.0
    assert study.stopped == "no further measurement fits into the budget"
    assert study.recommendation.verdict == "insufficient-evidence"
    assert study.recommendation.overrides["training.global_batch"] == 32
    assert study.recommendation.speedup.value == 1.0
    assert study.recommendation.speedup.low is None


def test_no_time_to_confirm_is_said_and_nothing_is_claimed(lab: Lab) -> None:
    def script(scenario: Scenario, seed: int) -> Answer:
        return Answer(step_s=0.1, steps_to_target=50 if scenario.training.global_batch == 64 else 100)

    found = lab.tune(script, budget_s=34.0).study.recommendation
    assert {r.index for r in lab.requests} == {0}
    assert found.verdict == "insufficient-evidence"
    assert "paid for none" in found.reason
