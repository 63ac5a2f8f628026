"""What a repeat is watched for beside its steps: idle power before it, and its own look at itself after it."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest

from benchbench.executors.base import IDLE_S, Request
from benchbench.executors.ending import idle_time, read_exit
from benchbench.executors.kinds.child import ChildExecutor
from benchbench.record.types import Outcome, Repeat
from benchbench.scenario.scenario import Scenario
from tests.executors.trees import PRELUDE, WELL

TELL = "open(os.environ['BENCHBENCH_EVENTS'] + '.told', 'w').write(os.environ['BENCHBENCH_EXAMINE_S'])\n"


def scenario(measure: dict[str, Any], **hardware: Any) -> Scenario:
    return Scenario.model_validate({
        "name": "t", "model": {"family": "bert", "size": "tiny"}, "task": "sequence-classification",
        "measure": measure, "hardware": {"device": "cpu", **hardware},
    })  # fmt: skip


def run(folder: Path, code: str, of: Scenario, *, examine: bool = False) -> Repeat:
    executor = ChildExecutor((sys.executable, "-c", PRELUDE + code))
    request = Request(scenario=of, index=0, order=0, folder=folder, timeout_s=30.0, examine=examine)
    return executor.run(request, lambda _what: None)


@pytest.mark.parametrize(
    ("profile", "examine", "limit", "seconds"),
    [
        ("auto", True, None, 20.0), ("auto", False, None, 0.0), ("auto", True, "2GiB", 0.0),
        (True, False, None, math.inf), (True, False, "2GiB", math.inf), (False, True, None, 0.0),
    ],
)  # fmt: skip
def test_how_long_a_trainer_may_look_at_itself(
    tmp_path: Path, profile: str | bool, examine: bool, limit: str | None, seconds: float
) -> None:
    run(tmp_path, TELL + WELL, scenario({"profile": profile}, memory_limit=limit), examine=examine)
    assert float((tmp_path / "events.jsonl.told").read_text()) == seconds


@pytest.mark.parametrize("subtract", [True, False])
def test_idle_power_is_watched_for_before_the_trainer_where_it_is_asked_for(tmp_path: Path, subtract: bool) -> None:
    of = scenario({"subtract_idle": subtract, "sample_interval": "50ms"})
    assert run(tmp_path, WELL, of).outcome is Outcome.OK
    started_s = read_exit(tmp_path)["started"]
    samples = [json.loads(line) for line in (tmp_path / "telemetry.jsonl").read_text().splitlines()]
    before = [s["t"] for s in samples if "t" in s and s["t"] < started_s]
    assert (max(before) - min(before) > 0.8 * IDLE_S) is subtract
    assert idle_time(of, {"started": started_s}) == ((started_s - IDLE_S, started_s) if subtract else None)


def test_the_telemetry_is_as_dense_as_was_asked_for(tmp_path: Path) -> None:
    run(tmp_path, "time.sleep(1.5)\n" + WELL, scenario({"sample_interval": "500ms"}))
    lines = [json.loads(line) for line in (tmp_path / "telemetry.jsonl").read_text().splitlines()]
    (interval_s,) = [line["header"]["interval_s"] for line in lines if "header" in line]
    assert interval_s == 0.5
    taken = [line["t"] for line in lines if line.get("device") == "cpu"]
    assert 1 <= len(taken) <= 6, "at 100 ms there would be some 15"


def test_what_a_trainer_takes_to_look_at_itself_is_no_part_of_its_peak(tmp_path: Path) -> None:
    look = (
        "emit('phase', name='examine'); kept = bytearray(b'x' * 2**27); time.sleep(0.5)\n"
        "emit('profile', device='cpu', steps=1, step_s=0.5, seconds={'overhead': 0.5})\n"
        "emit('done', final_metrics={}, peak_resident_bytes=2**25, flops_per_step=10.0)"
    )
    found = run(tmp_path, "for n in range(1, 31): step(n)\ntime.sleep(0.3)\n" + look, scenario({}))
    assert found.outcome is Outcome.OK
    assert found.memory is not None
    assert found.memory.resident_bytes is not None
    assert found.memory.resident_bytes < 2**27
    assert found.figures is not None
    assert found.figures.peak_memory_bytes == found.memory.resident_bytes
    assert found.breakdown is not None
    assert found.breakdown.seconds == {"overhead": 0.5}
    assert found.facts["flops_per_step"] == 10.0


def test_steps_below_zero_make_a_repeat_invalid(tmp_path: Path) -> None:
    code = "emit('step', step=1, step_s=-0.01, samples=4, tokens=40)\n" + WELL
    found = run(tmp_path, code, scenario({}))
    assert found.outcome is Outcome.INVALID
    assert found.failure is not None
    assert (found.failure.kind, found.failure.message) == ("negative", "step 1 reports step_s = -0.01, below zero")
