"""What a claim says beside the time: test metrics over the repeats, and the reach rate over all seeds."""

from __future__ import annotations

import pytest

from benchbench.executors.kinds.fake import Answer
from benchbench.scenario.scenario import Scenario
from tests.tuning.lab import Lab, lab_text

AXIS = "precision: [fp32, bf16]"


def script(scenario: Scenario, seed: int) -> Answer:
    quick = scenario.precision == "bf16"
    return Answer(
        step_s=0.1 * (1 + 0.002 * (seed % 2)), steps_to_target=50 if quick else 100,
        on_test_split=(0.88 if quick else 0.92) + 0.001 * seed,
    )  # fmt: skip


def test_the_test_splits_metrics_are_those_of_the_confirmation(lab: Lab) -> None:
    study = lab.tune(script, lab.scenario(lab_text(AXIS))).study
    before, after = study.baseline.test_metrics["accuracy"], study.recommendation.test_metrics["accuracy"]
    confirmed = {r.seed for r in lab.requests if r.test_split}
    assert after.n == before.n == len(confirmed)
    assert after.value == pytest.approx(0.88 + 0.001 * sum(confirmed) / len(confirmed), rel=1e-4)
    assert after.low < after.value < after.high
    assert before.value - after.value == pytest.approx(0.04, rel=1e-3)


def test_a_score_ends_where_scores_end(lab: Lab) -> None:
    def near_one(scenario: Scenario, seed: int) -> Answer:
        return Answer(steps_to_target=50, on_test_split=(0.6, 1.0)[seed % 2])

    accuracy = lab.tune(near_one, lab.scenario(lab_text(AXIS))).study.baseline.test_metrics["accuracy"]
    assert 0 <= accuracy.low < accuracy.value < accuracy.high == 1.0


def test_the_reach_rate_is_of_every_training_of_the_setup(lab: Lab) -> None:
    def lottery(scenario: Scenario, seed: int) -> Answer:
        answer = script(scenario, seed)
        missed = scenario.precision == "bf16" and seed == 4
        return Answer(step_s=answer.step_s, steps_to_target=None if missed else answer.steps_to_target)

    study = lab.tune(lottery, lab.scenario(lab_text(AXIS))).study
    rate = study.recommendation.reach_rate_over_seeds
    own = [r for r in lab.requests if r.scenario.precision == "bf16" and r.scenario.measure.procedure != "throughput"]
    assert study.recommendation.overrides == {"precision": "bf16"}
    assert 4 in {r.seed for r in own}
    assert rate.n == len(own)
    assert rate.value == pytest.approx(1 - 1 / len(own))
    assert 0 < rate.low < rate.value < rate.high < 1
    assert study.baseline.reach_rate_over_seeds.value == 1.0
    assert study.baseline.reach_rate_over_seeds.low < 1.0


def test_a_training_of_the_search_that_a_deadline_cut_short_is_no_miss(lab: Lab) -> None:
    def lottery(scenario: Scenario, seed: int) -> Answer:
        missed = scenario.precision == "bf16" and seed == 2
        answer = script(scenario, seed)
        return Answer(step_s=answer.step_s, steps_to_target=None if missed else answer.steps_to_target)

    study = lab.tune(lottery, lab.scenario(lab_text(AXIS))).study
    cut = [t for t in study.trials if t.role == "candidate" and (t.note or "").startswith("stopped after")]
    assert cut
    assert study.recommendation.reach_rate_over_seeds.value == 1.0


def test_throughput_claims_neither(lab: Lab) -> None:
    study = lab.tune(script, lab.scenario(lab_text(AXIS)), objective="throughput").study
    assert study.recommendation.reach_rate_over_seeds is None
    assert study.recommendation.test_metrics == {}
