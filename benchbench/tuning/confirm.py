"""The confirmation: the finalists and the baseline again, interleaved, in fresh processes with fresh seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchbench.executors.rounds import RoundsWatch
from benchbench.record.study import Trial
from benchbench.record.types import Outcome, Run
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.bench import Bench
from benchbench.tuning.budget import Budget, Pacing
from benchbench.tuning.moments import Moment, Watch
from benchbench.tuning.objective import Objective
from benchbench.tuning.setups import Setup
from benchbench.tuning.verdict import Evidence

_FIRST_INDEX = 1  # the search measured every setup with index 0


@dataclass(frozen=True, kw_only=True)
class Confirmation:
    """What a confirmation measured.

    Attributes:
        trials: one for every setup that was measured again, with the number of its trial in the search.
        runs: their runs, by the number of the setup's trial in the search.
        wanted: repeats of each that were wanted;  planned: that the budget paid for.
        interrupted: whether the user stopped it.
    """

    trials: tuple[Trial, ...] = ()
    runs: Mapping[int, Run] = field(default_factory=dict)
    wanted: int = 0
    planned: int = 0
    interrupted: bool = False


def finalists(setups: Sequence[Setup], count: int) -> list[Setup]:
    """The candidates with the best values, best first; the baseline is not one of them."""
    candidates = [s for s in setups if s.trial.role == "candidate" and s.trial.objective is not None]
    return sorted(candidates, key=lambda s: s.value)[:count]


def setups_to_confirm(setups: Sequence[Setup], chosen: Sequence[Setup]) -> list[Setup]:
    """The baseline, if it can be measured again, and the finalists; none at all when there is nothing to decide.

    Without a finalist the baseline alone is measured again, if it has a value and was compared with something.
    """
    baseline = [s for s in setups[:1] if s.trained]
    if chosen:
        return [*baseline, *chosen]
    compared = any(s.trained for s in setups[1:])
    return [s for s in baseline if compared and s.trial.objective is not None]


def confirm(
    again: Sequence[Setup], bench: Bench, objective: Objective, budget: Budget, pacing: Pacing, watch: Watch
) -> Confirmation:
    """Measures setups again, as often as what is left of the budget pays for.

    Args:
        again: the baseline (where it can be measured again) and the finalists.
        bench: how to measure.
        objective: what is minimised.
        budget: running.
        pacing: how to spend it.
        watch: is told what happens.

    Raises:
        StoreError: a run could not be stored.
    """
    repeats, allowance = pacing.confirmation([s.cost for s in again])
    if repeats < 1:
        return Confirmation(wanted=pacing.repeats)
    scenarios = [s.scenario for s in again if s.scenario is not None]
    assert len(scenarios) == len(again)
    started_s = budget.spent_s

    tell = _teller(again, budget, repeats, watch)
    interrupted, runs = False, []
    try:
        runs = bench.measure(scenarios, allowance, tell, repeats=repeats, first_index=_FIRST_INDEX, test_split=True)
    except KeyboardInterrupt:
        interrupted = True
    by_number = {_setup_of(run, again).trial.number: run for run in runs}
    ended_s = budget.spent_s
    return Confirmation(
        trials=tuple(_trial(_setup_of(run, again), run, objective, (started_s, ended_s)) for run in runs),
        runs=by_number,
        wanted=pacing.repeats,
        planned=repeats,
        interrupted=interrupted or any(r.outcome is Outcome.INTERRUPTED for run in runs for r in run.repeats),
    )


def _teller(again: Sequence[Setup], budget: Budget, repeats: int, watch: Watch) -> RoundsWatch:
    """Translates what the rounds say into a search's moments."""

    def tell(scenario: Scenario, index: int, what: Mapping[str, Any]) -> None:
        """Tells of one event of one repeat."""
        trial = next(s.trial for s in again if s.scenario == scenario)
        event = what.get("event")
        watch(
            Moment(
                event=event if event in ("start", "end") else "progress",
                role="confirmation",
                number=trial.number,
                overrides=trial.overrides,
                left_s=max(0.0, budget.left_s),
                best=trial.objective,
                message=f"repeat {index - _FIRST_INDEX + 1} of {repeats}",
                what=what,
            )
        )

    return tell


def _setup_of(run: Run, again: Sequence[Setup]) -> Setup:
    return next(s for s in again if s.scenario == run.scenario)


def _trial(setup: Setup, run: Run, objective: Objective, span_s: tuple[float, float]) -> Trial:
    evidence = Evidence.of(run, objective)
    return Trial(
        number=setup.trial.number,
        overrides=setup.trial.overrides,
        role="confirmation",
        outcome=run.outcome,
        failure=run.failure,
        run_id=run.id,
        objective=evidence.median if evidence.reached else None,
        reached_target=evidence.reached if objective.reaches and evidence.known else None,
        started_s=span_s[0],
        ended_s=span_s[1],
    )
