"""`benchbench report`: a page from what is stored, where to find it, and what it leaves out."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchbench.cli import report_command
from benchbench.cli.main import run
from benchbench.errors import RecordError
from benchbench.record.types import Outcome
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
    assert report_command.command(["20260101-000001"], page, out=Path("elsewhere")) == 0
    assert "speedup" in page.read_text()
    assert not Path("reports").exists()


def test_a_page_opens_in_the_language_that_is_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    study_folder(Path("results"), study())
    assert run(["report", "--lang", "zh"]) == 0
    (page,) = Path("reports").glob("*.html")
    chinese = page.read_text()
    assert '<html lang="zh"' in chinese
    assert run(["report"]) == 0
    assert '<html lang="en"' in page.read_text()
    assert run(["report", "--lang", "fr", "-o", "other.html"]) == 2
    assert "en, zh" in capsys.readouterr().err
    assert not Path("other.html").exists()


def test_nothing_named_is_everything() -> None:
    run_folder(Path("results"), "20260101-000000-bert-aaaa")
    study_folder(Path("results"), study())
    assert report_command.command() == 0
    text = Path("reports/results.html").read_text()
    assert "20260101-000000-bert-aaaa" in text
    assert "20260101-000001-bert-bbbb" in text


def test_many_results_stand_in_the_table_and_the_newest_are_told_whole(capsys: pytest.CaptureFixture[str]) -> None:
    for index in range(22):
        run_folder(Path("results"), f"202601{index + 1:02d}-bert-aaaa", outcomes=(Outcome.OK,))
    assert report_command.command(formats=["md"]) == 0
    assert "told whole: the newest 20 of 22 results" in capsys.readouterr().err
    text = Path("reports/results.md").read_text()
    assert "run 20260122-bert-aaaa, 2026" in text
    assert "run 20260101-bert-aaaa, 2026" not in text
    assert text.count("| 20260101-bert-aaaa |") == 1


def test_an_unknown_name_names_the_nearest_and_writes_nothing() -> None:
    run_folder(Path("results"), "20260101-000000-bert-aaaa")
    with pytest.raises(RecordError, match="did you mean"):
        report_command.command(["20260101-000000-bart-aaaa"])
    with pytest.raises(RecordError, match="no results under"):
        report_command.command(out=Path("nowhere"))
    assert not Path("reports").exists()


@pytest.mark.parametrize(
    ("arguments", "written"),
    [
        (["-o", "mine.md"], {"mine.md"}),
        (["-o", "mine.CSV"], {"mine.CSV"}),
        (["--format", "json"], {"reports/bert.json"}),
        (["--format", "md", "--format", "csv", "--format", "md"], {"reports/bert.md", "reports/bert.csv"}),
        (["-o", "a/mine", "--format", "md", "--format", "html"], {"a/mine.md", "a/mine.html"}),
        (["-o", "mine.htm", "--format", "html", "--format", "json"], {"mine.htm", "mine.json"}),
    ],
)
def test_suffix_and_format_tell_what_is_written(arguments: list[str], written: set[str]) -> None:
    folder = run_folder(Path("results"), "20260101-000000-bert-aaaa")
    assert run(["report", str(folder), *arguments]) == 0
    every = {str(file) for file in Path().rglob("*") if file.is_file() and "results" not in file.parts}
    assert every == written


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-o", "mine.pdf"], "'mine.pdf' tells no format; let it end in .csv, .html, .htm, .json, .md, .markdown"),
        (["-o", "mine"], "or name one with --format"),
        (["-o", "mine.pdf", "--format", "md"], "'.pdf' is no known suffix"),
        (["-o", "mine.html", "--format", "md"], "'mine.html' is a file of the format html"),
        (["--format", "html5"], "did you mean 'html'?"),
    ],
)
def test_a_format_that_is_none_is_bad_input(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run_folder(Path("results"), "20260101-000000-bert-aaaa")
    assert run(["report", *arguments]) == 2
    assert told in capsys.readouterr().err
    assert [path.name for path in Path().iterdir()] == ["results"]


def test_what_is_damaged_is_named_and_the_rest_told(capsys: pytest.CaptureFixture[str]) -> None:
    run_folder(Path("results"), "20260101-000000-bert-aaaa")
    (run_folder(Path("results"), "20260102-000000-bert-bbbb") / "result.json").write_text("{")
    assert report_command.command(formats=["json"]) == 0
    assert "left out: results/20260102-000000-bert-bbbb/result.json: the file is damaged" in capsys.readouterr().err
    assert len(json.loads(Path("reports/bert.json").read_text())["results"]) == 1


def test_a_study_and_its_runs_may_be_carried_elsewhere() -> None:
    runs = {"baseline": run_folder(Path("results"), "a"), "recommendation": run_folder(Path("results"), "b")}
    study_folder(Path("results"), study(runs))
    Path("results").rename("carried")
    assert run(["report", "carried/20260101-000001-bert-bbbb", "-o", "study.md"]) == 0
    assert "not beside it" not in Path("study.md").read_text()


def test_the_index_is_made_when_asked_for_and_follows_from_then_on(capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_folder(Path("results"), "20260101-000000-bert-aaaa")
    assert run(["report", "--index"]) == 0
    assert "index: reports/index.html" in capsys.readouterr().err
    assert "0 pages" in Path("reports/index.html").read_text()
    assert run(["report", str(folder)]) == 0
    assert './bert.html">bert</a>' in Path("reports/index.html").read_text()
    assert run(["report", str(folder), "-o", "other/mine.html", "--index"]) == 0
    assert "./mine.html" in Path("other/index.html").read_text()
    assert run(["report", str(folder), "-o", "bare/mine.html"]) == 0
    assert not Path("bare/index.html").exists()


def test_no_format_needs_a_trainer_or_a_search() -> None:
    folder = run_folder(Path("results"), "20260101-000000-bert-aaaa")
    formats = [part for name in ("html", "md", "csv", "json") for part in ("--format", name)]
    program = (
        "import sys; from benchbench.cli.main import run; code = run(sys.argv[1:])\n"
        "print(code, sorted({'torch', 'optuna', 'transformers', 'pynvml'} & set(sys.modules)))"
    )
    arguments = [sys.executable, "-c", program, "report", str(folder), *formats]
    assert subprocess.run(arguments, check=True, capture_output=True, text=True).stdout.strip() == "0 []"
