"""The trainer as the program that an executor starts."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from benchbench.record.figures import figures
from benchbench.record.reaching import reach
from benchbench.record.store import read_raw
from benchbench.scenario.loading import load
from benchbench.scenario.scenario import Scenario

FILE = Path(__file__).parents[2] / "scenarios" / "bert_tiny.yaml"


F1 = {f"f1_{category}" for category in ("Ll", "Lo", "Lu", "Mn", "Nd", "No", "Sm", "So")}


def start(folder: Path, scenario: Scenario) -> "subprocess.Popen[str]":
    (folder / "scenario.json").write_text(scenario.model_dump_json(by_alias=True))
    environment = {
        **os.environ,
        "BENCHBENCH_SCENARIO": str(folder / "scenario.json"),
        "BENCHBENCH_EVENTS": str(folder / "events.jsonl"),
        "BENCHBENCH_TIMEOUT_S": "600.0",
        "XDG_CACHE_HOME": str(folder.parent),
        "HF_HUB_OFFLINE": "1",
    }
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "benchbench.training"], env=environment, cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def run(folder: Path, *overrides: str) -> tuple[int, list[dict[str, Any]]]:
    with start(folder, load(FILE, overrides)[0]) as process:
        process.communicate(timeout=120)
    return process.returncode, [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_a_throughput_run_from_end_to_end(tmp_path: Path) -> None:
    code, events = run(tmp_path, "measure.warmup=2", "measure.steps=6", "hardware.device=cpu", "training.seed=4")
    assert code == 0
    names = [e["event"] for e in events]
    assert names[0] == "phase"
    assert names[-1] == "done"
    phases = [e["name"] for e in events if e["event"] == "phase" and "done" not in e]
    assert phases[:4] == ["import", "data", "model", "measure"]
    assert [e["step"] for e in events if e["event"] == "step"] == list(range(1, 9))
    assert [e["t"] for e in events] == sorted(e["t"] for e in events)
    ready = next(e for e in events if e["event"] == "ready")
    assert (ready["labels"], ready["train_rows"], ready["validation_rows"]) == (8, 9511, 1189)
    assert ready["parameters"] == 992_136
    found = figures(read_raw(tmp_path), 0.95, None)
    assert found is not None
    assert (found.warmup_steps, found.measured_steps, found.samples_per_step) == (2, 6, 64.0)
    assert found.step_s == pytest.approx(sum(e["step_s"] for e in events if e["event"] == "step" and e["step"] > 2) / 6)


@pytest.mark.slow
def test_a_training_to_a_target_from_end_to_end(tmp_path: Path) -> None:
    settings = ("measure.procedure=time-to-target", "hardware.device=cpu", "target.at_least=0.3", "target.eval_every=5")
    code, events = run(tmp_path, *settings)
    assert code == 0
    scenario = load(FILE, settings)[0]
    assert scenario.target is not None
    crossing = reach(read_raw(tmp_path), scenario.target)
    assert crossing.reached
    *_, seen, last = [e for e in events if e["event"] == "eval"]
    assert (crossing.confirmed_by, crossing.crossing_evaluation_step) == ("next-evaluation", seen["step"])
    assert crossing.steps_to_target is not None
    assert crossing.time_to_target_s is not None
    assert seen["step"] - 5 < crossing.steps_to_target <= seen["step"]
    assert crossing.time_to_target_s <= seen["training_s"] < last["training_s"]
    done = events[-1]
    assert set(done["final_metrics"]) == {"train_loss", "loss", "accuracy", "f1_macro", *F1}
    assert done["final_metrics"]["accuracy"] == last["metrics"]["accuracy"] >= 0.3


@pytest.mark.slow
def test_a_killed_run_leaves_every_event_up_to_its_last(tmp_path: Path) -> None:
    with start(tmp_path, load(FILE, ["measure.steps=100000", "hardware.device=cpu"])[0]) as process:
        give_up = time.monotonic() + 100
        file = tmp_path / "events.jsonl"
        while not file.exists() or file.read_text().count('"event":"step"') < 40:
            assert time.monotonic() < give_up
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    found = figures(read_raw(tmp_path), 0.95, None)
    assert found is not None
    assert found.warmup_steps == 20
    assert found.measured_steps >= 15


@pytest.mark.slow
@pytest.mark.parametrize(
    ("override", "kind", "says"),
    [
        ("model.vocab=6", "refused", "model.vocab: a vocabulary of wordpiece has at least 7 entries"),
        ("model.family=nosuch", "refused", "transformers knows no family"),
    ],
)
def test_what_cannot_be_built_is_refused_with_its_reason(tmp_path: Path, override: str, kind: str, says: str) -> None:
    code, events = run(tmp_path, override, "model.size=null", "model.layers=1")
    assert code == 1
    assert events[-1]["event"] == "failed"
    assert events[-1]["kind"] == kind
    assert says in events[-1]["message"]
