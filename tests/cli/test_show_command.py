"""`benchbench show`: one stored run, also where a part of it is gone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchbench.cli import main
from tests.report.records import TARGET, run_folder, scenario

RUN = "20260101-000000-bert-aaaa"


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def shown(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    """The document, and what was said in one line."""
    assert main.run(["show", RUN, "--json"]) == 0
    said = capsys.readouterr()
    document: dict[str, Any] = json.loads(said.out)
    return document, " ".join(said.err.split())


def test_a_whole_run_has_no_problem(capsys: pytest.CaptureFixture[str]) -> None:
    run_folder(Path("results"), RUN)
    found, said = shown(capsys)
    assert found["problems"] == []
    assert found["run"]["id"] == RUN
    assert len(found["repeats"]) == 3
    assert "missing or damaged" not in said


def test_missing_and_damaged_tables_are_named_and_the_figures_stand(capsys: pytest.CaptureFixture[str]) -> None:
    folder = run_folder(Path("results"), RUN, of=scenario(**TARGET))
    table = folder / "steps.parquet"
    table.write_bytes(table.read_bytes()[:-50])
    (folder / "evals.parquet").write_bytes((folder / "telemetry.parquet").read_bytes())
    (folder / "telemetry.parquet").unlink()
    found, said = shown(capsys)
    assert found["run"]["summary"]["step_s"]["value"] == pytest.approx(0.01, rel=0.05)
    assert [problem.split(":")[0] for problem in found["problems"]] == [
        str(folder / name) for name in ("steps.parquet", "telemetry.parquet", "evals.parquet")
    ]
    assert "telemetry.parquet: cannot be read: the file is missing" in found["problems"][1]
    assert f"{RUN}: steps.parquet, telemetry.parquet, evals.parquet missing or damaged" in said
    assert "Figures, warnings and verdicts stand: they rest on result.json, which is whole" in said
    assert "ms a step" in said


def test_a_run_whose_document_is_gone_is_one_message(capsys: pytest.CaptureFixture[str]) -> None:
    (run_folder(Path("results"), RUN) / "result.json").unlink()
    assert main.run(["show", RUN]) == 2
    assert capsys.readouterr().err.startswith(f"error: results/{RUN}: not a result folder: it holds no result.json")
