"""Records that are hostile, empty or broken: the page opens, says what is missing, and draws no empty chart."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchbench.record.history_series import series_of
from benchbench.record.study import Trial
from benchbench.record.types import Failure, Outcome, RunWarning
from benchbench.report.index_page import write_index
from benchbench.report.pages import write_comparison, write_history, write_page, write_run
from benchbench.report.subject import HistorySubject, StudySubject, run_subject, study_subject
from tests.browser.conftest import Opened
from tests.browser.test_opening import read_whole
from tests.report import test_comparison
from tests.report.records import MACHINE, TARGET, run_folder, scenario, study, study_folder
from tests.report.searches import searched, trials

Visit = Callable[..., Opened]
ATTACK = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'`{{7*7}}%{x}</style><svg onload=alert(3)>"


def one(out: Path, **changes: Any) -> Path:
    return write_run([run_folder(out / "results", **changes)], out / "page.html")


ODD: dict[str, tuple[Callable[[Path], Path], str]] = {
    "no repeats": (lambda out: one(out, outcomes=()), "Nothing was measured."),
    "only failed": (lambda out: one(out, outcomes=(Outcome.REFUSED, Outcome.REFUSED)), "no result"),
    "only crashed": (lambda out: one(out, outcomes=(Outcome.CRASHED, Outcome.OOM)), "crashed"),
    "one repeat": (lambda out: one(out, outcomes=(Outcome.OK,)), "within 1 repeat"),
    "nan": (lambda out: one(out, of=scenario(**TARGET), loss=math.nan), "a step"),
    "holes": (lambda out: one(out, holes=True), "a step"),
    "no devices": (lambda out: one(out, devices=()), "No device answered"),
    "a thousand devices": (
        lambda out: one(out, devices=[f"cuda:{i}" for i in range(1000)], outcomes=(Outcome.OK,)),
        "Of 1000 devices",
    ),
}


def of_study(out: Path, **changes: Any) -> Path:
    return write_page([StudySubject(study=study(**changes))], out / "page.html")


def of_search(out: Path, change: Callable[[Trial], Trial]) -> Path:
    runs = {role: run_folder(out / "results", role, of=scenario(**TARGET)) for role in ("baseline", "recommendation")}
    found = searched(runs, trials=tuple(change(t) for t in trials(run_ids=list(runs))))
    folder = out / "results" / found.study
    folder.mkdir()
    return write_page([StudySubject(study=found, folder=folder)], out / "page.html")


def compared(out: Path, *changes: dict[str, Any]) -> Path:
    return write_comparison(test_comparison.subject(out / "results", *changes), out / "page.html")


MANY = {"devices": [f"cuda:{i}" for i in range(1000)], "outcomes": (Outcome.OK,)}
LOST = tuple(o for o in Outcome if o is not Outcome.OK)
MORE: dict[str, tuple[Callable[[Path], Path], str]] = {
    "study without a trial": (
        lambda out: of_study(out, outcomes=(), verdict="target-not-reached"), "No setup reached",
    ),
    "study of failures": (lambda out: of_study(out, outcomes=LOST, verdict="target-not-reached"), "no memory"),
    "study of one trial": (
        lambda out: of_study(out, outcomes=(Outcome.OK,), verdict="insufficient-evidence"), "1 trial",
    ),
    "study of nan": (
        lambda out: of_search(out, lambda t: t.model_copy(update={"objective": math.nan, "predicted": math.nan})),
        "no value",
    ),
    "study of infinity": (
        lambda out: of_search(out, lambda t: t.model_copy(update={"objective": math.inf, "step_s": math.inf})),
        "no value",
    ),
    "study with holes": (
        lambda out: of_search(out, lambda t: t.model_copy(update={"overrides": {}} if t.number % 2 else {})),
        "Every trial over its settings",
    ),
    "comparison of single repeats": (
        lambda out: compared(out, *[{"outcomes": (Outcome.OK,)}] * 2), "single repeat",
    ),
    "comparison with failures": (
        lambda out: compared(out, {}, {"outcomes": (Outcome.OK, *LOST)}), "did not end well",
    ),
    "comparison of nan": (lambda out: compared(out, {}, {"loss": math.nan}), "Step times"),
    "comparison with holes": (lambda out: compared(out, {"holes": True}, {"devices": ()}), "Step times"),
    "comparison of a thousand devices": (lambda out: compared(out, MANY, MANY), "the first in use is drawn"),
}  # fmt: skip
ODD |= MORE


@pytest.mark.parametrize("name", ODD)
def test_the_page_opens_and_says_what_is_missing(name: str, tmp_path: Path, visit: Visit) -> None:
    make, words = ODD[name]
    opened = visit(make(tmp_path))
    read_whole(opened.page)
    text = opened.page.locator("main").inner_text()
    assert words in text
    assert "Traceback" not in text
    assert "could not be made" not in text
    assert "nan" not in text.lower().split()
    for plot in opened.page.query_selector_all(".plot"):
        assert plot.query_selector(".trace path, .bars path, .point") is not None
    assert opened.quiet


def test_an_index_of_odd_pages_lists_them_all(tmp_path: Path, visit: Visit) -> None:
    pages = tmp_path / "reports"
    for name in ("no repeats", "only crashed", "study without a trial", "comparison of single repeats"):
        made = ODD[name][0](tmp_path / name)
        pages.mkdir(exist_ok=True)
        made.rename(pages / f"{name}.html")
    opened = visit(write_index(pages))
    rows = opened.page.locator("tbody tr")
    assert rows.count() == 4
    assert all("page" not in row.split() for row in rows.all_inner_texts()), "each is known by its label"
    assert "No setup reached" in opened.page.locator("tbody").inner_text()
    assert opened.quiet


def test_no_text_runs_in_a_comparison_a_history_or_an_index(tmp_path: Path, visit: Visit) -> None:
    named = ATTACK.replace("/", "\u2044")
    hostile = {"of": scenario(name=named, question=ATTACK), "device_name": ATTACK, "devices": ("cuda:0", ATTACK)}
    pages = tmp_path / "reports"
    of = test_comparison.subject(tmp_path / "results", *[hostile] * 3)
    write_comparison(of, pages / "comparison.html")
    found = [r.run.model_copy(update={"created_at": f"2026-01-0{i + 1}T00:00:00"}) for i, r in enumerate(of.runs)]
    series, _ = series_of(found, None, 0.02)
    assert series is not None
    both = [HistorySubject(series=series, threshold=0.02, command=("benchbench", ATTACK))] * 2
    write_history(both, pages / "history.html")
    for page in (pages / "comparison.html", pages / "history.html", write_index(pages)):
        opened = visit(page)
        asked: list[str] = []
        opened.page.on("dialog", lambda dialog, asked=asked: (asked.append(dialog.message), dialog.dismiss()))
        read_whole(opened.page)
        for _ in range(2):
            opened.page.locator("#language").click()
        assert opened.page.locator("main img, main svg[onload], main script[src]").count() == 0
        assert named in opened.page.locator("main").inner_text()
        assert asked == []
        assert opened.quiet


def test_damaged_tables_are_named_and_leave_no_chart(tmp_path: Path, visit: Visit) -> None:
    folder = run_folder(tmp_path / "results")
    for table in folder.glob("*.parquet"):
        table.write_bytes(b"PAR1 damaged")
    opened = visit(write_run([folder], tmp_path / "page.html"))
    assert "missing or damaged" in opened.page.locator("main").inner_text()
    assert opened.page.locator(".plot").count() == 0
    opened.page.locator("#theme").click()
    assert opened.quiet


def test_no_text_of_a_record_runs(tmp_path: Path, visit: Visit) -> None:
    named = ATTACK.replace("/", "\u2044")  # a name holds no slash
    results = tmp_path / "results"
    folder = run_folder(
        results,
        of=scenario(name=named, question=ATTACK),
        outcomes=(Outcome.OK, Outcome.CRASHED),
        devices=("cuda:0", ATTACK),
        device_name=ATTACK,
        failure=Failure(kind="crashed", message=ATTACK, log_tail=ATTACK),
        warnings=(RunWarning(code="suspect", message=ATTACK),),
        command=("benchbench", ATTACK),
        machine=MACHINE.model_copy(update={"os": ATTACK, "versions": {ATTACK: ATTACK}}),
    )
    found = study(of=scenario(**TARGET, name=named), message=ATTACK).model_copy(update={"stopped": ATTACK})
    subjects = [run_subject(folder), study_subject(study_folder(results, found))]
    opened = visit(write_page(subjects, tmp_path / "page.html"))
    asked = []
    opened.page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    read_whole(opened.page)
    for _ in range(2):
        opened.page.locator("#language").click()
    drawing = opened.page.locator(".plot").first
    drawing.scroll_into_view_if_needed()
    assert opened.page.evaluate("document.querySelectorAll('main img, main svg[onload]').length") == 0
    assert ATTACK in opened.page.locator("main").inner_text()
    assert asked == []
    assert opened.quiet
