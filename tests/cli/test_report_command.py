"""`benchbench report`: a page from what is stored, where to find it, and what it leaves out."""

from pathlib import Path

import pytest

from benchbench.cli import report_command
from benchbench.errors import RecordError
from tests.report.records import run_folder, study, study_folder


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_run_by_its_id(capsys: pytest.CaptureFixture[str]) -> None:
    run_folder(Path("results"), "20260101-000000-bert-aaaa")
    assert report_command.command(["20260101-000000-bert-aaaa"]) == 0
    assert Path("reports/bert.html").is_file()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "page: reports/bert.html" in printed.err


def test_a_study_and_a_place_for_the_page() -> None:
    study_folder(Path("elsewhere"), study())
    page = Path("deep/er/page.html")
    assert report_command.command(["20260101-000001"], page, Path("elsewhere")) == 0
    assert "speedup" in page.read_text()
    assert not Path("reports").exists()


def test_nothing_named_is_everything() -> None:
    run_folder(Path("results"), "20260101-000000-bert-aaaa")
    study_folder(Path("results"), study())
    assert report_command.command() == 0
    text = Path("reports/results.html").read_text()
    assert "20260101-000000-bert-aaaa" in text
    assert "20260101-000001-bert-bbbb" in text


def test_the_cap_is_said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_command, "_MOST", 2)
    for index in range(3):
        run_folder(Path("results"), f"2026010{index + 1}-bert-aaaa")
    assert report_command.command() == 0
    assert "the newest 2 of 3 results" in capsys.readouterr().err
    text = Path("reports/bert.html" if Path("reports/bert.html").exists() else "reports/results.html").read_text()
    assert "20260103-bert-aaaa" in text
    assert "20260101-bert-aaaa" not in text


def test_an_unknown_name_names_the_nearest_and_writes_nothing() -> None:
    run_folder(Path("results"), "20260101-000000-bert-aaaa")
    with pytest.raises(RecordError, match="did you mean"):
        report_command.command(["20260101-000000-bart-aaaa"])
    with pytest.raises(RecordError, match="no results under"):
        report_command.command(out=Path("nowhere"))
    assert not Path("reports").exists()
