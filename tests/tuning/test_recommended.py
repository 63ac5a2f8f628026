"""A study's scenarios are what its search measured."""

import pytest

from benchbench.executors.kinds.fake import Answer, Script
from benchbench.scenario.loading import load
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.recommended import baseline_of, is_baseline, recommended_of
from tests.tuning.lab import Lab, faster_when, lab_text

OUTSIDE = lab_text("training.global_batch: [16, 32, 64]", baseline="{training.dropout: 0.3}")


def at_64(scenario: Scenario) -> bool:
    return scenario.training.global_batch == 64


def as_it_is(scenario: Scenario) -> bool:
    return scenario.training.dropout is not None


@pytest.mark.parametrize(
    ("text", "script", "keeps"),
    [
        (lab_text("training.global_batch: [16, 32, 64]"), faster_when(at_64), False),
        (lab_text("training.global_batch: [16, 32]"), faster_when(lambda s: s.training.global_batch == 32), True),
        (OUTSIDE, faster_when(at_64), False),
        (OUTSIDE, faster_when(as_it_is), True),
        (OUTSIDE, lambda *_: Answer(steps_to_target=None), True),
    ],
)
def test_they_are_those_of_its_files(lab: Lab, text: str, script: Script, keeps: bool) -> None:
    stored = lab.tune(script, lab.scenario(text))
    (written,) = load(stored.folder / "recommended.yaml")
    assert recommended_of(stored.study) == written
    assert is_baseline(stored.study) is keeps or stored.study.recommendation.verdict == "target-not-reached"
    first = lab.requests[0].scenario
    assert baseline_of(stored.study).training == first.training
