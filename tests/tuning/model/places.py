"""Spaces, setups and readings for tests of the model."""

from __future__ import annotations

from typing import Any

from benchbench.record.study import Overrides
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.search_types import Range
from benchbench.tuning.model.encoding import Encoding
from benchbench.tuning.model.factored import Factored
from benchbench.tuning.model.readings import Reading
from benchbench.tuning.space import Listed, Ranged, SearchSpace

BATCH, RATE, PRECISION = "training.global_batch", "training.optimizer.learning_rate", "precision"
SPACE = SearchSpace({
    BATCH: Listed((16, 32, 64)),
    RATE: Ranged(Range(low=1e-5, high=1e-1, log=True)),
    PRECISION: Listed(("fp32", "bf16")),
})  # fmt: skip
BASELINE: Overrides = {BATCH: 32, RATE: 1e-3, PRECISION: "fp32"}


def scenario(**changes: Any) -> Scenario:
    """A scenario that trains to a target."""
    return Scenario.model_validate({
        "name": "s", "model": {"family": "bert", "size": "tiny"}, "task": "sequence-classification",
        "target": {"metric": "accuracy", "at_least": 0.9}, **changes,
    })  # fmt: skip


ENCODING = Encoding(scenario(), SPACE)


def setup(**changes: Any) -> Overrides:
    """The baseline with another batch, rate or precision."""
    names = {"batch": BATCH, "rate": RATE, "precision": PRECISION}
    return {**BASELINE, **{names[name]: value for name, value in changes.items()}}


def trained(of: Overrides, *, step_s: float = 0.1, **told: Any) -> Reading:
    """A training that reached in 100 steps, or what is told of it."""
    known: dict[str, Any] = {"steps": 100.0, "training_s": 10.0, "cost_s": 12.0} if not told else {}
    return Reading(overrides=of, trained=True, step_s=step_s, **{**known, **told})


def probed(of: Overrides, step_s: float) -> Reading:
    """A probe."""
    return Reading(overrides=of, trained=False, step_s=step_s, cost_s=3.0)


def fitted(*readings: Reading, trains: bool = True, encoding: Encoding = ENCODING, seed: int = 0) -> Factored:
    """The model of readings, for a pool of the setups that they are of."""
    pool = encoding.encode([r.overrides for r in readings])
    baseline = encoding.encode([readings[0].overrides])
    return Factored.of(encoding, pool, readings, (seed,), trains=trains, baseline=baseline)
