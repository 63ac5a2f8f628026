"""Rows that cannot be used end a command before anything runs, with the file, the row and exit code 2."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchbench.record.store import read_run

SCENARIO = """
name: own rows
task: sequence-classification
model: {family: bert, layers: 1, hidden: 16, heads: 2, ffn: 32, vocab: 300}
hardware: {device: cpu}
measure: {warmup: 1, steps: 2, repeats: 1}
training: {global_batch: 4}
data:
  source: csv
  path: rows.csv
"""
ROWS = "text,label\n" + "".join(f"row number {n},{n % 2}\n" for n in range(40))


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    (folder / "s.yaml").write_text(SCENARIO)
    environment = {
        **os.environ, "BENCHBENCH_LOCK": str(folder / "lock"), "XDG_CACHE_HOME": str(folder / "cache"),
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-P", "-m", "benchbench", "run", "s.yaml", "--json", "--no-report", *arguments],
        capture_output=True, text=True, cwd=folder, env=environment, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_a_bad_row_is_named_and_nothing_is_created(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(ROWS + "one field\n")
    answer = run(tmp_path)
    assert answer.returncode == 2
    error = json.loads(answer.stdout)["error"]
    assert error["key"] == "data.path"
    assert error["file"] == "s.yaml"
    assert error["line"] == 10
    assert "rows.csv, line 42: the row has 1 fields" in error["message"]
    assert not (tmp_path / "results").exists()


@pytest.mark.slow
def test_good_rows_are_prepared_once_and_their_costs_are_in_the_record(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(ROWS + ROWS.partition("\n")[2])
    answer = run(tmp_path, "--set", "data.clean=[whitespace, dedupe]")
    assert answer.returncode == 0, answer.stderr
    (folder,) = (tmp_path / "results").iterdir()
    (repeat,) = read_run(folder).repeats
    facts = repeat.facts
    assert facts["data_cached"] is True
    assert facts["data_removed_duplicates"] == 40
    assert isinstance(facts["data_decode_s"], float)
    assert (facts["train_rows"], facts["labels"]) == (32, 2)
