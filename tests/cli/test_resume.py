"""`benchbench run --resume`, as a user types it after a kill."""

import json
import os
import random
import re
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchbench.hardware.inventory import machine
from benchbench.record import raw, tables
from benchbench.record.store import Draft, read_raw
from benchbench.record.taking_up import Begun, begin
from benchbench.scenario.loading import load
from tests.executors.trees import alive, gone, until
from tests.record.lines import MACHINE

STEPS, EVERY = 150, 6
YAML = f"""
name: killed
model: {{family: bert, layers: 1, hidden: 16, heads: 2, ffn: 16, vocab: 200}}
task: sequence-classification
data: {{source: csv, path: rows.csv, sequence_length: 12}}
training: {{global_batch: 8, micro_batch: 4, max_steps: {STEPS}, checkpoint_every: {EVERY}, dropout: 0.2}}
hardware: {{device: cpu, threads: 1}}
measure: {{procedure: time-to-target, profile: false, remeasure: 0}}
target: {{metric: accuracy, at_least: 1.0, eval_every: 40}}
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "BENCHBENCH_LOCK": str(tmp_path / "lock"), "OMP_NUM_THREADS": "1"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    words = ["red", "green", "blue", "cat", "dog", "sun", "moon", "sea"]
    drawn = [random.Random(i).choices(words, k=5) for i in range(120)]
    rows = [f"{' '.join(row)},{'even' if row.count('cat') % 2 else 'odd'}" for row in drawn]
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", *rows]) + "\n")
    (tmp_path / "s.yaml").write_text(YAML)
    return tmp_path


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-P", "-m", "benchbench", "run", "s.yaml", "--json", "--no-report", *arguments]


def benchbench(folder: Path, environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, cwd=folder, env=environment, check=False
    )  # fmt: skip


def only_run(answer: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    assert answer.returncode == 0, answer.stderr
    (run,) = json.loads(answer.stdout)["runs"]
    found: dict[str, Any] = run
    return found


@pytest.mark.slow
def test_a_run_that_was_killed_ends_as_one_that_was_not(folder: Path, environment: dict[str, str]) -> None:
    out, at = folder / f"out-{secrets.token_hex(4)}", random.randint(EVERY + 1, STEPS // 2)
    running = subprocess.Popen(
        command("--out", str(out), "--repeats", "3"),
        cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip

    def far() -> bool:
        lines = [read_raw(repeat) for repeat in out.glob(".*/repeat-1")]
        return bool(lines) and len(lines[0].steps()) >= at

    until(far, within_s=200)
    tree = [running.pid, *alive(str(out))]
    for pid in tree:
        os.kill(pid, signal.SIGKILL)
    running.wait()
    assert gone(str(out))
    (left,) = out.iterdir()
    first = (left / "repeat-0" / raw.REPEAT).read_text()

    run = only_run(benchbench(folder, environment, "--out", str(out), "--repeats", "2", "--resume"))
    whole = only_run(
        benchbench(folder, environment, "--out", "whole", "--repeats", "1", "--set", "training.seed=1")
    )  # fmt: skip
    assert [f.name for f in out.iterdir()] == [run["id"]] == [left.name[1:]]
    steps = tables.read(out / run["id"], tables.STEPS)
    resumed, straight = steps[steps["repeat"] == 1], tables.read(folder / whole["dir"], tables.STEPS)
    assert resumed["step"].tolist() == list(range(1, STEPS + 1)), f"killed at {at}"
    assert resumed["loss"].tolist() == straight["loss"].tolist(), f"killed at {at}"
    assert whole["summary"]["final_metrics"] == final_metrics(out / run["id"], 1)
    evals = tables.read(out / run["id"], tables.EVALS)
    last = evals[evals["repeat"] == 1].iloc[-1]
    assert last["training_s"] == pytest.approx(resumed["step_s"].sum()), "the time before the kill counts"
    assert json.loads(first) == repeats(out / run["id"])[0], "what had ended was not measured again"
    (told,) = [w for w in run["warnings"] if w["code"] == "resumed"]
    found = re.search(r"checkpoint of step (\d+):", told["message"])
    assert found is not None
    assert at - EVERY < int(found[1]) < STEPS
    assert int(found[1]) % EVERY == 0


def repeats(run: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((run / "result.json").read_text())["run"]["repeats"]
    return found


def final_metrics(run: Path, index: int) -> dict[str, float]:
    found: dict[str, float] = repeats(run)[index]["final_metrics"]
    return found


def test_where_nothing_was_left_it_says_so(folder: Path, environment: dict[str, str]) -> None:
    answer = benchbench(folder, environment, "--resume")
    assert answer.returncode == 2
    error = json.loads(answer.stdout)["error"]
    assert "nothing to take up for killed" in error["message"]
    assert "Traceback" not in answer.stderr
    assert not (folder / "results").exists()


def test_a_run_whose_command_is_alive_is_not_taken(folder: Path, environment: dict[str, str]) -> None:
    (scenario,) = load(folder / "s.yaml")
    draft = Draft(folder / "results", "20260131-235959-killed-3f9a01c2")
    begin(draft, Begun(scenario=scenario, created_at="now", machine=machine(folder)))
    answer = benchbench(folder, environment, "--resume")
    assert answer.returncode == 2
    assert "is still being measured" in answer.stderr
    draft.leave()
    begin(draft, Begun(scenario=scenario, created_at="now", machine=MACHINE))
    answer = benchbench(folder, environment, "--resume")
    assert answer.returncode == 2
    assert "another machine" in answer.stderr
    assert draft.folder.is_dir()
