"""How often a confirmation repeats, and that what was disturbed in it is measured again."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchbench.executors.kinds.fake import Answer
from benchbench.record.store import read_run, run_folders
from benchbench.record.types import Reach, Repeat
from benchbench.scenario.scenario import Scenario
from benchbench.stats.intervals import Noise
from benchbench.tuning.confirm import Doubt, repeats_wanted
from benchbench.tuning.method import Standing
from benchbench.tuning.objective import TimeToTarget
from benchbench.tuning.verdict import Evidence, judge
from tests.record import lines
from tests.tuning.lab import Lab, faster_when

LEAST, MARGIN, CONFIDENCE = 3, 0.05, 0.95


def wanted(gap: float, noise: float) -> int:
    """Repeats of a baseline and a setup whose logarithms are so far apart."""
    proposer: Any = SimpleNamespace(standing=lambda setups: Standing(tuple([gap, 0.0][: len(setups)]), noise))
    setups: Any = [SimpleNamespace(trial=SimpleNamespace(overrides={"n": n})) for n in range(2)]
    return repeats_wanted(setups, proposer, LEAST, MARGIN, CONFIDENCE)


def test_a_wide_gap_in_little_noise_takes_the_fewest() -> None:
    assert wanted(0.7, 0.05) == LEAST


def test_more_noise_takes_more_repeats_up_to_a_limit() -> None:
    counts = [wanted(0.5, noise) for noise in (0.05, 0.17, 0.2, 0.25, 1.0)]
    assert counts == sorted(counts)
    assert counts[0] == LEAST < counts[2]
    assert counts[-1] == 6


@pytest.mark.parametrize("gap", [0.0, 0.04, -0.5])
def test_where_nothing_is_expected_to_be_faster_nothing_is_to_be_decided(gap: float) -> None:
    assert wanted(gap, 0.25) == LEAST


def test_a_method_without_a_model_takes_the_fewest() -> None:
    proposer: Any = SimpleNamespace(standing=lambda _setups: None)
    assert repeats_wanted([], proposer, LEAST, MARGIN, CONFIDENCE) == LEAST


def test_a_disturbed_repeat_of_a_confirmation_is_measured_again(lab: Lab) -> None:
    plain = faster_when(lambda s: s.precision == "bf16")
    disturbed: list[int] = []

    def script(scenario: Scenario, seed: int) -> Answer:
        answer = plain(scenario, seed)
        confirms = lab.requests[-1].test_split
        if not confirms or disturbed:
            return answer
        disturbed.append(lab.requests[-1].index)
        return Answer(step_s=answer.step_s, steps_to_target=answer.steps_to_target, foreign_cpus=1.0)

    study = lab.tune(script).study
    runs = [read_run(folder) for folder in run_folders(lab.out)]
    assert [r.index for run in runs for r in run.set_aside] == disturbed
    assert study.recommendation.verdict == "faster"
    assert all(r.validity == "valid" for run in runs if run.set_aside for r in run.repeats)


def times(*seconds: float | None) -> list[Repeat]:
    """Trainings to a target; None for a miss."""
    reaches = [Reach(reached=t is not None, time_to_target_s=t, steps_to_target=t and 10 * t) for t in seconds]
    return [lines.repeat(index, reach=reach) for index, reach in enumerate(reaches)]


def doubt(speedup: float = 0.6, noise: float | None = 0.05) -> Doubt:
    believed = None if noise is None else Noise(deviation=noise, degrees=4.0)
    return Doubt(objective=TimeToTarget(), speedup=speedup, confidence=CONFIDENCE, noise=believed)


def test_repeats_that_differ_as_believed_leave_no_doubt() -> None:
    assert not doubt().open([times(4.0, 4.1, 3.9), times(2.0, 2.1, 1.95)])


@pytest.mark.parametrize("factor", [0.5, 1.0, 2.0])
def test_repeats_that_differ_more_leave_a_doubt_whoever_is_ahead(factor: float) -> None:
    wide = [factor * t for t in (2.0, 4.0, 3.0)]
    assert doubt().open([times(4.0, 4.1, 3.9), times(*wide)])


def test_what_more_repeats_do_not_mend_is_left() -> None:
    assert not doubt().open([times(4.0, 4.1, 3.9), times(2.0, None, 3.0)]), "a miss has no bound"
    assert not doubt().open([times(4.0), times(2.0)]), "one repeat has no spread"
    many = [2.0, 4.0] * 6
    assert not doubt().open([times(*many), times(*many)]), "no confirmation goes on for ever"


def test_a_confirmation_goes_on_where_its_repeats_differ_more_than_the_search_saw(lab: Lab) -> None:
    plain = faster_when(lambda s: s.precision == "bf16")

    def script(scenario: Scenario, seed: int) -> Answer:
        answer = plain(scenario, seed)
        request = lab.requests[-1]
        factor = (0.75, 1.0, 1.3)[request.index % 3] if request.test_split else 1.0
        return Answer(step_s=factor * answer.step_s, steps_to_target=answer.steps_to_target)

    study = lab.tune(script, budget_s=2000.0).study
    counts = [n for n in (len(read_run(folder).repeats) for folder in run_folders(lab.out)) if n >= LEAST]
    assert len(counts) == 2
    assert counts[0] == counts[1]
    assert LEAST < counts[0] <= 12
    assert study.recommendation.verdict == "faster"
    told = [m.message for m in lab.moments if m.role == "confirmation" and m.event == "start"]
    assert told[-1] == f"repeat {counts[0]} of {counts[0]}"


def test_a_confirmation_that_goes_on_claims_no_more_than_it_may() -> None:
    """Setups that are the same, with more noise than is believed: a difference is claimed in 5 % of cases, or less."""
    generator = np.random.default_rng(7)
    trials, claimed, covered = 400, 0, 0
    asked = doubt(speedup=0.5)
    for _ in range(trials):
        logs = generator.normal(0.0, 0.25, size=(2, 12))
        n = LEAST
        sides = [times(*np.exp(side)) for side in logs]
        while asked.open([side[:n] for side in sides]):
            n += 1
        both = [Evidence.of_repeats(side[:n], asked.objective) for side in sides]
        found = judge(both[0], both[1:], MARGIN, CONFIDENCE, asked.noise)
        interval = found.speedup
        claimed += found.verdict == "faster"
        if interval is not None and interval.low is not None and interval.high is not None:
            covered += interval.low <= 1.0 <= interval.high
    limit = 0.05 * trials + 3 * math.sqrt(0.05 * 0.95 * trials)
    assert claimed <= limit / 2, "half of them would be slower"
    assert trials - covered <= limit
