"""`benchbench run`, as a user types it."""

import json
import os
import secrets
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchbench.record import tables
from tests.executors.trees import alive, gone, until
from tests.standins import environment as nvml_environment
from tests.standins import nvml

SCENARIOS = Path(__file__).resolve().parents[2] / "scenarios"
TINY = str(SCENARIOS / "bert_tiny.yaml")
QUICK = ("--set", "measure.warmup=2", "--set", "measure.steps=8", "--repeats", "1")
SUMMARY = {
    "step_s", "samples_per_s", "tokens_per_s", "tokens_per_s_per_device", "mfu", "peak_memory_bytes", "utilization",
    "power_w", "energy_j_per_sample", "data_wait_fraction", "communication_fraction", "reached_target", "reach_rate",
    "time_to_target_s", "steps_to_target", "final_metrics",
}  # fmt: skip


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "BENCHBENCH_LOCK": str(tmp_path / "lock")}


def benchbench(cwd: Path, environment: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-P", "-m", "benchbench", *arguments],
        capture_output=True, text=True, cwd=cwd, env=environment, check=False,
    )  # fmt: skip


def document(answer: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.stdout)
    return found


@pytest.mark.slow
def test_the_document_is_the_contracts(tmp_path: Path, environment: dict[str, str]) -> None:
    answer = benchbench(tmp_path, environment, "run", TINY, *QUICK, "--json")
    assert answer.returncode == 0, answer.stderr
    whole = document(answer)
    assert set(whole) == {"schema", "report", "runs"}
    assert (tmp_path / whole["report"]).is_file()
    run = whole["runs"][0]
    assert set(run) >= {
        "id", "name", "scenario_key", "dir", "outcome", "failure", "summary", "telemetry", "machine", "warnings",
    }  # fmt: skip
    assert set(run["summary"]) >= SUMMARY
    assert set(run["summary"]["step_s"]) == {"value", "low", "high", "confidence", "n", "unit"}
    assert run["outcome"] == "ok"
    assert run["summary"]["step_s"]["n"] == 1
    assert [w["code"] for w in run["warnings"]].count("single-repeat") == 1
    assert run["summary"]["samples_per_s"]["value"] == pytest.approx(64 / run["summary"]["step_s"]["value"])
    assert run["summary"]["final_metrics"]["train_loss"] > 0
    assert (tmp_path / run["dir"] / "steps.parquet").is_file()
    assert "bert-tiny" in answer.stderr


@pytest.mark.slow
@pytest.mark.alone
def test_time_to_target_reaches_90_percent_within_a_minute(tmp_path: Path, environment: dict[str, str]) -> None:
    answer = benchbench(
        tmp_path, environment, "run", TINY, "--set", "measure.procedure=time-to-target", "--repeats", "1", "--json",
        "--no-report",
    )  # fmt: skip
    run = document(answer)["runs"][0]
    assert answer.returncode == 0, answer.stderr
    assert run["summary"]["reached_target"] is True
    assert run["summary"]["reach_rate"] == 1.0
    assert 0 < run["summary"]["time_to_target_s"]["value"] < 60
    assert run["summary"]["final_metrics"]["accuracy"] >= 0.90
    assert {"train_loss", "loss", "accuracy"} <= set(run["summary"]["final_metrics"])


@pytest.mark.slow
def test_a_missed_target_is_done_not_failed(tmp_path: Path, environment: dict[str, str]) -> None:
    answer = benchbench(
        tmp_path, environment, "run", TINY, "--set", "measure.procedure=time-to-target", "--set",
        "training.max_steps=4",
        "--repeats", "1", "--json", "--no-report",
    )  # fmt: skip
    run = document(answer)["runs"][0]
    assert answer.returncode == 0, answer.stderr
    assert run["outcome"] == "ok"
    assert run["summary"]["reached_target"] is False
    assert run["summary"]["time_to_target_s"] is None


@pytest.mark.slow
def test_variants_are_measured_and_a_divergence_is_an_outcome(tmp_path: Path, environment: dict[str, str]) -> None:
    answer = benchbench(
        tmp_path, environment, "run", TINY, *QUICK, "--json", "--lang", "zh", "--set", "training.gradient_clip=null",
        "--set", "training.schedule.warmup_fraction=0.0", "--set", "training.optimizer.name=sgd",
        "--set", "training.optimizer.learning_rate=1e-3", "--set", "training.optimizer.learning_rate=1e30",
    )  # fmt: skip
    whole = document(answer)
    assert answer.returncode == 3
    assert '<html lang="zh"' in (tmp_path / whole["report"]).read_text()
    assert [r["outcome"] for r in whole["runs"]] == ["ok", "diverged"]
    assert whole["runs"][1]["failure"]["kind"] == "diverged"
    assert "step" in whole["runs"][1]["failure"]["message"]


def test_dry_run_runs_nothing_and_creates_nothing(tmp_path: Path, environment: dict[str, str]) -> None:
    answer = benchbench(tmp_path, environment, "run", TINY, "--dry-run", "--json")
    assert answer.returncode == 0, answer.stderr
    row = document(answer)["runs"][0]
    assert row["repeats"] == 3
    assert 5 < row["expected_s"] < 200
    assert row["micro_batch"] == 64
    assert row["micro_batch_chosen"].startswith("plainly fits")
    assert "nothing was run" in answer.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_out_that_is_a_file_is_refused(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "taken").write_text("mine")
    answer = benchbench(tmp_path, environment, "run", TINY, "--out", "taken")
    assert answer.returncode == 2
    assert "not a folder" in answer.stderr
    assert (tmp_path / "taken").read_text() == "mine"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_stopping_the_command_keeps_what_ended_and_leaves_no_process(
    tmp_path: Path, environment: dict[str, str], number: signal.Signals
) -> None:
    out = tmp_path / f"out-{secrets.token_hex(4)}"
    command = [
        sys.executable, "-P", "-m", "benchbench", "run", TINY, "--json", "--out", str(out), "--no-report", "--set",
        "measure.warmup=2", "--set", "measure.steps=100000",
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as running:
        until(lambda: any('"step"' in f.read_text() for f in out.glob(".*/repeat-0/events.jsonl")), within_s=60)
        running.send_signal(number)
        printed, _ = running.communicate(timeout=30)
    assert gone(str(out)), alive(str(out))
    visible = [f for f in out.iterdir() if not f.name.startswith(".")]
    if number == signal.SIGKILL:
        assert visible == []
        assert len(list(out.iterdir())) == 1
        return
    assert running.returncode == 130
    run = json.loads(printed)["runs"][0]
    assert run["outcome"] == "interrupted"
    assert [f.name for f in visible] == [run["id"]]
    assert list(out.iterdir()) == visible


@pytest.mark.slow
def test_gpus_are_listed_with_their_series_and_what_is_missing(tmp_path: Path, environment: dict[str, str]) -> None:
    library = nvml(without=["nvmlDeviceGetPowerUsage"])
    with_driver = {**environment, **nvml_environment(library, FAKE_NVML_LOST="1@2.0")}
    long_enough = ("--set", "measure.warmup=2", "--set", "measure.steps=60", "--repeats", "1")
    answer = benchbench(tmp_path, with_driver, "run", TINY, *long_enough, "--json", "--no-report")
    assert answer.returncode == 0, answer.stderr
    run = document(answer)["runs"][0]
    seen = {device["device"]: device for device in run["telemetry"]}
    assert set(seen) == {"cpu", "cuda:0", "cuda:1"}
    assert "power" in seen["cuda:0"]["missing"]
    assert "utilization" not in seen["cuda:0"]["missing"]
    assert seen["cuda:0"]["samples"] > seen["cuda:1"]["samples"] > 5
    assert [w["code"] for w in run["warnings"]].count("device-lost") == 1
    frame = tables.read(tmp_path / run["dir"], tables.TELEMETRY)
    counts = frame["device"].value_counts()
    assert {name: counts[name] for name in seen} == {name: device["samples"] for name, device in seen.items()}
    first = frame[frame["device"] == "cuda:0"]
    assert set(first["utilization"]) == {0.3, 0.9}, "the stand-in says one and the other in turns"
    assert first["energy_j"].is_monotonic_increasing
    assert first["power_w"].isna().all()
    assert run["summary"]["utilization"]["value"] > 0.1, "the trainer was on the CPU, and so is its utilization"
    assert {d["name"] for d in run["machine"]["devices"]} == {d["name"] for k, d in seen.items() if k != "cpu"}


@pytest.mark.alone
@pytest.mark.slow
def test_an_impatient_hand_loses_nothing(tmp_path: Path, environment: dict[str, str]) -> None:
    out = tmp_path / "out"
    command = [
        sys.executable, "-P", "-m", "benchbench", "run", TINY, "--json", "--out", str(out), "--no-report",
        "--repeats", "1", "--set", "measure.steps=100000",
    ]  # fmt: skip
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as running:
        until(lambda: any('"step":60,' in f.read_text() for f in out.glob(".*/repeat-0/events.jsonl")), within_s=60)
        while running.poll() is None:
            running.send_signal(signal.SIGINT)
        printed, said = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "Traceback" not in said
    run = json.loads(printed)["runs"][0]
    assert run["outcome"] == "interrupted"
    assert run["summary"]["step_s"]["value"] > 0, "what was measured is reported"
    assert [f.name for f in out.iterdir()] == [run["id"]]
