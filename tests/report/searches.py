"""A study of many trials, as a real search leaves one: several settings, some failed, some without a value."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchbench.record.study import Attribution, Importance, Overrides, Study, Trial
from benchbench.record.types import Failure, Outcome
from benchbench.scenario.knobs import Lever
from benchbench.scenario.scenario import Scenario
from benchbench.stats.estimate import Estimate
from tests.report.records import TARGET, scenario, study

RATE = "training.optimizer.learning_rate"
BEST: Overrides = {"precision": "bf16", "training.global_batch": 64, "data.batching": "bucket", RATE: 0.0014}


def part(lever: Lever, key: str, before: Any, after: Any, value: float) -> Attribution:
    speedup = Estimate(value=value, low=0.92 * value, high=value / 0.92, confidence=0.95, n=1, unit="x")
    return Attribution.model_validate({"lever": lever, "key": key, "from": before, "to": after, "speedup": speedup})


PARTS = (
    part(Lever.SOFTWARE, "precision", "fp32", "bf16", 1.25),
    part(Lever.SOFTWARE, "data.batching", "pad", "bucket", 1.3),
    part(Lever.ALGORITHM, "training.global_batch", 32, 64, 0.9),
    part(Lever.ALGORITHM, RATE, 0.001, 0.0014, 1.2),
)


def trials(count: int = 24, run_ids: Sequence[str] = ()) -> tuple[Trial, ...]:
    rng = np.random.default_rng(1)
    made = []
    for number in range(count):
        overrides: Overrides = {
            "precision": ("fp32", "bf16")[number % 2],
            "training.global_batch": (16, 32, 64, 128)[number // 2 % 4],
            "data.batching": ("pad", "bucket", "pack")[number % 3],
            RATE: float(f"{np.exp(rng.uniform(np.log(1e-4), np.log(1e-2))):.3g}"),
        }
        outcome = {5: Outcome.OOM, 9: Outcome.REFUSED, 13: Outcome.DIVERGED}.get(number, Outcome.OK)
        has_value = outcome is Outcome.OK and number not in (7, 15)
        made.append(
            Trial(
                number=number,
                overrides=overrides,
                role="baseline" if number == 0 else "candidate",
                outcome=outcome,
                failure=None if outcome is Outcome.OK else Failure(kind=outcome.value, message="no memory"),
                objective=float(rng.uniform(3, 9)) if has_value else None,
                predicted=float(rng.uniform(3, 9)) if number > 3 else None,
                reached_target=has_value,
                run_id=run_ids[number % len(run_ids)] if run_ids else None,
                started_s=10.0 * number,
                ended_s=10.0 * number + 9,
            )
        )
    return tuple(made)


def searched(
    runs: Mapping[str, Path] = {},
    *,
    of: Scenario | None = None,
    attribution: tuple[Attribution, ...] = PARTS,
    speedup: float | None = 1.83,
    **changes: Any,
) -> Study:
    """The study, its trials' runs being those of `runs`."""
    base = study(runs, of=of or scenario(**TARGET), attribution=attribution)
    whole = None
    if speedup is not None:
        whole = Estimate(value=speedup, low=0.9 * speedup, high=1.1 * speedup, confidence=0.95, n=3, unit="x")
    found = base.recommendation.model_copy(update={"overrides": BEST, "speedup": whole})
    shares = {"data.batching": 0.5, "precision": 0.3, RATE: 0.15, "training.global_batch": 0.05}
    own: dict[str, Any] = {
        "trials": trials(run_ids=[folder.name for folder in runs.values()]),
        "recommendation": found,
        "importance": Importance(by="model", shares=shares),
        "budget_s": 300.0,
        "spent_s": 250.0,
    }
    return base.model_copy(update={**own, **changes})
