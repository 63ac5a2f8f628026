from __future__ import annotations

from pathlib import Path

import pytest

from benchbench.errors import StoreError
from benchbench.record.study import Overrides
from benchbench.scenario.search_types import Range
from benchbench.tuning.proposals import Proposer
from benchbench.tuning.space import Listed, Ranged, SearchSpace, identity

SMALL = SearchSpace({"batch": Listed((8, 16, 32)), "name": Listed(("a", None, "b")), "one": Listed((1.0,))})


def proposals(proposer, count, value=lambda overrides: 1.0) -> list[Overrides]:
    found = []
    for _ in range(count):
        proposal = proposer.ask()
        found.append(proposal.overrides)
        proposer.tell(proposal, value(proposal.overrides), 1.0, {"outcome": "ok"})
    return found


def test_every_setup_of_a_finite_space_is_proposed_once(tmp_path: Path) -> None:
    proposer = Proposer("s", SMALL, 0, tmp_path)
    found = proposals(proposer, 9)
    assert proposer.exhausted
    assert len({identity(o) for o in found}) == 9
    assert all(list(o) == ["batch", "name", "one"] for o in found)
    assert {type(o["batch"]) for o in found} == {int}
    assert {type(o["one"]) for o in found} == {float}


def test_a_baseline_of_the_space_is_trial_nought_and_not_proposed_again(tmp_path: Path) -> None:
    proposer = Proposer("s", SMALL, 0, tmp_path)
    baseline = {"batch": 16, "name": None, "one": 1.0}
    first = proposer.baseline(baseline, is_candidate=True)
    assert first == (0, baseline)
    proposer.tell(first, 3.0, 1.0, {})
    assert baseline not in proposals(proposer, 8)
    assert proposer.exhausted


def test_a_baseline_beside_the_space_does_not_take_a_place_in_it(tmp_path: Path) -> None:
    proposer = Proposer("s", SMALL, 0, tmp_path)
    first = proposer.baseline({"batch": "auto", "name": "a", "one": 1.0}, is_candidate=False)
    proposer.tell(first, 3.0, 1.0, {})
    proposals(proposer, 9)
    assert proposer.exhausted


def test_what_may_not_be_is_never_proposed(tmp_path: Path) -> None:
    proposer = Proposer("s", SMALL, 0, tmp_path, legal=lambda setup: setup["batch"] != 16)
    found = proposals(proposer, 6)
    assert proposer.exhausted
    assert len({identity(o) for o in found}) == 6
    assert 16 not in {o["batch"] for o in found}


def test_in_a_continuum_what_may_be_is_found_and_the_end_is_seen(tmp_path: Path) -> None:
    space = SearchSpace({"x": Ranged(Range(low=0.0, high=1.0)), "y": Listed((1, 2, 3, 4))})
    rare = Proposer("s", space, 0, tmp_path, legal=lambda setup: setup["y"] == 3 and setup["x"] < 0.2)
    assert all(o["y"] == 3 and o["x"] < 0.2 for o in proposals(rare, 20))
    assert not rare.exhausted
    (tmp_path / "b").mkdir()
    never = Proposer("s", space, 0, tmp_path / "b", legal=lambda _setup: False)
    never.ask()
    assert never.exhausted


@pytest.mark.parametrize("seed", range(3))
def test_tpe_leads_to_the_best_region_of_a_continuum(tmp_path: Path, seed: int) -> None:
    axes = {k: Ranged(Range(low=1e-4, high=1.0, log=True)) for k in ("x", "y")}
    proposer = Proposer("s", SearchSpace({**axes, "z": Listed(("p", "q", "r"))}), seed, tmp_path)

    def value(o: Overrides) -> float:
        return 1 + abs(o["x"] - 0.01) / 0.01 + abs(o["y"] - 0.1) / 0.1 + (o["z"] != "q")

    found = [value(o) for o in proposals(proposer, 60, value)]
    assert sorted(found[40:])[10] < sorted(found[:20])[10], "later proposals are better than the first, random ones"
    assert min(found) < 2.2


@pytest.mark.parametrize("seed", range(3))
def test_tpe_leads_away_from_what_has_no_value(tmp_path: Path, seed: int) -> None:
    """Only x below 10 reaches; a miss says how far it was."""
    proposer = Proposer("s", SearchSpace({"x": Ranged(Range(low=0.0, high=100.0))}), seed, tmp_path)
    xs = []
    for _ in range(50):
        proposal = proposer.ask()
        x = proposal.overrides["x"]
        xs.append(x)
        proposer.tell(proposal, 1.0 if x < 10 else None, x / 100, {"outcome": "ok"})
    assert sum(x < 20 for x in xs[25:]) > 12


def test_a_step_that_does_not_reach_high_warns_of_nothing(tmp_path: Path) -> None:
    space = SearchSpace({
        "i": Ranged(Range(low=1, high=10, step=4)), "f": Ranged(Range(low=0.0, high=0.5, step=0.2)),
    })  # fmt: skip
    found = proposals(Proposer("s", space, 0, tmp_path), 9)
    assert {o["i"] for o in found} == {1, 5, 9}
    assert {o["f"] for o in found} == {0.0, 0.2, 0.4}


def test_a_journal_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"optuna\.journal"):
        Proposer("s", SMALL, 0, tmp_path / "missing")
