"""`benchbench tune` twice in one folder, with real trainings of a tiny model."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

YAML = """
name: twice
model: {family: bert, layers: 1, hidden: 32, heads: 2, ffn: 32, vocab: 200}
task: sequence-classification
data: {source: csv, path: rows.csv, sequence_length: 12}
training: {global_batch: 16, micro_batch: 16, max_steps: 300, optimizer: {name: adamw, learning_rate: 3.0e-3}}
hardware: {device: cpu, threads: 1}
measure: {profile: false}
target: {metric: accuracy, at_least: 0.8, eval_every: 10}
search:
  space:
    training.global_batch: [16, 32]
    training.micro_batch: [16]
"""


def tune(folder: Path, *arguments: str) -> dict[str, Any]:
    command = [sys.executable, "-P", "-m", "benchbench", "tune", "s.yaml", "--json", "--no-report", *arguments]
    environment = {**os.environ, "BENCHBENCH_LOCK": str(folder / "lock"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.alone
@pytest.mark.slow
def test_a_second_search_goes_on_from_what_the_first_one_measured(tmp_path: Path) -> None:
    words = ["red", "green", "blue", "cat", "dog", "sun", "moon", "sea"]
    drawn = [random.Random(i).choices(words, k=3) for i in range(600)]
    rows = [f"{' '.join(row)},{'with' if 'cat' in row else 'without'}" for row in drawn]
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    (tmp_path / "s.yaml").write_text(YAML)
    first = tune(tmp_path, "--budget", "50s", "--trials", "1", "--study", "first")
    assert first["reused"] == []
    (baseline,) = first["baseline"]["run_ids"]
    second = tune(tmp_path, "--budget", "60s", "--trials", "1", "--study", "second")
    assert second["reused"] == [baseline]
    study = json.loads((tmp_path / "results" / "second" / "study.json").read_text())
    assert study["trials"][0]["role"] == "baseline"
    assert study["trials"][0]["run_id"] == study["trials"][0]["reused_from"] == baseline
    confirmed = [t for t in study["trials"] if t["role"] == "confirmation"]
    assert confirmed, "what confirms is measured"
    assert all(t["reused_from"] is None and t["run_id"] != baseline for t in confirmed)
    assert 0.0 < second["baseline"]["test_metrics"]["accuracy"]["value"] <= 1.0
