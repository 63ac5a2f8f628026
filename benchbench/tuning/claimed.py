"""What a claim says beside the time: the metrics on the test split, and how often the target is reached."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchbench.record.types import Outcome, Run
from benchbench.stats.estimate import Estimate
from benchbench.stats.intervals import of_scores, wilson
from benchbench.tuning.objective import Objective, is_miss
from benchbench.tuning.setups import was_cut

_TEST = "test_"
_SHARES = ("accuracy", "f1", "exact_match", "precision", "recall")


def test_metrics(run: Run | None) -> dict[str, Estimate]:
    """The metrics of a run's repeats on the test split, over those that were scored on it; none where none was."""
    if run is None:
        return {}
    scored: dict[str, list[float]] = {}
    for repeat in (r for r in run.repeats if r.outcome is Outcome.OK):
        for name, value in repeat.final_metrics.items():
            if name.startswith(_TEST) and math.isfinite(value):
                scored.setdefault(name.removeprefix(_TEST), []).append(value)
    confidence = run.scenario.measure.confidence
    return {
        name: of_scores(values, confidence, 1.0 if any(share in name for share in _SHARES) else math.inf)
        for name, values in sorted(scored.items())
    }


def reach_rate(
    searched: Sequence[Run], confirmed: Run | None, objective: Objective, confidence: float
) -> Estimate | None:
    """How often a setup reaches the target, over all its seeds; None where nothing says.

    A training of the search that a deadline cut short says nothing; in a confirmation, whose deadlines are wide, it
    is a miss.

    Args:
        searched: the setup's trainings in the search.
        confirmed: its run in the confirmation.
        objective: what was minimised.
        confidence: of the interval.
    """
    if not objective.reaches:
        return None
    repeats = [r for run in searched for r in run.repeats if not was_cut(r, run.scenario)]
    repeats += [] if confirmed is None else confirmed.repeats
    reached = sum(r.outcome is Outcome.OK and r.reach is not None and r.reach.reached for r in repeats)
    tried = reached + sum(is_miss(r) for r in repeats)
    return wilson(reached, tried, confidence) if tried else None
