"""Pages are whole, closed, safe and small, and say what the record says."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from benchbench.errors import RecordError, StoreError
from benchbench.record.store import read_run
from benchbench.record.summary import summarize
from benchbench.record.types import Failure, Outcome, RunWarning
from benchbench.report.html_page import plotly_js
from benchbench.report.pages import terminal_run, terminal_study, write_page, write_run, write_study
from benchbench.report.subject import run_subject, study_subject
from benchbench.units import human
from tests.report.reading import Page
from tests.report.records import MACHINE, TARGET, run_folder, scenario, study, study_folder

LIMIT_BYTES = 6_000_000
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'`{{7*7}}%{x}[red]\x1b[31m"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """One page of a run and a study in which every text that a record can hold is an attack."""
    named = "<script>alert(1)<\u2044script>\"'{{7*7}}%{x}[red]"  # a name holds no slash
    device = MACHINE.devices[0].model_copy(update={"name": HOSTILE})
    folder = run_folder(
        tmp_path,
        of=scenario(name=named, question=HOSTILE),
        outcomes=(Outcome.OK, Outcome.CRASHED),
        devices=("cuda:0", HOSTILE),
        device_name=HOSTILE,
        failure=Failure(kind="crashed", message=HOSTILE, log_tail=HOSTILE),
        warnings=(RunWarning(code="suspect", message=HOSTILE),),
        command=("benchbench", HOSTILE),
        machine=MACHINE.model_copy(update={"os": HOSTILE, "devices": (device,), "versions": {HOSTILE: HOSTILE}}),
    )
    found = study(of=scenario(**TARGET, name=named, question=HOSTILE), message=HOSTILE)
    found = found.model_copy(update={"stopped": HOSTILE, "command": (HOSTILE,)})
    subjects = [run_subject(folder), study_subject(study_folder(tmp_path, found))]
    return write_page(subjects, tmp_path / "pages" / "hostile.html")


def test_the_page_fetches_nothing(tmp_path: Path) -> None:
    page = Page.of(write_run([run_folder(tmp_path)], tmp_path / "page.html"))
    linked = [a[k] for _, a in page.tags for k in ("src", "href", "action", "data", "srcset", "poster") if k in a]
    assert all(link.startswith(("data:", "#")) for link in linked)
    assert not re.search(r"@import|url\(", "".join(page.styles))
    ours = [text for text in page.programs if text != plotly_js()]
    assert len(ours) == 1
    assert not re.search(r"https?:|//[a-z]|fetch\(|XMLHttp|import\(", ours[0].replace("// ", ""))


def test_the_policy_allows_the_two_scripts_and_nothing_else(tmp_path: Path) -> None:
    page = Page.of(write_run([run_folder(tmp_path)], tmp_path / "page.html"))
    policy = dict(part.strip().split(" ", 1) for part in page.meta("Content-Security-Policy").split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == "data: blob:"
    digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in page.programs]
    assert len(digests) == 2
    assert set(policy["script-src"].split()) == {f"'sha256-{digest}'" for digest in digests}
    assert "</script" not in plotly_js()
    assert "\r" not in plotly_js()


def test_no_text_of_a_record_becomes_markup(hostile: Path) -> None:
    page = Page.of(hostile)
    tags = [tag for tag, _ in page.tags]
    assert len(page.programs) == 2
    assert "img" not in tags
    assert not [name for _, a in page.tags for name in a if name.startswith("on")]
    assert "alert(2)" in page.text
    assert "{{7*7}}" in page.text
    assert "49%{x}" not in page.text


def test_no_text_of_a_record_becomes_markup_in_a_chart(hostile: Path) -> None:
    drawings = json.dumps(Page.of(hostile).drawings)
    assert "&lt;script&gt;" in drawings
    assert "<script" not in drawings
    assert "<img" not in drawings


def test_no_text_of_a_record_steers_the_terminal(hostile: Path) -> None:
    console = Console(width=200, force_terminal=True, color_system=None, record=True)
    with console.capture() as capture:
        console.print(terminal_run(hostile.parent.parent / "20260101-000000-bert-aaaa", whole=True))
    text = capture.get()
    assert "\x1b[31m" not in text
    assert "[red]" in text


def test_the_numbers_are_the_summarys(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, of=scenario(**TARGET))
    summary = summarize(read_run(folder))
    page = Page.of(write_run([folder], tmp_path / "page.html"))
    assert summary.step_s is not None
    assert summary.time_to_target_s is not None
    assert summary.step_s.low is not None
    for value, unit in [
        (summary.step_s.value, "s"), (summary.step_s.high, "s"), (summary.time_to_target_s.value, "s"),
        (summary.peak_memory_bytes, "bytes"),
    ]:  # fmt: skip
        assert human(value, unit) in page.text
    assert "accuracy of at least 0.8" in page.text
    assert "How fast?" in page.text


def test_a_series_on_the_page_is_the_tables(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    steps = run_subject(folder).steps.frame
    assert steps is not None
    drawn = Page.of(write_run([folder], tmp_path / "page.html")).drawings[0]["data"]
    first = steps[steps["repeat"] == 0]["step_s"].to_numpy() * 1e3
    assert [t["name"] for t in drawn] == ["repeat 0", "repeat 1", "repeat 2"]
    assert drawn[0]["y"] == pytest.approx(first, rel=1e-4)


def test_many_runs_of_many_steps_and_devices_stay_under_the_limit(tmp_path: Path) -> None:
    devices = [f"cuda:{i}" for i in range(1000)]
    many = run_folder(tmp_path, "20260101-000000-many-aaaa", devices=devices, outcomes=(Outcome.OK,))
    few = [run_folder(tmp_path, f"20260101-0000{i:02d}-few-bbbb", of=scenario(**TARGET)) for i in range(10, 29)]
    page = write_run([many, *few], tmp_path / "page.html")
    assert page.stat().st_size < LIMIT_BYTES


def test_several_runs_are_told_apart(tmp_path: Path) -> None:
    one = run_folder(tmp_path, "20260101-000000-bert-aaaa")
    two = run_folder(tmp_path, "20260101-000001-bert-bbbb", of=scenario(precision="bf16"))
    page = Page.of(write_run([one, two], tmp_path / "page.html"))
    assert "Side by side" in page.text
    assert "precision = bf16" in page.text
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    targets = [a["href"][1:] for tag, a in page.tags if tag == "a"]
    assert len(targets) == 2
    assert set(targets) <= set(ids)


def test_a_study_names_what_to_run(tmp_path: Path) -> None:
    base = run_folder(tmp_path, "20260101-000000-bert-aaaa", of=scenario(**TARGET))
    best = run_folder(tmp_path, "20260101-000001-bert-aaab", of=scenario(**TARGET, precision="bf16"))
    found = study({"baseline": base, "recommendation": best})
    page = Page.of(write_study(study_folder(tmp_path, found), tmp_path / "page.html"))
    assert "Train with precision = bf16: it reaches accuracy of at least 0.8 in 5.00 s" in page.text
    assert "1.83\N{MULTIPLICATION SIGN} as fast as the baseline" in page.text
    assert "benchbench run results/x/recommended.yaml" in page.text
    assert "no memory" in page.text
    assert "not beside it" not in page.text


def test_a_study_without_its_runs_says_so(tmp_path: Path) -> None:
    found = study({"baseline": tmp_path / "gone-aaaa", "recommendation": tmp_path / "gone-bbbb"})
    page = Page.of(write_study(study_folder(tmp_path, found), tmp_path / "page.html"))
    assert "2 runs of this study are not beside it" in page.text
    assert "gone-aaaa" in page.text


def test_a_page_needs_no_tables(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    for table in folder.glob("*.parquet"):
        table.write_bytes(b"PAR1 damaged")
    page = Page.of(write_run([folder], tmp_path / "page.html"))
    assert "The steps cannot be shown" in page.text
    assert "The samples cannot be shown" in page.text
    assert not page.drawings


def test_rendering_imports_no_trainer_and_no_search(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    found = study_folder(tmp_path, study())
    program = (
        "import sys; from pathlib import Path; from benchbench.report.pages import write_run, write_study\n"
        "write_run([Path(sys.argv[1])], Path(sys.argv[3])); write_study(Path(sys.argv[2]), Path(sys.argv[3]))\n"
        "print(sorted({'torch', 'optuna', 'transformers', 'pynvml'} & set(sys.modules)))"
    )
    arguments = [sys.executable, "-c", program, str(folder), str(found), str(tmp_path / "page.html")]
    assert subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.strip() == "[]"


def test_a_page_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    page = tmp_path / "page.html"
    page.write_text("what stood there before")
    with pytest.raises(RecordError):
        write_run([tmp_path / "nothing"], page)
    assert page.read_text() == "what stood there before"
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError):
        write_run([folder], tmp_path / "file" / "page.html")
    assert write_run([folder / "result.json"], page) == page
    assert not list(tmp_path.glob(".page*"))


def test_the_same_record_gives_the_same_page(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    one, two = (write_run([folder], tmp_path / f"{name}.html").read_bytes() for name in "ab")
    assert one == two


def test_the_terminal_has_the_same_answer(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    page = Page.of(write_run([folder], tmp_path / "page.html"))
    console = Console(width=500)
    with console.capture() as capture:
        console.print(terminal_run(read_run(folder)))
        console.print(terminal_study(study(), whole=True))
    text = capture.get()
    answer = next(line.strip() for line in text.splitlines() if "bert trains at" in line)
    assert answer in page.text
    assert "Every trial" in text
    assert "no memory" in text
