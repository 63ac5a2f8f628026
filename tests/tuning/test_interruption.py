from __future__ import annotations

import pytest

from benchbench.executors.base import Request
from benchbench.executors.kinds.fake import Answer, Script
from benchbench.record.store import read_run, run_folders
from benchbench.record.study_store import read_study
from benchbench.record.types import Outcome, Repeat
from benchbench.scenario.loading import load
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.moments import Moment
from tests.tuning.lab import Lab

WHOLE = 4 + 6  # four setups searched, the baseline and the best confirmed three times each


def fast_at_64(scenario: Scenario, seed: int) -> Answer:
    return Answer(step_s=0.1, steps_to_target=50 if scenario.training.global_batch == 64 else 100)


def interrupted_at(k: int) -> Script:
    asked = 0

    def script(scenario: Scenario, seed: int) -> Answer:
        nonlocal asked
        asked += 1
        answer = fast_at_64(scenario, seed)
        return Answer(step_s=answer.step_s, steps_to_target=answer.steps_to_target, interrupt=asked == k + 1)

    return script


@pytest.mark.parametrize("k", range(WHOLE))
def test_an_interruption_at_any_request_leaves_a_valid_study(lab: Lab, k: int) -> None:
    stored = lab.tune(interrupted_at(k), trials=4, seed=1)
    assert len(lab.requests) == k + 1, "nothing was started after it"
    assert stored.interrupted
    study = read_study(stored.folder)
    assert study == stored.study
    assert study.stopped == "interrupted"
    assert not [p for p in lab.out.iterdir() if p.name.startswith(".")]
    (loaded,) = load(study.recommendation.scenario_path)
    assert loaded.name == "fake"
    ended = [r for folder in run_folders(lab.out) for r in read_run(folder).repeats]
    assert len(ended) == k + 1, "every repeat is kept"
    assert sum(r.outcome is Outcome.INTERRUPTED for r in ended) == 1
    assert study.counts()["interrupted"] == (1 if k < 4 else 0)
    if k < WHOLE - 3:
        assert study.recommendation.verdict == "insufficient-evidence"


def test_an_interruption_between_requests_is_one_too(lab: Lab) -> None:
    def watch(moment: Moment) -> None:
        if moment.event == "end" and moment.number == 2:
            raise KeyboardInterrupt

    lab.moments = type("Raises", (list,), {"append": lambda _self, moment: watch(moment)})()
    stored = lab.tune(fast_at_64, trials=8)
    assert stored.interrupted
    assert stored.study.counts()["ok"] == 3
    assert stored.study.counts()["interrupted"] == 0


def test_an_interruption_that_escapes_the_executor_keeps_what_was_measured(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchbench.executors.kinds.fake import FakeExecutor

    whole = FakeExecutor.run

    def run(self, request: Request, watch) -> Repeat:
        if len(self.requests) == 2:
            raise KeyboardInterrupt
        return whole(self, request, watch)

    monkeypatch.setattr(FakeExecutor, "run", run)
    stored = lab.tune(fast_at_64, trials=8)
    assert stored.interrupted
    assert stored.study.counts()["ok"] == 2
    assert stored.study.recommendation.verdict == "insufficient-evidence"


def test_nothing_measured_claims_nothing(lab: Lab) -> None:
    study = lab.tune(interrupted_at(0)).study
    found = study.recommendation
    assert found.verdict == "insufficient-evidence"
    assert found.overrides == {"training.global_batch": 32, "precision": "fp32", "training.attention": "auto"}
    assert (found.step_s, found.time_to_target_s, found.speedup) == (None, None, None)
    assert study.baseline.time_to_target_s is None
