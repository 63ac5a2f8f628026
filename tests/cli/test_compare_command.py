"""`benchbench compare`, as a user types it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchbench.cli import main
from benchbench.record.types import Outcome
from tests.report.records import MACHINE, TARGET, run_folder, scenario, study, study_folder

A, B, C = (f"2026010{day}-000000-bert-aaaa" for day in (1, 2, 3))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def stored(run_id: str, factor: float = 1.0, **changes: Any) -> Path:
    """A run whose steps take `factor` times as long as another's."""
    folder = run_folder(Path("results"), run_id, **changes)
    if factor != 1.0:
        rewrite(folder, lambda figures: figures.update(step_s=figures["step_s"] * factor))
    return folder


def rewrite(folder: Path, change: Any) -> None:
    """Changes the figures of every repeat in a stored record."""
    file = folder / "result.json"
    whole = json.loads(file.read_text())
    for repeat in whole["run"]["repeats"]:
        change(repeat["figures"])
    file.write_text(json.dumps(whole))


def compare(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any], str]:
    """The exit code, the document on stdout and what was said on stderr."""
    code = main.run(["compare", *arguments, "--json"])
    said = capsys.readouterr()
    document: dict[str, Any] = json.loads(said.out)
    return code, document, said.err


def test_the_document_the_page_and_the_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    stored(A), stored(B, 1.1)
    code, found, said = compare(capsys, A, B)
    assert code == 0
    assert (found["schema"], found["metric"], found["verdict"], found["threshold"]) == (1, "step_s", "slower", 0.02)
    assert found["ratio"]["value"] == pytest.approx(1.1)
    assert "B is slower than A: its step time is 10 % higher" in said
    page = Path(found["report"])
    assert page.parent == Path("reports")
    assert page.name.startswith("compare-bert-")
    assert "B is slower than A" in page.read_text()
    assert f"page: {page}" in said


@pytest.mark.parametrize(
    ("factor", "arguments", "code", "verdict"),
    [
        (1.1, ["--fail-if", "slower"], 5, "slower"),
        (1.1, [], 0, "slower"),
        (0.9, ["--fail-if", "slower"], 0, "faster"),
        (1.1, ["--fail-if", "slower", "--threshold", "20%"], 0, "equivalent"),
        (1.1, ["--fail-if", "slower", "--threshold", "0.05"], 5, "slower"),
        (1.1, ["--fail-if", "slower", "--threshold", "5e-2"], 5, "slower"),
    ],
)
def test_the_exit_code_says_whether_it_tripped(
    capsys: pytest.CaptureFixture[str], factor: float, arguments: Sequence[str], code: int, verdict: str
) -> None:
    stored(A), stored(B, factor)
    found = compare(capsys, A, B, *arguments, "--no-report")
    assert (found[0], found[1]["verdict"]) == (code, verdict)


def test_a_lost_target_trips_too(capsys: pytest.CaptureFixture[str]) -> None:
    stored(A, of=scenario(**TARGET))
    folder = stored(B, of=scenario(**TARGET))
    file = folder / "result.json"
    whole = json.loads(file.read_text())
    for repeat in whole["run"]["repeats"]:
        repeat["reach"] = {"reached": False}
    file.write_text(json.dumps(whole))
    code, found, said = compare(capsys, A, B, "--fail-if", "slower", "--no-report")
    assert code == 5
    assert found["comparisons"][0]["target_lost"]
    assert "does not reach the target" in said


def test_three_runs(capsys: pytest.CaptureFixture[str]) -> None:
    stored(A), stored(B, 0.9), stored(C, 1.1)
    code, found, said = compare(capsys, A, B, C, "--fail-if", "slower")
    assert code == 5, "one of the others is enough"
    assert [pair["verdict"] for pair in found["comparisons"]] == ["faster", "slower"]
    assert found["verdict"] == "faster"
    assert found["correction"]["comparisons"] == 2
    assert "Bonferroni" in said
    assert "C is slower than A" in said


def test_no_report_writes_no_page(capsys: pytest.CaptureFixture[str]) -> None:
    stored(A), stored(B)
    _, found, _ = compare(capsys, A, B, "--no-report")
    assert found["report"] is None
    assert not Path("reports").exists()


@pytest.mark.parametrize("form", ["folder", "file", "beginning", "out"])
def test_runs_are_found_by_id_folder_and_file(capsys: pytest.CaptureFixture[str], form: str) -> None:
    stored(A), stored(B)
    words = {
        "folder": ["results/" + A, "results/" + B],
        "file": [f"results/{A}/result.json", f"results/{B}/result.json"],
        "beginning": ["20260101", "20260102"],
        "out": [A, B, "--out", "moved"],
    }[form]
    if form == "out":
        Path("results").rename("moved")
    assert compare(capsys, *words, "--no-report")[0] == 0


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    code, found, said = compare(capsys, *arguments)
    assert code == 2
    assert not Path("reports").exists()
    error: dict[str, Any] = found["error"]
    assert error["message"] in said
    return error


@pytest.mark.parametrize("threshold", ["0", "0%", "100%", "2", "-1%", "two", "", "nan", "inf", "2 %%"])
def test_a_threshold_that_is_none(capsys: pytest.CaptureFixture[str], threshold: str) -> None:
    stored(A), stored(B)
    assert "2%" in refusal(capsys, A, B, "--threshold", threshold)["message"]


def test_one_run_is_not_enough(capsys: pytest.CaptureFixture[str]) -> None:
    stored(A)
    assert "two runs" in refusal(capsys, A)["message"]


def test_an_unknown_condition_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    stored(A), stored(B)
    assert "--fail-if" in refusal(capsys, A, B, "--fail-if", "wrong")["message"]


def test_different_questions_and_machines_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    stored(A)
    stored(B, of=scenario(task="masked-lm"))
    stored(C, machine=MACHINE.model_copy(update={"cpu": "another"}))
    assert refusal(capsys, A, B)["key"] == "task"
    assert "--across-machines" in refusal(capsys, A, C)["message"]
    code, found, said = compare(capsys, A, C, "--across-machines")
    assert code == 0
    assert found["comparisons"][0]["environment"]["cpu"] == ["a CPU", "another"]
    assert "machines differ" in said


def test_a_result_that_cannot_be_read_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    stored(A)
    file = stored(B) / "result.json"
    whole = file.read_text()
    for damage, told in {
        whole[: len(whole) // 2]: "damaged",
        json.dumps({**json.loads(whole), "schema": 2}): "newer BenchBench",
        "{}": "not a BenchBench result",
    }.items():
        file.write_text(damage)
        error = refusal(capsys, A, B)
        assert told in error["message"]
        assert error["file"] == str(file)
    file.unlink()
    error = refusal(capsys, A, B)
    assert "not a result folder: it holds no result.json and no study.json" in error["message"]
    assert error["file"] == str(file.parent)


def test_numbers_that_are_none_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    stored(A)
    rewrite(stored(B), lambda figures: figures.update(step_s=float("nan")))
    assert "figures.step_s of repeat 0 is nan" in refusal(capsys, A, B)["message"]


def test_a_run_that_failed_throughout_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    stored(A), stored(B, outcomes=(Outcome.REFUSED,))
    assert "no measured step" in refusal(capsys, A, B)["message"]


def test_a_study_is_no_run(capsys: pytest.CaptureFixture[str]) -> None:
    stored(A)
    study_folder(Path("results"), study())
    assert "a study" in refusal(capsys, A, "20260101-000001")["message"]


def test_a_missing_or_damaged_table_costs_its_chart_alone(capsys: pytest.CaptureFixture[str]) -> None:
    stored(A)
    table = stored(B, 1.1) / "steps.parquet"
    table.write_bytes(table.read_bytes()[:100])
    (Path("results") / A / "telemetry.parquet").unlink()
    code, found, said = compare(capsys, A, B)
    assert (code, found["verdict"]) == (0, "slower")
    assert "The steps of B cannot be shown" in Path(found["report"]).read_text()
    told = " ".join(said.split())
    assert f"B, {B}: steps.parquet missing or damaged. Lost is the course and the spread of the single steps." in told
    assert f"A, {A}: telemetry.parquet missing or damaged" in told
    assert "they rest on result.json, which is whole" in told
    assert [problem.split(":")[0] for problem in found["problems"]] == [
        f"results/{A}/telemetry.parquet", f"results/{B}/steps.parquet",
    ]  # fmt: skip


def test_a_page_that_cannot_be_written_hurts_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    stored(A), stored(B)
    Path("reports").write_text("in the way")
    code, found, said = compare(capsys, A, B)
    assert (code, found["report"]) == (0, None)
    assert "could not be written" in said
