"""One suite over every renderer: whatever a document holds, one whole text comes out, the same each time."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from benchbench import registry
from benchbench.record.comparing import compare
from benchbench.record.history_series import series_of
from benchbench.record.types import Failure, Outcome, RunWarning
from benchbench.report.rendering import Document, Renderer, renderer
from benchbench.report.subject import ComparisonSubject, HistorySubject, RunSubject, run_subject, study_subject
from tests.report.reading import Page
from tests.report.records import MACHINE, TARGET, run_folder, scenario, study, study_folder

NAMES = ("csv", "html", "json", "md")
HOSTILE = (
    "<script>alert(1)</script><img src=x onerror=alert(2)>\"'`{{7*7}}|*a*_b_[c](javascript:d)\n"
    "# head\n</details>\n````\n\x1b[31m"
)


def _runs(out: Path, count: int) -> list[RunSubject]:
    return [run_subject(run_folder(out, f"20260101-0000{i:02d}-bert-aaaa")) for i in range(count)]


def _run(out: Path) -> Document:
    return Document(subjects=(run_subject(run_folder(out, of=scenario(**TARGET))),))


def _failed(out: Path) -> Document:
    outcomes = tuple(o for o in Outcome if o is not Outcome.OK)
    return Document(subjects=(run_subject(run_folder(out, outcomes=outcomes)),))


def _mixed(out: Path) -> Document:
    return Document(subjects=(*_runs(out, 3), study_subject(study_folder(out, study()))), most=2)


def _comparison(out: Path) -> Document:
    runs = tuple(_runs(out, 2))
    return Document(subjects=(ComparisonSubject(comparison=compare([r.run for r in runs], 0.02), runs=runs),))


def _history(out: Path) -> Document:
    series, _ = series_of([subject.run for subject in _runs(out, 6)], None, 0.02)
    assert series is not None
    return Document(subjects=(HistorySubject(series=series, threshold=0.02),))


def _hostile(out: Path) -> Document:
    device = MACHINE.devices[0].model_copy(update={"name": HOSTILE})
    run = run_folder(
        out,
        of=scenario(name="<script>alert(1)<\u2044script>|*x*", question=HOSTILE),
        outcomes=(Outcome.OK, Outcome.CRASHED),
        devices=("cuda:0", HOSTILE),
        failure=Failure(kind="crashed", message=HOSTILE, log_tail=HOSTILE),
        warnings=(RunWarning(code="suspect", message=HOSTILE),),
        command=("benchbench", HOSTILE),
        machine=MACHINE.model_copy(update={"os": HOSTILE, "devices": (device,)}),
    )
    found = study(of=scenario(**TARGET, question=HOSTILE), message=HOSTILE)
    return Document(subjects=(run_subject(run), study_subject(study_folder(out, found))))


CASES: dict[str, Callable[[Path], Document]] = {
    "a run": _run,
    "failed": _failed,
    "runs and a study": _mixed,
    "a comparison": _comparison,
    "a history": _history,
    "hostile": _hostile,
}


def test_every_renderer_is_under_contract() -> None:
    assert registry.names(registry.RENDERERS) == NAMES


@pytest.fixture(params=NAMES)
def made_by(request: pytest.FixtureRequest) -> Renderer:
    return renderer(request.param)


def test_a_suffix_belongs_to_one_renderer() -> None:
    every = [suffix for name in NAMES for suffix in renderer(name).suffixes]
    assert len(every) == len(set(every))
    assert all(suffix.startswith(".") and suffix == suffix.lower() for suffix in every)


@pytest.mark.parametrize("case", CASES)
def test_the_same_document_gives_the_same_text(made_by: Renderer, case: str, tmp_path: Path) -> None:
    document = CASES[case](tmp_path)
    text = made_by.text(document)
    assert text == made_by.text(Document(subjects=document.subjects, most=document.most))
    assert text.endswith("\n") or text.rstrip().endswith("</html>")
    assert "\x1b" not in text


def test_no_text_of_a_record_becomes_markup(tmp_path: Path) -> None:
    document = _hostile(tmp_path)
    shown = MarkdownIt("commonmark", {"html": True}).enable("table").render(renderer("md").text(document))
    page = Page(shown)
    tags = [tag for tag, _ in page.tags]
    assert not {"script", "img", "a"} & set(tags)
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    assert tags.count("details") == sum(section.folded for a in document.articles for section in a.sections)
    assert "alert(2)" in page.text
    assert "|*a*_b_[c](javascript:d)" in page.text
    assert ">head</h1>" not in shown


def test_every_row_of_a_markdown_table_has_the_cells_of_its_head(tmp_path: Path) -> None:
    for case in CASES.values():
        text = renderer("md").text(case(tmp_path / case.__name__))
        for table in (part.splitlines() for part in text.split("\n\n") if part.startswith("|")):
            assert len({line.replace("\\|", "").count("|") for line in table}) == 1
            assert set(table[1]) <= set("| -:")


def test_json_has_every_section_and_the_record_itself(tmp_path: Path) -> None:
    document = _mixed(tmp_path)
    data = json.loads(renderer("json").text(document))
    assert [result["id"] for result in data["results"]] == [subject.id for subject in document.subjects]
    told = [result["sections"] for result in data["results"]]
    assert [sections is None for sections in told] == [False, False, True, True]
    assert [section["title"] for section in told[0]] == [s.title for s in document.articles[0].sections]
    assert data["results"][0]["record"]["summary"]["step_s"]["unit"] == "s"
    assert data["results"][3]["record"]["recommendation"]["verdict"] == "faster"
    charts = [b for s in told[0] for b in s["blocks"] if b["kind"] == "chart"]
    series = charts[0]["panels"][0]["series"][0]
    assert len(series["x"]) == len(series["y"]) == series["points"] > 0


def test_csv_is_one_rectangle_of_base_units(tmp_path: Path) -> None:
    document = _mixed(tmp_path)
    rows = list(csv.DictReader(io.StringIO(renderer("csv").text(document))))
    assert {row["result"] for row in rows} == {subject.id for subject in document.subjects}
    (whole,) = [r for r in rows if r["result"].endswith("00-bert-aaaa") and r["metric"] == "step_s" and not r["repeat"]]
    first = document.subjects[0]
    assert isinstance(first, RunSubject)
    assert first.summary.step_s is not None
    assert float(whole["value"]) == pytest.approx(first.summary.step_s.value, rel=1e-9)
    assert float(whole["low"]) < float(whole["value"]) < float(whole["high"])
    assert (whole["unit"], whole["n"]) == ("s", "3")


def test_a_name_that_a_spreadsheet_would_run_is_a_text(tmp_path: Path) -> None:
    document = Document(subjects=(run_subject(run_folder(tmp_path, of=scenario(name="=1+1"))),))
    rows = list(csv.DictReader(io.StringIO(renderer("csv").text(document))))
    assert {row["name"] for row in rows} == {"'=1+1"}
