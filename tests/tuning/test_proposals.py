from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest

from benchbench.errors import StoreError
from benchbench.record.study import Overrides
from benchbench.scenario.search_types import Range
from benchbench.tuning.method import Field, Means, Plan
from benchbench.tuning.model.readings import Reading
from benchbench.tuning.proposals import CONSTRAINT, JOURNAL, Found, Proposal, Proposer
from benchbench.tuning.space import Axis, Listed, Ranged, SearchSpace, identity
from benchbench.tuning.stop import Stop
from tests.tuning.model.places import scenario

SMALL = {"batch": Listed((8, 16, 32)), "name": Listed(("a", None, "b")), "one": Listed((1.0,))}
BASELINE: Overrides = {"batch": 16, "name": None, "one": 1.0}
MEANS = Means(left_s=1e6, startup_s=1.0, repeats=3, baseline_s=10.0)


def proposer(folder: Path, axes: dict[str, Axis], seed: int = 0, method: str = "tpe", **of: Any) -> Proposer:
    asked = scenario(search={"method": method})
    field = Field(
        scenario=asked, space=SearchSpace(axes), baseline=of.pop("baseline", {}), trains=True, seed=seed,
        legal=of.pop("legal", lambda _: True),
    )  # fmt: skip
    return Proposer("s", field, folder, **of)


def ask(of: Proposer) -> Proposal:
    found = of.ask(MEANS)
    assert isinstance(found, Proposal)
    return found


def proposals(of: Proposer, count, value=lambda overrides: 1.0) -> list[Overrides]:
    found = []
    for _ in range(count):
        proposal = ask(of)
        found.append(proposal.overrides)
        of.tell(proposal, Found((value(proposal.overrides),), 1.0), {"outcome": "ok"}, None)
    return found


def trials(folder: Path) -> list[optuna.trial.FrozenTrial]:
    storage = optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(str(folder / JOURNAL)))
    return optuna.load_study(study_name="s", storage=storage).trials


def test_every_setup_of_a_finite_space_is_proposed_once(tmp_path: Path) -> None:
    of = proposer(tmp_path, SMALL)
    found = proposals(of, 9)
    assert of.ask(MEANS) is Stop.EXHAUSTED
    assert len({identity(o) for o in found}) == 9
    assert all(list(o) == ["batch", "name", "one"] for o in found)
    assert {type(o["batch"]) for o in found} == {int}
    assert {type(o["one"]) for o in found} == {float}


def test_a_baseline_of_the_space_is_trial_nought_and_not_proposed_again(tmp_path: Path) -> None:
    of = proposer(tmp_path, SMALL)
    first = of.baseline(BASELINE, tells=True)
    assert first == Proposal(0, BASELINE)
    of.tell(first, Found((3.0,), 1.0), {}, None)
    assert BASELINE not in proposals(of, 8)
    assert of.ask(MEANS) is Stop.EXHAUSTED


@pytest.mark.parametrize("baseline", [{"batch": "auto", "name": "a", "one": 1.0}, BASELINE])
def test_a_baseline_that_tells_nothing_of_the_space_does_not_take_a_place_in_it(
    tmp_path: Path, baseline: Overrides
) -> None:
    of = proposer(tmp_path, SMALL)
    of.tell(of.baseline(baseline, tells=False), Found((3.0,), 1.0), {}, None)
    assert len({identity(o) for o in proposals(of, 9)}) == 9
    assert of.ask(MEANS) is Stop.EXHAUSTED


def test_what_may_not_be_is_never_proposed(tmp_path: Path) -> None:
    of = proposer(tmp_path, SMALL, legal=lambda setup: setup["batch"] != 16)
    found = proposals(of, 6)
    assert of.ask(MEANS) is Stop.EXHAUSTED
    assert len({identity(o) for o in found}) == 6
    assert 16 not in {o["batch"] for o in found}


@pytest.mark.parametrize("seed", range(3))
def test_tpe_leads_to_the_best_region_of_a_continuum(tmp_path: Path, seed: int) -> None:
    axes: dict[str, Axis] = {k: Ranged(Range(low=1e-4, high=1.0, log=True)) for k in ("x", "y")}
    of = proposer(tmp_path, {**axes, "z": Listed(("p", "q", "r"))}, seed)

    def value(o: Overrides) -> float:
        return 1 + abs(o["x"] - 0.01) / 0.01 + abs(o["y"] - 0.1) / 0.1 + (o["z"] != "q")

    found = [value(o) for o in proposals(of, 60, value)]
    assert sorted(found[40:])[10] < sorted(found[:20])[10], "later proposals are better than the first, random ones"
    assert min(found) < 2.2


@pytest.mark.parametrize("seed", range(3))
def test_tpe_leads_away_from_what_has_no_value(tmp_path: Path, seed: int) -> None:
    """Only x below 10 reaches; a miss says how far it was."""
    of = proposer(tmp_path, {"x": Ranged(Range(low=0.0, high=100.0))}, seed)
    xs = []
    for _ in range(50):
        proposal = ask(of)
        x = proposal.overrides["x"]
        xs.append(x)
        of.tell(proposal, Found((1.0,) if x < 10 else None, x / 100), {"outcome": "ok"}, None)
    assert sum(x < 20 for x in xs[25:]) > 12


def test_a_step_that_does_not_reach_high_warns_of_nothing(tmp_path: Path) -> None:
    axes: dict[str, Axis] = {
        "i": Ranged(Range(low=1, high=10, step=4)), "f": Ranged(Range(low=0.0, high=0.5, step=0.2)),
    }  # fmt: skip
    found = proposals(proposer(tmp_path, axes), 9)
    assert {o["i"] for o in found} == {1, 5, 9}
    assert {o["f"] for o in found} == {0.0, 0.2, 0.4}


def test_a_training_without_a_value_has_a_constraint_and_a_probe_has_none(tmp_path: Path) -> None:
    of = proposer(tmp_path, SMALL)
    missed, probe, reached = (ask(of) for _ in range(3))
    of.tell(missed, Found(None, 0.5), {"outcome": "ok"}, Reading(overrides=missed.overrides, trained=True, step_s=0.1))
    of.tell(probe._replace(plan=Plan(probe=True)), Found(None, 0.5), {"outcome": "ok"}, None)
    of.tell(reached, Found((3.0,), 1.0), {"outcome": "ok"}, None)
    found = trials(tmp_path)
    assert [t.state.name for t in found] == ["PRUNED", "PRUNED", "COMPLETE"]
    assert [t.constraints for t in found[:2]] == [{CONSTRAINT: 0.5}, {}]
    assert found[0].user_attrs["reading"]["step_s"] == 0.1
    assert "reading" not in found[1].user_attrs


def test_what_was_abandoned_may_be_proposed_again(tmp_path: Path) -> None:
    of = proposer(tmp_path, {"batch": Listed((8,))})
    of.abandon(ask(of), {"failure": "no time was left"})
    assert proposals(of, 1) == [{"batch": 8}]
    assert [t.state.name for t in trials(tmp_path)] == ["FAIL", "COMPLETE"]


def test_the_scenario_names_the_method(tmp_path: Path) -> None:
    axes: dict[str, Axis] = {"training.global_batch": Listed((8, 16, 32))}
    of = proposer(tmp_path, axes, method="factored", baseline={"training.global_batch": 8})
    told = Reading(overrides={"training.global_batch": 8}, trained=True, step_s=1.0, steps=100, training_s=100.0)
    of.tell(of.baseline({"training.global_batch": 8}, tells=True), Found((100.0,), 1.0), {}, told)
    assert ask(of).plan.why


def test_a_journal_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"optuna\.journal"):
        proposer(tmp_path / "missing", SMALL)
