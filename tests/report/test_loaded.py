"""`benchbench.load`: frames as they are stored, figures as they are summarised, and the page in a notebook."""

import html
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import benchbench
from benchbench.errors import InputError, RecordError
from benchbench.record import tables
from benchbench.report.loaded import LoadedComparison, LoadedRun, LoadedStudy
from tests.report.reading import Page
from tests.report.records import TARGET, run_folder, scenario, study, study_folder

HOSTILE = '"></iframe><script>alert(1)</script>'


def test_a_run_is_its_tables_and_its_summary(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, of=scenario(**TARGET))
    run = benchbench.load("2026", out=tmp_path)
    assert isinstance(run, LoadedRun)
    assert (run.id, run.run.scenario.name) == (folder.name, "bert")
    pd.testing.assert_frame_equal(run.steps, tables.read(folder, tables.STEPS))
    assert set(run.frames) == {"summary", "steps", "telemetry", "evals"}
    assert run.frames["evals"]["accuracy"].max() == 1.0
    assert set(run.telemetry["device"]) == {"cuda:0", "cuda:1", "cpu"}
    whole = run.summary[run.summary["repeat"].isna()].set_index("metric")
    assert whole.loc["step_s", "value"] == pytest.approx(0.01, rel=0.01)
    assert whole.loc["step_s", "unit"] == "s"
    assert set(run.summary["repeat"].dropna()) == {0, 1, 2}


def test_a_study_has_its_trials_and_the_runs_beside_it(tmp_path: Path) -> None:
    runs = {role: run_folder(tmp_path, role, of=scenario(**TARGET)) for role in ("baseline", "recommendation")}
    found = benchbench.load(study_folder(tmp_path, study(runs)))
    assert isinstance(found, LoadedStudy)
    assert list(found.runs) == ["baseline", "recommendation"]
    assert list(found.trials["number"]) == [0, 1, 2, 3]
    assert list(found.trials["precision"]) == ["fp32", "bf16", "bf16", "bf16"]
    assert found.trials.loc[2, "failure"] == "no memory"
    assert set(found.steps["run"]) == {"baseline", "recommendation"}
    assert len(found.steps) == sum(len(run.steps) for run in found.runs.values())


def test_a_study_alone_has_empty_tables(tmp_path: Path) -> None:
    found = benchbench.load(study_folder(tmp_path, study()))
    assert isinstance(found, LoadedStudy)
    assert found.steps.empty
    assert len(found.frames["trials"]) == 4


def test_several_runs_are_a_comparison(tmp_path: Path) -> None:
    ids = ["20260101-000000-bert-aaaa", "20260101-000001-bert-bbbb"]
    for run_id in ids:
        run_folder(tmp_path, run_id)
    found = benchbench.load(*ids, out=tmp_path)
    assert isinstance(found, LoadedComparison)
    assert list(found.runs) == ids
    ratio = found.summary.set_index("metric").loc["step_s_ratio"]
    assert ratio["low"] <= ratio["value"] <= ratio["high"]
    assert set(found.frames["telemetry"]["run"]) == set(ids)


@pytest.mark.parametrize("kind", ["run", "study", "comparison"])
def test_a_notebook_shows_the_page_in_a_closed_frame(kind: str, tmp_path: Path) -> None:
    folders = [run_folder(tmp_path, f"20260101-00000{i}-bert-aaaa", of=scenario(question=HOSTILE)) for i in range(2)]
    names = {"run": folders[:1], "study": [study_folder(tmp_path, study())], "comparison": folders}[kind]
    found = benchbench.load(*names)
    shown = Page(found._repr_html_())
    ((tag, attributes),) = shown.tags
    assert tag == "iframe"
    assert attributes["sandbox"] == "allow-scripts allow-downloads"
    inside = Page(attributes["srcdoc"])
    assert found.id in inside.text
    assert "script-src 'sha256-" in inside.meta("Content-Security-Policy")
    assert html.unescape(repr(found)) == f"<benchbench {kind} {found.id}>"
    assert found._repr_markdown_().startswith("# ")


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    (folder / tables.EVALS).unlink()
    run = benchbench.load(folder)
    assert isinstance(run, LoadedRun)
    assert len(run.steps) == 180
    with pytest.raises(RecordError, match=r"evals\.parquet: cannot be read: the file is missing"):
        _ = run.evals
    with pytest.raises(RecordError, match="nothing stored is called 'x'"):
        benchbench.load("x", out=tmp_path)
    with pytest.raises(InputError, match="benchbench list"):
        benchbench.load()


def test_importing_the_package_imports_nothing_heavy() -> None:
    program = "import sys, benchbench; print(sorted({'pandas', 'numpy', 'pydantic', 'jinja2'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout == "[]\n"
