"""Pairs are drawn, measured and written down as a record that can be quoted."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import pairs

ROOT = Path(__file__).parents[2]


def test_pairs_alternate_in_an_order_that_is_drawn() -> None:
    taken: list[str] = []

    def block(name: str, seconds: float) -> pairs.Block:
        return lambda: taken.append(name) or seconds

    found = pairs.alternate({"a": block("a", 2.0), "b": block("b", 1.0)}, 20)
    assert taken == [name for pair in found for name in pair.order]
    assert all(sorted(pair.order) == ["a", "b"] for pair in found)
    assert {pair.order for pair in found} == {("a", "b"), ("b", "a")}
    ratio = pairs.ratio(found, over="a", under="b")
    assert (ratio.low, ratio.value, ratio.high, ratio.n) == (pytest.approx(2), pytest.approx(2), pytest.approx(2), 20)


def test_drift_that_hits_a_whole_pair_leaves_the_ratio() -> None:
    drifting = [pairs.Pair(("a", "b"), {"a": 2.0 * n, "b": 1.0 * n}) for n in range(1, 11)]
    found = pairs.ratio(drifting, over="a", under="b")
    assert found.value == pytest.approx(2.0)
    assert found.high == pytest.approx(2.0)


def record_of(benchmark: str, folder: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"benchmarks.{benchmark}", "--pairs", "2", "--steps", "3", "--device", "cpu"]
    command += options
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder), "HF_HUB_OFFLINE": "1"}
    out = folder / "made" / "record.json"
    subprocess.run([*command, "--out", str(out)], cwd=ROOT, env=environment, check=True, capture_output=True)
    found: dict[str, Any] = json.loads(out.read_text())
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("benchmark", "ratio", "names"),
    [
        ("loop_overhead", "throughput_ratio", {"measured", "hand_written"}),
        ("own_clock", "step_ratio", {"reported", "stopwatch"}),
        ("telemetry_cost", "step_time_ratio", {"on", "off"}),
    ],
)
def test_a_benchmark_writes_its_record(tmp_path: Path, benchmark: str, ratio: str, names: set[str]) -> None:
    record = record_of(benchmark, tmp_path)
    assert list(record[ratio]) == ["value", "low", "high", "confidence", "n", "unit"]
    assert record[ratio]["n"] == len(record["pairs"]) == 2
    assert not record["enough_pairs"]
    assert record["verdict"] in ("holds", "fails", "undecided")
    assert {"machine", "command", "device", "threads", "created_at"} <= set(record)
    assert all(set(pair["order"]) == names for pair in record["pairs"])
    assert all(pair[f"{name}_s"] > 0 for pair in record["pairs"] for name in names)
    if benchmark == "telemetry_cost":
        assert record["watched_s"] > 0
        assert 0 <= record["watching_cpu_share"] < 1


@pytest.mark.slow
@pytest.mark.alone
def test_the_cost_of_wakings_is_recorded(tmp_path: Path) -> None:
    record = record_of("wake_cost", tmp_path, "--steps", "300", "--batch", "4")
    assert record["step_time_ratio"]["n"] == len(record["pairs"]) == 2
    assert all(pair["on_s"] > 0 for pair in record["pairs"])
    assert all(abs(pair["on_s"] / pair["off_s"] - 1) < 0.5 for pair in record["pairs"])
