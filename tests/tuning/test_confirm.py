"""How often a confirmation repeats, and that what was disturbed in it is measured again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from benchbench.executors.kinds.fake import Answer
from benchbench.record.store import read_run, run_folders
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.confirm import repeats_wanted
from benchbench.tuning.method import Standing
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
