"""One page of every kind, from records that are made in milliseconds."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchbench.record.history_series import series_of
from benchbench.record.types import Outcome, RunWarning
from benchbench.report.pages import write_comparison, write_history, write_page, write_run, write_study
from benchbench.report.subject import HistorySubject, run_subject
from tests.report import test_comparison, test_history
from tests.report.records import TARGET, run_folder, scenario, study_folder
from tests.report.searches import searched

CARE = (
    RunWarning(code="throttled", message="the clocks of cuda:0 were held down by heat (12 % of the time)"),
    RunWarning(code="noisy", message="the repeats differ by 8 %"),
)


def run(out: Path) -> Path:
    outcomes = (Outcome.OK, Outcome.OK, Outcome.CRASHED)
    folder = run_folder(out / "results", of=scenario(**TARGET), outcomes=outcomes, warnings=CARE)
    return write_run([folder], out / "run.html")


def of_study(out: Path) -> Path:
    results = out / "results"
    base = run_folder(results, "20260101-000000-bert-aaaa", of=scenario(**TARGET))
    best = run_folder(results, "20260101-000001-bert-aaab", of=scenario(**TARGET, precision="bf16"))
    found = searched({"baseline": base, "recommendation": best})
    return write_study(study_folder(results, found), out / "study.html")


def comparison(out: Path) -> Path:
    changes: list[dict[str, Any]] = [{}, {"of": scenario(precision="bf16")}, {}]
    of = test_comparison.subject(out / "results", *changes, factors=(1.0, 1.1, 1.0))
    return write_comparison(of, out / "comparison.html")


def several(out: Path) -> Path:
    results = out / "results"
    folders = [
        run_folder(results, f"2026010{i + 1}-000000-bert-aaaa", of=scenario(precision=precision))
        for i, precision in enumerate(("fp32", "tf32", "bf16"))
    ]
    return write_page([run_subject(folder) for folder in folders], out / "several.html")


def history(out: Path) -> Path:
    slow = [test_history.run(i + 1, 50 * factor, name="slow") for i, factor in enumerate((1.0, 1.01, 1.04, 1.05))]
    series, _ = series_of(slow, None, 0.02)
    assert series is not None
    other = HistorySubject(series=series, threshold=0.02)
    return write_history([test_history.subject(test_history.BOTH_WAYS), other], out / "history.html")


KINDS: Mapping[str, Callable[[Path], Path]] = {
    "run": run, "study": of_study, "comparison": comparison, "several": several, "history": history,
}  # fmt: skip
