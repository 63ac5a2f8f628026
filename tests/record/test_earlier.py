"""Stored runs are found by what they are of; what is damaged or of another machine is passed over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchbench.record.earlier import runs_like
from tests.report.records import MACHINE, run_folder


def everything(_key: str, _scenario: Mapping[str, Any]) -> bool:
    return True


def found(out: Path, machine: Any = MACHINE) -> list[str]:
    return [run.id for run in runs_like(out, machine, everything)]


def test_the_newest_comes_first_and_what_is_not_looked_for_is_not_validated(tmp_path: Path) -> None:
    folders = [run_folder(tmp_path, f"20260101-00000{n}-bert-aaaa") for n in range(3)]
    document = json.loads((folders[1] / "result.json").read_text())
    document["scenario_key"], document["run"]["repeats"] = "another", "no list"
    (folders[1] / "result.json").write_text(json.dumps(document))
    asked: list[str] = []

    def like(key: str, scenario: Mapping[str, Any]) -> bool:
        asked.append(key)
        assert scenario["name"] == "bert"
        return key != "another"

    assert [run.id for run in runs_like(tmp_path, MACHINE, like)] == [folders[2].name, folders[0].name]
    assert len(asked) == 3


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"run": 1, "schema": 1}', '{"run": {}, "schema": 1}', '{"schema": 9, "run": {}}']
)
def test_what_is_damaged_is_passed_over(tmp_path: Path, text: str) -> None:
    good, bad = run_folder(tmp_path, "20260101-000000-bert-aaaa"), run_folder(tmp_path, "20260101-000001-bert-aaaa")
    (bad / "result.json").write_text(text)
    assert found(tmp_path) == [good.name]


def test_a_run_of_which_only_the_rest_is_damaged_is_passed_over(tmp_path: Path) -> None:
    folder = run_folder(tmp_path)
    document = json.loads((folder / "result.json").read_text())
    for part, value in (("repeats", 7), ("machine", {"cpu": 1})):
        damaged = {**document, "run": {**document["run"], part: value}}
        (folder / "result.json").write_text(json.dumps(damaged))
        assert found(tmp_path) == []


@pytest.mark.parametrize("change", [{"cpu": "another"}, {"versions": {"python": "3.12"}}, {"memory_limit_bytes": 1}])
def test_hardware_limits_and_versions_must_be_these(tmp_path: Path, change: dict[str, Any]) -> None:
    run_folder(tmp_path)
    assert found(tmp_path, MACHINE.model_copy(update=change)) == []
    assert found(tmp_path, MACHINE.model_copy(update={"git_commit": "abc", "threads": 3}))


def test_no_folder_holds_no_runs(tmp_path: Path) -> None:
    assert found(tmp_path / "none") == []
