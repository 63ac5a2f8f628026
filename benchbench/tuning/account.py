"""Explaining and accounting: which knob the speedup comes from, what the search cost, and when it pays."""

from __future__ import annotations

from benchbench.record.study import Attribution, Economics
from benchbench.record.types import Run
from benchbench.scenario.engines import value_at
from benchbench.scenario.knobs import knobs_of
from benchbench.scenario.scenario import Scenario
from benchbench.stats.estimate import Estimate
from benchbench.tuning.space import plain


def attribution(baseline: Scenario, recommended: Scenario, speedup: Estimate | None) -> tuple[Attribution, ...]:
    """The knobs' parts of the speedup, where they are known without more measuring: when one knob alone differs."""
    differing = [k for k in knobs_of(Scenario) if value_at(baseline, k.key) != value_at(recommended, k.key)]
    if speedup is None or len(differing) != 1:
        return ()
    (knob,) = differing
    before, after = (plain(value_at(scenario, knob.key)) for scenario in (baseline, recommended))
    return (
        Attribution.model_validate(
            {"lever": knob.lever, "key": knob.key, "from": before, "to": after, "speedup": speedup}
        ),
    )


def economics(
    search_s: float, baseline_s: Estimate | None, recommended_s: Estimate | None, *, proved: bool
) -> Economics:
    """What the search cost and, where the speedup is proved, what it saves; a saving that may be none is unknown.

    Args:
        search_s: seconds that the search took.
        baseline_s: one training as it is today.
        recommended_s: one training as recommended.
        proved: whether the verdict is *faster*.
    """
    if not proved or baseline_s is None or recommended_s is None:
        return Economics(search_s=search_s)
    saved_s = baseline_s.value - recommended_s.value
    return Economics(
        search_s=search_s,
        saved_per_training_s=saved_s,
        break_even_trainings=search_s / saved_s if saved_s > 0 else None,
    )


def run_ids(*runs: Run | None) -> tuple[str, ...]:
    """The ids of those runs that there are, each once."""
    return tuple(dict.fromkeys(run.id for run in runs if run is not None))
