"""What single sections say, where it matters most."""

from pathlib import Path
from typing import Literal, TypeVar, get_args

import numpy as np
import pytest

from benchbench.record.study import Importance, Neighbour, Proxy, ProxyPoint
from benchbench.record.types import Failure, Outcome, RunWarning, WarningCode
from benchbench.report.content import (
    Answer,
    Bars,
    Block,
    Callout,
    Chart,
    Code,
    Facts,
    Paragraph,
    Quantity,
    Section,
    Table,
)
from benchbench.report.sections import (
    cautions,
    comparison,
    economics,
    failure,
    importance,
    learning,
    proxy,
    recommendation,
    repeat_this,
    repeats,
    search_progress,
    step_times,
    summary,
    telemetry,
    trials,
)
from benchbench.report.subject import StudySubject, run_subject
from benchbench.stats.estimate import Estimate
from benchbench.stats.intervals import wilson
from tests.report.records import STEPS, TARGET, WARMUP, run_folder, scenario, study

B = TypeVar("B", bound=Block)


def _only(section: Section | None, kind: type[B]) -> B:
    assert section is not None
    return next(b for b in section.blocks if isinstance(b, kind))


def _told(section: Section | None) -> str:
    assert section is not None
    return " ".join(b.text for b in section.blocks if isinstance(b, (Answer, Paragraph, Callout, Code)))


def test_the_warm_up_is_shaded_and_its_slow_steps_do_not_hide_the_rest(tmp_path: Path) -> None:
    chart = _only(step_times.render(run_subject(run_folder(tmp_path))), Chart)
    (span,) = chart.spans
    (panel,) = chart.panels
    assert (span.low, span.high) == (0.5, WARMUP + 0.5)
    assert len(panel.series) == 3
    assert len(panel.series[0].x) == STEPS
    assert panel.high is not None
    assert panel.high < 0.02
    assert "3 warm-up steps of up to" in chart.caption


def test_the_distribution_is_of_the_measured_steps_of_good_repeats(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, outcomes=(Outcome.OK, Outcome.CRASHED))
    section = step_times.render(run_subject(folder))
    assert section is not None
    histogram = [b for b in section.blocks if isinstance(b, Chart)][1]
    assert histogram.panels[0].series[0].y.sum() == STEPS - WARMUP
    median = dict(_only(section, Facts).items)["median"]
    frame = run_subject(folder).steps.frame
    assert frame is not None
    expected = float(np.median(frame[(frame["repeat"] == 0) & ~frame["warmup"]]["step_s"]))
    assert isinstance(median, Quantity)
    assert median.value == pytest.approx(expected)


def test_what_telemetry_lacks_is_said_in_words(tmp_path: Path) -> None:
    section = telemetry.render(run_subject(run_folder(tmp_path)))
    assert "cpu did not tell power." in _told(section)
    chart = _only(section, Chart)
    assert [p.label for p in chart.panels] == [
        "utilization", "memory in use", "power", "clock", "temperature", "throughput"
    ]  # fmt: skip
    assert [m.label for m in chart.marks] == ["repeat 0", "repeat 1", "repeat 2"]
    nothing = telemetry.render(run_subject(run_folder(tmp_path, "x-none", devices=())))
    assert "No device answered" in _told(nothing)


def test_of_many_devices_the_least_and_the_busiest_are_drawn(tmp_path: Path) -> None:
    devices = [f"cuda:{i}" for i in range(40)]
    subject = run_subject(run_folder(tmp_path, devices=devices, outcomes=(Outcome.OK,)))
    frame = subject.telemetry.frame
    assert frame is not None
    means = frame.groupby("device")["utilization"].mean()
    chart = _only(telemetry.render(subject), Chart)
    drawn = {s.name for s in chart.panels[0].series}
    assert len(drawn) == 8
    assert {str(means.idxmin()), str(means.idxmax())} <= drawn
    assert "Of 40 devices" in chart.caption


def test_the_target_is_marked_on_the_learning_curve(tmp_path: Path) -> None:
    chart = _only(learning.render(run_subject(run_folder(tmp_path, of=scenario(**TARGET)))), Chart)
    assert [p.label for p in chart.panels] == ["held-out accuracy", "held-out loss", "training loss"]
    assert [(m.at, m.label) for m in chart.panels[0].marks] == [(0.8, "target 0.8")]
    assert learning.render(run_subject(run_folder(tmp_path, "x-throughput"))) is None


def test_equal_failures_are_told_once(tmp_path: Path) -> None:
    why = Failure(kind="oom", message="no memory", rank=1, exit_code=9, log_tail="line\n" * 100 + "the end")
    outcomes = (Outcome.OOM, Outcome.OK, Outcome.OOM)
    section = failure.render(run_subject(run_folder(tmp_path, outcomes=outcomes, failure=why)))
    callout = _only(section, Callout)
    assert callout.title == "Repeats 0, 2 ran out of memory"
    assert callout.text == "no memory (rank 1, exit code 9)"
    log = _only(section, Code).text
    assert log.endswith("the end")
    assert log.count("\n") < 40
    assert failure.render(run_subject(run_folder(tmp_path, "x-fine"))) is None


@pytest.mark.parametrize("code", get_args(WarningCode))
def test_every_warning_has_a_heading(tmp_path: Path, code: WarningCode) -> None:
    subject = run_subject(run_folder(tmp_path, warnings=(RunWarning(code=code, message="so it was"),)))
    callout = _only(cautions.render(subject), Callout)
    assert callout.title != code
    assert callout.text.startswith("So it was.")


def test_the_answer_of_a_missed_target_names_the_best(tmp_path: Path) -> None:
    missed = scenario(**TARGET | {"target": {"metric": "accuracy", "at_least": 2.0, "eval_every": 10}})
    answer = _only(summary.render(run_subject(run_folder(tmp_path, of=missed))), Answer)
    assert "does not reach accuracy of at least 2: 0 of 3 repeats did; the best seen was 1" in answer.text
    assert answer.tone == "warning"


def test_the_answer_of_a_failed_run_has_no_number(tmp_path: Path) -> None:
    answer = _only(summary.render(run_subject(run_folder(tmp_path, outcomes=(Outcome.OOM,)))), Answer)
    assert answer.text == "bert: no result. 1 of 1 repeat ran out of memory."
    assert answer.tone == "bad"


def test_unknown_figures_are_named_and_never_shown_as_nought(tmp_path: Path) -> None:
    section = summary.render(run_subject(run_folder(tmp_path, devices=("cpu",))))
    facts = dict(_only(section, Facts).items)
    assert "power" not in facts
    assert "Unknown here: peak memory" in _told(section)


def test_every_repeat_has_its_row(tmp_path: Path) -> None:
    table = _only(repeats.render(run_subject(run_folder(tmp_path, outcomes=(Outcome.OK, Outcome.TIMEOUT)))), Table)
    assert [(row.cells[2], row.tone) for row in table.rows] == [("ok", "plain"), ("timeout", "bad")]


def test_the_command_can_be_copied(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, command=("benchbench", "run", "my file.yaml", "--set", "precision=bf16"))
    section = repeat_this.render(run_subject(folder))
    assert section is not None
    codes = [b.text for b in section.blocks if isinstance(b, Code)]
    assert codes[0] == "benchbench run 'my file.yaml' --set precision=bf16"
    assert codes[1] == f"benchbench run {folder}/scenario.yaml"


@pytest.mark.parametrize(
    ("verdict", "words", "tone"),
    [
        ("faster", "Train with precision = bf16", "good"),
        ("tie", "ties with it: 1.83", "plain"),
        ("insufficient-evidence", "Not enough evidence for a winner", "warning"),
        ("target-not-reached", "No setup reached accuracy of at least 0.8", "bad"),
    ],
)
def test_each_verdict_has_its_sentence(verdict: str, words: str, tone: str) -> None:
    section = recommendation.render(StudySubject(study=study(verdict=verdict)))
    answer = _only(section, Answer)
    assert words in answer.text
    assert answer.tone == tone
    assert "benchbench run results/x/recommended.yaml" in _told(section)


def test_a_baseline_that_stays_is_said() -> None:
    found = study(verdict="tie")
    kept = found.model_copy(update={"recommendation": found.recommendation.model_copy(update={"overrides": {}})})
    assert _only(recommendation.render(StudySubject(study=kept)), Answer).text.startswith("Keep the baseline")


def test_changed_settings_stand_out() -> None:
    table = _only(comparison.render(StudySubject(study=study())), Table)
    assert [(row.cells, row.tone) for row in table.rows] == [(("precision", "fp32", "bf16"), "good")]


def test_the_claim_tells_test_metrics_the_reach_rate_and_the_neighbours() -> None:
    found = study()
    accuracy = Estimate(value=0.9, low=0.89, high=0.91, confidence=0.95, n=3, unit="")
    rate = "training.optimizer.learning_rate"
    around = (
        Neighbour(overrides={rate: 1e-4}, learning_rate=1e-4, time_to_target_s=7.0, reached=True, source="measured"),
        Neighbour(overrides={rate: 4e-4}, learning_rate=4e-4, reached=False, source="measured"),
        Neighbour(overrides={rate: 5e-4}, learning_rate=5e-4, time_to_target_s=9.0, source="predicted"),
    )
    advice = found.recommendation.model_copy(
        update={
            "test_metrics": {"accuracy": accuracy},
            "reach_rate_over_seeds": wilson(4, 5, 0.95),
            "neighbours": around,
        }
    )
    before = found.baseline.model_copy(update={"test_metrics": {"accuracy": accuracy}})
    section = recommendation.render(
        StudySubject(study=found.model_copy(update={"recommendation": advice, "baseline": before}))
    )
    facts = dict(_only(section, Facts).items)
    assert facts["test accuracy"] == accuracy
    assert facts["reached, over all seeds"] == wilson(4, 5, 0.95)
    told = _told(section)
    assert "the baseline has accuracy 0.9" in told
    assert "0.0001 takes 7.00 s; 0.0004 missed the target; 0.0005 is predicted to take 9.00 s, not measured" in told


@pytest.mark.parametrize(("by", "told"), [("model", "main effects"), ("ped-anova", "PED-ANOVA")])
def test_what_matters_has_a_bar_and_a_row_a_setting(by: Literal["model", "ped-anova"], told: str) -> None:
    found = study().model_copy(
        update={"importance": Importance(by=by, shares={"precision": 0.75, "training.seed": 0.25})}
    )
    section = importance.render(StudySubject(study=found))
    bars = _only(section, Bars).bars
    assert [(bar.label, bar.start, bar.end) for bar in bars] == [("precision", 0.0, 0.75), ("training.seed", 0.0, 0.25)]
    table = _only(section, Table)
    assert [row.cells[0] for row in table.rows] == ["precision", "training.seed"]
    assert told in table.note
    assert importance.render(StudySubject(study=study())) is None


def test_a_reused_trial_says_where_it_is_from() -> None:
    found = study()
    again = found.trials[0].model_copy(update={"reused_from": "r", "note": "reused from r"})
    table = _only(trials.render(StudySubject(study=found.model_copy(update={"trials": (again,)}))), Table)
    assert "reused from r" in table.rows[0].cells


def test_failed_trials_are_in_sight_with_their_reason() -> None:
    table = _only(trials.render(StudySubject(study=study(message="no memory"))), Table)
    assert len(table.rows) == 4
    failed = table.rows[2]
    assert failed.tone == "bad"
    assert "no memory" in failed.cells
    assert 0 not in failed.cells


def test_the_best_so_far_never_rises_and_the_budget_is_marked() -> None:
    section = search_progress.render(StudySubject(study=study()))
    chart = _only(section, Chart)
    best = chart.panels[0].series[0]
    assert (np.diff(best.y) <= 0).all()
    assert [(m.at, m.label) for m in chart.marks] == [(60.0, "budget")]
    assert "4 trials: 3 ok and 1 oom. The search ended: the budget is spent." in _told(section)


def test_savings_that_are_unknown_are_said() -> None:
    found = study()
    unknown = found.economics.model_copy(update={"saved_per_training_s": None, "break_even_trainings": None})
    assert "paid after 20 trainings" in _told(economics.render(StudySubject(study=found)))
    told = _told(economics.render(StudySubject(study=found.model_copy(update={"economics": unknown}))))
    assert "unknown" in told


def test_the_proxys_rank_agreement_is_told_with_its_points() -> None:
    points = tuple(
        ProxyPoint(overrides={"precision": name}, under_proxy=own, real=10 * own)
        for name, own in (("fp32", 0.2), ("bf16", 0.1))
    )
    overrides = {"model.layers": 2}
    found = Proxy(overrides=overrides, compared="step_s", points=points, kendall_tau=1.0)
    section = proxy.render(StudySubject(study=study(proxy=found)))
    assert "step time of 2 setups under both: Kendall's tau 1.00" in _told(section)
    assert [row.cells[2] for row in _only(section, Table).rows] == [Quantity(value=v, unit="s") for v in (2.0, 1.0)]
    unknown = proxy.render(StudySubject(study=study(proxy=Proxy(overrides=overrides, compared="step_s"))))
    assert "Too few were measured" in _told(unknown)
    assert proxy.render(StudySubject(study=study())) is None
