"""What `run --dry-run` foresees, and what a run's short answer says it costs."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from benchbench.cli import run_output
from benchbench.record.store import read_run
from benchbench.report.pages import terminal_run
from benchbench.scenario.scenario import Scenario
from benchbench.stats.repeats import CAP_S
from tests.report.records import MACHINE, TARGET, run_folder, scenario

CPU = MACHINE.model_copy(update={"devices": ()})


def foreseen(capsys: pytest.CaptureFixture[str], *scenarios: Scenario) -> tuple[list[dict[str, Any]], str]:
    """The rows of the document, and what was said."""
    assert run_output.dry_run(scenarios, CPU, lambda _: None, as_json=True) == 0
    said = capsys.readouterr()
    rows: list[dict[str, Any]] = json.loads(said.out)["runs"]
    return rows, said.err


def test_repeats_auto_is_a_range_of_repeats_and_of_time(capsys: pytest.CaptureFixture[str]) -> None:
    (row,), said = foreseen(capsys, scenario(measure={"repeats": "auto", "warmup": 1, "steps": 1}))
    assert (row["repeats"], row["repeats_most"]) == (5, 20)
    assert row["expected_most_s"] == pytest.approx(4 * row["expected_s"])
    assert "5 to 20" in said
    assert "within a factor of three; nothing was run" in said
    assert re.search(r"about .* to .* min", said.splitlines()[-1])


def test_a_number_of_repeats_is_no_range(capsys: pytest.CaptureFixture[str]) -> None:
    (row,), said = foreseen(capsys, scenario(measure={"repeats": 4, "warmup": 1, "steps": 1}))
    assert (row["repeats"], row["repeats_most"]) == (4, 4)
    assert row["expected_s"] == row["expected_most_s"]
    assert re.search(r"in all about \d+ s, within", said)


def test_repeats_auto_ends_at_its_cap_of_time(capsys: pytest.CaptureFixture[str]) -> None:
    (row,), _ = foreseen(capsys, scenario(measure={"repeats": "auto", "warmup": 0, "steps": 100}))
    one_s = row["expected_s"] / 5
    assert 20 * one_s > CAP_S > 5 * one_s, "or this tests nothing"
    assert row["expected_most_s"] == pytest.approx(CAP_S + one_s)


def test_an_unknown_time_is_unknown_at_both_ends(capsys: pytest.CaptureFixture[str]) -> None:
    (row,), said = foreseen(capsys, scenario(model={"family": "bert", "size": "none"}, measure={"repeats": "auto"}))
    assert (row["expected_s"], row["expected_most_s"]) == (None, None)
    assert "unknown" in said


def told(folder: Path) -> str:
    """A run's short answer, as the command ends with it."""
    console = Console(width=200)
    with console.capture() as capture:
        console.print(terminal_run(read_run(folder)))
    return capture.get()


def test_the_short_answer_has_the_costs_that_are_known(tmp_path: Path) -> None:
    costs = {"price_per_hour": 2.5, "carbon_g_per_kwh": 300.0}
    text = told(run_folder(tmp_path, of=scenario(**TARGET, hardware={"device": "cuda", **costs})))
    for label in (
        "energy to target", "cost to target", "cost of a million samples", "carbon dioxide to target",
    ):  # fmt: skip
        assert label in text
    assert "carbon dioxide of a million samples" not in text, "no power was seen in the measured steps"
    plain = told(run_folder(tmp_path, "20260102-000000-bert-aaaa"))
    assert "cost" not in plain
    assert "carbon" not in plain
