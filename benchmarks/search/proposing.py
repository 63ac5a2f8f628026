"""What a proposal of the factored search costs on a continuum (`python -m benchmarks.search.proposing`).

CPU seconds by how much was measured before, of a method that is told readings of setups drawn at random. Under 1 % of
the budget at 1,000 trials of 30 s is 0.3 s a trial, on a machine that does nothing else.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import numpy as np

from benchbench.record.study import Overrides
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.method import Field, Means
from benchbench.tuning.methods.factored import FactoredMethod
from benchbench.tuning.model.encoding import BATCH, RATE
from benchbench.tuning.model.readings import Reading
from benchbench.tuning.space import space_of

RESULT = Path(__file__).parents[1] / "results" / "proposing.json"
TRIALS, EVERY = 1000, 25
_SPACE = {
    BATCH: [16, 32, 64, 128], RATE: {"low": 1e-5, "high": 1e-2, "log": True}, "precision": ["fp32", "bf16"],
    "training.optimizer.weight_decay": {"low": 0.0, "high": 0.1}, "training.attention": ["auto", "eager", "sdpa"],
}  # fmt: skip


def main() -> None:
    """Measures, and writes the record."""
    plain = Scenario.model_validate({
        "name": "continuum", "model": {"family": "bert", "size": "tiny"}, "task": "sequence-classification",
        "target": {"metric": "accuracy", "at_least": 0.9},
    })  # fmt: skip
    scenario = vary(plain, {"search.space": _SPACE})
    space = space_of(scenario)
    baseline = space.of(scenario)
    asked = Field(
        scenario=scenario, space=space, legal=lambda _: True, baseline=baseline, trains=True, seed=0
    )  # fmt: skip
    method, random = FactoredMethod(asked), np.random.default_rng(0)
    means = Means(left_s=1e6, startup_s=2.0, repeats=3, baseline_s=40.0)
    method.saw(baseline, _reading(baseline, random))
    found: dict[int, float] = {}
    for trial in range(1, TRIALS + 1):
        if trial % EVERY == 0:
            began_s = time.process_time()
            method.plan(means)
            found[trial] = time.process_time() - began_s
            method.take()
        setup = space.drawn(random)
        method.saw(setup, _reading(setup, random))
    document = {"mean_s": float(np.mean(list(found.values()))), "by_trials_s": found}
    RESULT.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(document, indent=1))


def _reading(setup: Overrides, random: np.random.Generator) -> Reading:
    """A training whose steps follow the batch and a bowl over the learning rate, with noise."""
    batch, rate = setup[BATCH], setup[RATE]
    assert isinstance(batch, int)
    assert isinstance(rate, float)
    step_s = 0.1 * (batch / 32) ** 0.7 * (0.8 if setup["precision"] == "bf16" else 1.0)
    bowl = min(3.0, math.log10(rate / 5e-4) ** 2)
    steps = 100 * (1 + 64 / batch) * math.exp(bowl + 0.1 * float(random.standard_normal()))
    return Reading(
        overrides=setup, trained=True, step_s=step_s, steps=steps, cost_s=2 + steps * step_s, training_s=steps * step_s
    )


if __name__ == "__main__":
    main()
