"""The simulations and the benchmarks of statistics, in their smallest form."""

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchbench.stats.steady import warmup_length
from benchmarks.simulations import coverage, power, steps

ROOT = Path(__file__).parents[2]


def record_of(tmp_path: Path, module: str, *arguments: str) -> dict[str, Any]:
    out = tmp_path / "record.json"
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", f"benchmarks.{module}", *arguments, "--out", str(out)]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    found: dict[str, Any] = json.loads(out.read_text())
    return found


@pytest.mark.parametrize("case", coverage.CASES.values(), ids=coverage.CASES)
def test_simulated_steps_have_the_mean_and_the_spread_that_they_claim(case: coverage.Case) -> None:
    times = coverage.series(case, 4000, np.random.default_rng(3))[:, 100:]
    spread = times.mean(axis=1).std() / np.sqrt(4000)
    assert times.mean() == pytest.approx(case.truth * np.exp(case.between**2 / 2), abs=5 * spread + 0.003 * case.drift)


def test_simulated_runs_begin_with_a_warm_up() -> None:
    found = [warmup_length(row) for row in coverage.series(coverage.Case(), 50, np.random.default_rng(4))]
    assert np.median([w for w in found if w is not None]) >= 15


def test_a_planted_slowdown_is_found_and_nothing_is_made_of_nothing() -> None:
    found = power.verdicts(0.01, 0.03, None, 300)
    assert found["slower"] >= 0.9
    assert 5 <= found["mean_repeats"] <= 9
    same = power.verdicts(0.03, 0.0, 3, 600)
    assert same["slower"] + same["faster"] <= 0.05 + 2 * 0.009


def test_interleaving_keeps_a_drift_from_alarming() -> None:
    assert power.alarms_under_drift(0.005, 5, 200, interleaved=True) <= 0.05
    assert power.alarms_under_drift(0.005, 5, 200, interleaved=False) > 0.5


def test_the_formula_plans_about_what_the_simulation_needs() -> None:
    for noise, effect in ((0.02, 0.05), (0.03, 0.1), (0.01, 0.03)):
        needed, planned = power.repeats_needed(noise, effect, 400), power.repeats_planned(noise, effect)
        assert needed is not None
        assert planned is not None
        assert abs(needed - planned) <= 2


@pytest.mark.parametrize("draw", [steps.normal, partial(steps.lasting, 0.6)])
def test_simulated_histories_have_the_variance_and_the_correlation_that_they_claim(draw: steps.Draw) -> None:
    noise = draw(np.random.default_rng(5), 40_000)
    assert noise.var() == pytest.approx(1.0, abs=0.05)
    correlation = 0.0 if draw is steps.normal else 0.6
    assert np.corrcoef(noise[1:], noise[:-1])[0, 1] == pytest.approx(correlation, abs=0.02)


def test_steps_are_found_and_hardly_any_is_made_of_nothing() -> None:
    assert steps.found((10, 10), 200) >= 0.9
    assert steps.alarms(steps.normal, 15, steps.NO_THRESHOLD, 400) <= 0.05 + 2 * 0.011


def test_the_simulation_of_histories_writes_its_record(tmp_path: Path) -> None:
    record = record_of(tmp_path, "simulations.steps", "--trials", "10")
    assert {"claims", "alarms", "found_exactly"} <= set(record)


def test_a_simulation_writes_its_record(tmp_path: Path) -> None:
    record = record_of(tmp_path, "simulations.power", "--trials", "20")
    assert {"command", "seed", "trials", "claims", "repeats_needed", "alarms_under_drift"} <= set(record)


@pytest.mark.alone
def test_the_analysis_of_many_runs_writes_its_record(tmp_path: Path) -> None:
    record = record_of(tmp_path, "analysis_speed", "--runs", "20")
    assert record["step_times"] == 2000
    assert record["verdict"] == "holds"


@pytest.mark.slow
def test_real_pairs_plant_the_work_and_write_their_record(tmp_path: Path) -> None:
    record = record_of(
        tmp_path, "real_pairs", "--pairs", "2", "--group", "2", "--steps", "5", "--slowdown", "3", "--device", "cpu"
    )
    assert record["planted_slowdown"] > 0
    assert record["slowed_over_a"]["value"] > 0
    assert [len(v) for v in record["verdicts"].values()] == [1, 1]
    assert all(set(pair["order"]) == {"a", "again", "slowed"} for pair in record["pairs"])
