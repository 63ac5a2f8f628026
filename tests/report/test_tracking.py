"""What trackers are told is what the records hold: every step, evaluation and sample, at its moment."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from benchbench.record.types import Outcome
from benchbench.report.subject import run_subject, study_subject
from benchbench.report.tracking import journals_of
from tests.report.records import TARGET, run_folder, scenario, study, study_folder

BEGAN_S = datetime(2026, 1, 1, tzinfo=UTC).timestamp()


def test_a_repeat_has_its_rows_of_every_table(tmp_path: Path) -> None:
    subject = run_subject(run_folder(tmp_path, of=scenario(**TARGET)))
    frames = (subject.steps.frame, subject.evals.frame, subject.telemetry.frame)
    steps, evals, telemetry = (frame[frame["repeat"] == 1] for frame in frames if frame is not None)
    _, _, repeat, _ = journals_of(subject)
    assert repeat.began_s == BEGAN_S
    assert repeat.ended_s == BEGAN_S + 3.0
    points = repeat.series["train/step_s"]
    assert [point.step for point in points] == list(range(1, 61))
    assert [point.value for point in points] == list(steps["step_s"])
    np.testing.assert_allclose([point.time_s for point in points], BEGAN_S + steps["t_s"])
    assert [point.value for point in repeat.series["eval/accuracy"]] == list(evals["accuracy"])
    assert [point.step for point in repeat.series["eval/accuracy"]] == list(evals["step"])
    gpu = telemetry[telemetry["device"] == "cuda:1"]
    assert [point.value for point in repeat.series["cuda-1/utilization"]] == list(gpu["utilization"])
    assert [point.step for point in repeat.series["cuda-1/utilization"]] == list(range(20))
    assert "train/learning_rate" not in repeat.series  # the trainer told none


def test_a_run_has_its_summary_and_its_settings(tmp_path: Path) -> None:
    subject = run_subject(run_folder(tmp_path))
    run = journals_of(subject)[0]
    step_s = subject.summary.step_s
    assert step_s is not None
    assert (run.figures["step_s"], run.figures["step_s/low"]) == (step_s.value, step_s.low)
    assert run.settings["training.global_batch"] == 32
    assert run.notes["outcome"] == "ok"


def test_a_study_has_its_trials_in_the_time_of_the_search(tmp_path: Path) -> None:
    whole, *trials = journals_of(study_subject(study_folder(tmp_path, study())))
    assert whole.figures["speedup"] == pytest.approx(1.83)
    assert whole.settings["recommended.precision"] == "bf16"
    assert [trial.began_s - whole.began_s for trial in trials] == [0.0, 10.0, 20.0, 30.0]
    assert [trial.is_ok for trial in trials] == [True, True, False, True]
    assert [trial.figures.get("objective") for trial in trials] == [10.0, 5.0, None, 2.5]
    assert trials[2].notes["failure"] == "no memory"
    assert {trial.parent for trial in trials} == {whole.name}


def test_a_run_that_never_began_has_no_series(tmp_path: Path) -> None:
    run, repeat = journals_of(run_subject(run_folder(tmp_path, outcomes=(Outcome.REFUSED,), devices=())))
    assert not run.is_ok
    assert repeat.series == {}
    assert repeat.notes["failure"] == "it was refused"
