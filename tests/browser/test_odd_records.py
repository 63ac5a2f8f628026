"""Records that are hostile, empty or broken: the page opens, says what is missing, and draws no empty chart."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchbench.record.types import Failure, Outcome, RunWarning
from benchbench.report.pages import write_page, write_run
from benchbench.report.subject import run_subject, study_subject
from tests.browser.conftest import Opened
from tests.browser.test_opening import read_whole
from tests.report.records import MACHINE, TARGET, run_folder, scenario, study, study_folder

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
