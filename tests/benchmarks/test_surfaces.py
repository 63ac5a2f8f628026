"""The generated surfaces are what they say, and can be replayed."""

import math
from pathlib import Path

import numpy as np
import pytest

from benchbench.executors.records_file import read
from benchbench.record.types import Outcome
from benchbench.scenario.loading import load, vary
from benchmarks.search.surfaces import KINDS, Surface, surface


@pytest.fixture(scope="module")
def made() -> dict[str, Surface]:
    return {kind: surface(kind, 3) for kind in KINDS}


def baseline_s(one: Surface) -> float:
    return one.truth[tuple(one.baseline[key] for key in one.space)]


def reaching(one: Surface) -> float:
    return float(np.mean([math.isfinite(time_s) for time_s in one.truth.values()]))


@pytest.mark.parametrize("kind", KINDS)
def test_a_surface_can_be_read_and_its_scenario_tuned(made: dict[str, Surface], kind: str, tmp_path: Path) -> None:
    one = made[kind]
    (tmp_path / "t.csv").write_text(one.csv())
    (tmp_path / "s.yaml").write_text(one.scenario())
    (scenario,) = load(tmp_path / "s.yaml")
    records = read(tmp_path / "t.csv")
    assert set(records.keys) == set(scenario.search.space)
    assert len(records.rows) == len(one.truth)
    rows = records.of(vary(scenario, dict(scenario.search.baseline)))
    assert np.median([row.time_to_target_s for row in rows if row.time_to_target_s]) == pytest.approx(
        baseline_s(one), rel=0.5
    )


@pytest.mark.parametrize("kind", KINDS)
def test_times_are_warm_up_and_steps(made: dict[str, Surface], kind: str) -> None:
    for _, row in made[kind].rows:
        if row.time_to_target_s is None or row.steps_to_target is None:
            continue
        assert row.step_s is not None
        assert row.warmup_s is not None
        assert row.time_to_target_s == pytest.approx(row.warmup_s + row.steps_to_target * row.step_s, abs=0.01)
        assert row.train_cost_s == pytest.approx(row.startup_s + row.time_to_target_s, abs=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_gives_the_same_surface_and_another_a_different_one(made: dict[str, Surface], kind: str) -> None:
    assert surface(kind, 3).csv() == made[kind].csv()
    assert surface(kind, 4).truth != made[kind].truth


def test_each_kind_asks_what_it_says(made: dict[str, Surface]) -> None:
    outcomes = {row.outcome for _, row in made["mixed"].rows}
    assert outcomes == {Outcome.OK, Outcome.OOM, Outcome.DIVERGED}
    assert made["mixed"].best_s < 0.8 * baseline_s(made["mixed"])
    flat = list(made["flat"].truth.values())
    assert max(flat) < 1.05 * min(flat)
    assert 0 < reaching(made["needle"]) < 0.35


def test_where_the_optimum_lies_is_drawn_anew() -> None:
    best = {min(one.truth, key=lambda setup: one.truth[setup]) for one in (surface("needle", s) for s in range(8))}
    assert len(best) >= 4
