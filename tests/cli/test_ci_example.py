"""The workflow in docs/ci.md is YAML, and its commands are ours."""

import re
import shlex
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchbench.cli import main
from benchbench.scenario.loading import load
from tests.report.records import run_folder

ROOT = Path(__file__).parents[2]


def workflow() -> dict[str, Any]:
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "ci.md").read_text(), re.DOTALL)
    found: dict[str, Any] = yaml.safe_load(text)
    return found


def commands() -> list[list[str]]:
    """Every call of benchbench, its shell expansions left as they stand."""
    lines = [line for step in workflow()["jobs"]["compare"]["steps"] for line in step.get("run", "").splitlines()]
    return [shlex.split(line) for line in lines if "bin/benchbench" in line]


def test_the_example_runs_and_then_compares() -> None:
    assert [command[1] for command in commands()] == ["run", "compare"]


def test_its_scenario_settings_are_known() -> None:
    command = commands()[0]
    (setting,) = [word for before, word in pairwise(command) if before == "--set"]
    assert load(ROOT / "scenarios" / "bert_tiny.yaml", [setting])[0].measure.repeats == "auto"


def test_its_comparison_passes_for_equal_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    folders = [str(run_folder(Path("results"), f"2026010{day}-000000-bert-aaaa")) for day in (1, 2)]
    arguments = [word for word in commands()[1][1:] if "jq" not in word]
    assert main.run([arguments[0], *folders, *arguments[1:], "--no-report"]) == 0
