"""`benchbench list`: what is stored, and what lies there and is no whole result."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchbench.cli import main
from tests.report.records import run_folder, study, study_folder

WHOLE, BARE, BROKEN = (f"2026010{day}-000000-bert-aaaa" for day in (1, 2, 3))


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def listed(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    """The document, and what was said in one line."""
    assert main.run(["list", "--json"]) == 0
    said = capsys.readouterr()
    document: dict[str, Any] = json.loads(said.out)
    return document, " ".join(said.err.split())


def test_folders_that_look_like_a_result_are_named_with_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    out = Path("results")
    for run_id in (WHOLE, BARE, BROKEN):
        run_folder(out, run_id)
    study_folder(out, study())
    (out / BARE / "result.json").unlink()
    (out / BARE).rename(out / "renamed")
    (out / BROKEN / "result.json").write_text('{"schema": 1')
    (out / "20260104-000000-bert-tune-bbbb").mkdir()
    (out / "notes").mkdir()
    (out / "notes" / "result.txt").write_text("mine")
    found, said = listed(capsys)
    assert [run["id"] for run in found["runs"]] == [WHOLE]
    assert len(found["studies"]) == 1
    assert [problem.split(":")[0] for problem in found["problems"]] == [
        f"results/{BROKEN}/result.json", "results/20260104-000000-bert-tune-bbbb", "results/renamed",
    ]  # fmt: skip
    assert "left out: results/renamed: not a result folder: it holds no result.json and no study.json" in said
    assert "notes" not in said
    for problem in found["problems"]:
        assert f"left out: {problem}" in said


def test_a_folder_of_whole_results_has_no_problem(capsys: pytest.CaptureFixture[str]) -> None:
    run_folder(Path("results"), WHOLE)
    found, said = listed(capsys)
    assert found["problems"] == []
    assert "left out" not in said
