"""The search's contest: its rules are those of a replay, its rivals keep the budget, its sums are right."""

from __future__ import annotations

import math
import random as stdlib_random
from pathlib import Path

import pytest

from benchbench.executors.base import Request
from benchbench.executors.kinds.replay import ReplayExecutor
from benchbench.executors.records_file import read
from benchbench.record.types import Outcome
from benchbench.scenario.loading import vary
from benchmarks.search import contest
from benchmarks.search.arena import OutOfBudget, Player, Table
from benchmarks.search.arena import table as table_of
from benchmarks.search.contest import OURS, Played, claims, generated, play, scenario_of, summary
from benchmarks.search.rivals import RIVALS, recommended
from tests.executors.tables import MISS, row, table, trained

KEYS = ("training.global_batch", "precision")
BASELINE = {"training.global_batch": 16, "precision": "fp32"}
ROWS = [
    trained("16", "fp32", seed=0), trained("16", "fp32", seed=1, steps=120),
    trained("32", "fp32", seed=0, steps=60), row("32", "fp32", seed="1", **MISS),
    row("64", "fp32", **MISS, outcome="oom", step_s="", warmup_s="", train_cost_s="2"),
    row("16", "bf16", **MISS, outcome="diverged", train_cost_s="4"),
    trained("32", "bf16", step_s=0.05, steps=60), row("64", "bf16", probe_cost_s=""),
]  # fmt: skip


@pytest.fixture
def small(tmp_path: Path) -> Table:
    return table_of(table(tmp_path / "mixed-small.csv", KEYS, *ROWS), BASELINE)


def played(**of) -> Played:
    plain = {
        "method": OURS,
        "table": "t",
        "kind": "k",
        "seed": 0,
        "regret": 0.0,
        "spent": 1.0,
        "best": 2.0,
        "true": 2.0,
    }
    return Played(**{**plain, **of})


def test_a_table_knows_its_space_its_truth_and_its_kind(small: Table) -> None:
    assert small.kind == "mixed"
    assert {key: set(values) for key, values in small.space.items()} == {
        "training.global_batch": {16, 32, 64}, "precision": {"fp32", "bf16"},
    }  # fmt: skip
    assert small.true_s(BASELINE) == pytest.approx(11.5), "the median of 10.5 and 12.5"
    assert small.true_s({"training.global_batch": 64, "precision": "fp32"}) == math.inf
    assert small.true_s({"training.global_batch": 32, "precision": "fp32"}) == math.inf, "one of two missed"
    assert small.regret(BASELINE) == pytest.approx(11.5 / 3.5 - 1)
    assert small.baseline_cost_s == pytest.approx((12.5 + 14.5) / 2)


@pytest.mark.parametrize("seed", range(8))
def test_the_arenas_rules_are_those_of_a_replay(small: Table, tmp_path: Path, seed: int) -> None:
    choice = stdlib_random.Random(seed)
    asked = vary(scenario_of(small), {"measure.procedure": "time-to-target"})
    executor = ReplayExecutor(small.records, asked)
    player = Player(small, math.inf)
    request = {"index": 0, "order": 0, "folder": tmp_path, "timeout_s": 1.0, "end_by": None}
    executor.run(Request(scenario=vary(asked, BASELINE), deadline_s=None, **request), lambda _: None)
    for _ in range(20):
        setup = choice.choice(player.setups())
        probes = choice.random() < 0.3
        deadline_s = None if probes else choice.choice([None, 0.5, 3.0, 6.5, 20.0])
        procedure = "throughput" if probes else "time-to-target"
        scenario = vary(asked, {**setup, "measure.procedure": procedure})
        before_s = executor.clock()
        repeat = executor.run(Request(scenario=scenario, deadline_s=deadline_s, **request), lambda _: None)
        answer = player.probe(setup) if probes else player.train(setup, math.inf if deadline_s is None else deadline_s)
        assert (answer is None) == (repeat.outcome is Outcome.REFUSED)
        if answer is not None:
            assert answer.cost_s == pytest.approx(executor.clock() - before_s)
            assert answer.time_s == (repeat.reach.time_to_target_s if repeat.reach is not None else None)
    assert player.spent_s == pytest.approx(executor.clock())


@pytest.mark.parametrize("budget", [4, 8, 14])
@pytest.mark.parametrize("rival", RIVALS)
def test_a_rival_ends_within_the_budget_and_recommends_what_it_saw(small: Table, rival: str, budget: int) -> None:
    budget_s = budget * small.baseline_cost_s
    player = Player(small, budget_s)
    try:
        RIVALS[rival](player, 0)
    except OutOfBudget:
        assert player.spent_s == budget_s
    assert player.spent_s <= budget_s
    found = recommended(rival, small, budget_s, 0)
    assert small.configuration(found) in small.records.rows
    assert found == recommended(rival, small, budget_s, 0), "the same seed recommends the same"


def test_exhaustive_search_finds_the_best_where_the_budget_allows(small: Table) -> None:
    assert recommended("exhaustive", small, 1e6, 0) == {"training.global_batch": 32, "precision": "bf16"}


def test_the_confirmation_is_set_aside(small: Table) -> None:
    player = Player(small, 100.0)
    assert player.left_s == pytest.approx(100 - 12.5 - 2 * 3 * 12.5)
    player.train({"training.global_batch": 32, "precision": "bf16"})
    assert player.left_s == pytest.approx(100 - 12.5 - 5.5 - 3 * (12.5 + 5.5))
    with pytest.raises(OutOfBudget):
        Player(small, 5 * 12.5).train({"training.global_batch": 32, "precision": "bf16"})


def test_regrets_are_summed_up_by_kind_and_method() -> None:
    regrets = [0.0, 0.1, 0.2, 0.3, 1.0]
    found = summary([*(played(regret=r) for r in regrets), played(method="random", regret=9.0), played(kind="flat")])
    assert found["k"][OURS] == {"searches": 5, "regret_median": 0.2, "regret_p90": pytest.approx(0.72)}
    assert found["k"]["random"]["regret_median"] == 9.0
    assert found["flat"][OURS]["searches"] == 1


def test_claims_are_held_against_the_truth() -> None:
    found = claims([
        played(verdict="faster", low=1.5, high=2.5, true=2.0),
        played(verdict="faster", low=1.1, high=1.3, true=0.9),
        played(verdict="tie", low=0.9, high=1.2, true=1.0, best=1.2),
        played(verdict="insufficient-evidence", true=3.0),
        played(kind="flat", verdict="faster", low=1.01, high=1.02, true=1.01, best=1.01, spent=0.4),
        played(kind="flat", verdict="tie", true=1.0, best=1.01, spent=0.2),
        played(method="random", true=0.1, verdict="faster"),
    ])  # fmt: skip
    assert found["searches"] == 6
    assert found["faster_claimed"] == 3
    assert found["faster_false"] == pytest.approx(1 / 3)
    assert found["interval_covers"] == pytest.approx(3 / 4)
    assert found["faster_said_where_best_is_1.5x"] == pytest.approx(2 / 3)
    assert found["flat_called_faster"] == pytest.approx(1 / 2)
    assert found["flat_spent"] == pytest.approx(0.3)


def test_no_claims_are_no_numbers() -> None:
    assert math.isnan(claims([])["faster_false"])


def test_a_tiny_contest_is_played(small: Table) -> None:
    both = [play(method, small, 0) for method in (OURS, "random search")]
    assert [p.method for p in both] == [OURS, "random search"]
    assert all(p.table == "mixed-small.csv" or p.table == "mixed-small" for p in both)
    ours = both[0]
    assert ours.best == pytest.approx(11.5 / 3.5)
    assert 0 < ours.spent <= 1.01
    assert ours.requests > 1
    assert ours.verdict
    assert math.isfinite(ours.true)


def test_a_generated_table_is_that_of_its_file_and_scenario(tmp_path: Path) -> None:
    of = generated("needle", 0, tmp_path)
    (file,) = tmp_path.iterdir()
    assert read(file).rows.keys() == of.records.rows.keys()
    assert of.kind == "needle"
    assert min(of.truth.values()) < of.true_s(of.baseline) < math.inf


def test_a_recorded_table_has_its_baseline_beside_it(tmp_path: Path) -> None:
    table(tmp_path / "real-a.csv", KEYS, *ROWS)
    (tmp_path / "real-a.baseline.yaml").write_text("training.global_batch: 16\nprecision: fp32\n")
    of = contest.recorded(tmp_path / "real-a.csv")
    assert (of.kind, dict(of.baseline)) == ("real", BASELINE)


def test_a_search_of_what_does_not_matter_ends_early_and_invents_no_winner(tmp_path: Path) -> None:
    found = play(OURS, generated("flat", 12, tmp_path), 0)
    assert found.verdict != "faster"
    assert found.spent < 0.6, "what fewer repeats could not prove is not looked for"
