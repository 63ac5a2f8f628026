"""The confirmation: the finalists and the baseline again, interleaved, in fresh processes with fresh seeds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from benchbench.executors.rounds import RoundsWatch
from benchbench.record.study import Trial
from benchbench.record.types import Outcome, Repeat, Run
from benchbench.scenario.scenario import Scenario
from benchbench.stats.intervals import Noise, ratio_with_misses
from benchbench.tuning.bench import Bench
from benchbench.tuning.budget import Budget, Pacing
from benchbench.tuning.diary import Diary, Entry
from benchbench.tuning.moments import Moment, Watch
from benchbench.tuning.objective import Objective
from benchbench.tuning.power import MOST_REPEATS, NOISE_DEGREES, repeats_to_decide
from benchbench.tuning.proposals import Proposer
from benchbench.tuning.setups import Question, Setup
from benchbench.tuning.space import identity
from benchbench.tuning.verdict import Evidence

_NARROW = (
    0.5  # of the expected speed-up is half the interval's width where repeats are added: the best is often flattered
)
_MOST_ROUNDS = 2 * MOST_REPEATS
_CAREFUL = 1.1  # times the noise that the search believes in, which is as likely too small as too large


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

    def followed_by(self, other: Confirmation) -> Confirmation:
        """This one and one after it, in which what both measured counts as the later one has it."""
        return replace(other, trials=(*self.trials, *other.trials), runs={**self.runs, **other.runs})


def finalists(setups: Sequence[Setup], proposer: Proposer, count: int, *, second: bool = False) -> list[Setup]:
    """The best candidates that reached and hold the constraints, best first, each once; without the baseline.

    The best are those that the model of all measurements holds best, never those with the luckiest training.

    Args:
        setups: what the search measured.
        proposer: holds the model.
        count: at most so many.
        second: of two objectives, by the second.
    """
    broken = {identity(s.trial.overrides) for s in setups[1:] if not s.holds}
    reached = [s for s in setups if s.trial.role == "candidate" and s.trial.objective is not None]
    reached = [s for s in reached if identity(s.trial.overrides) not in broken]
    reached = [s for s in reached if s.scenario != setups[0].scenario]  # the baseline may have been trained again
    candidates = list({identity(s.trial.overrides): s for s in reached}.values())
    overrides = [s.trial.overrides for s in candidates]
    standing = proposer.standing(overrides, second=True) if second else proposer.standing(overrides)
    own = [(s.trial.second_objective or math.inf) if second else s.value for s in candidates]
    worth = own if standing is None else standing.logs
    order = sorted(range(len(candidates)), key=lambda index: worth[index])
    return [candidates[index] for index in order[:count]]


def repeats_wanted(again: Sequence[Setup], proposer: Proposer, least: int, margin: float, confidence: float) -> int:
    """How many repeats of each setup are likely to decide between the first and the best of the others.

    As many as make the interval of their ratio, of Student's t at the noise that the search saw, narrower than the
    speed-up that it expects; decided before the confirmation begins, so that no look at it bends its verdict.

    Args:
        again: the baseline first.
        proposer: holds what the search saw.
        least: repeats that are wanted in any case.
        margin: setups whose ratio lies within it of 1 are the same: there is nothing to decide.
        confidence: of the verdict.
    """
    expected = expected_of(again, proposer, margin)
    if expected is None:
        return least
    return repeats_to_decide(*expected, least, confidence) or MOST_REPEATS


class Expected(NamedTuple):
    """What a search expects of a confirmation.

    Attributes:
        speedup: its logarithm, of the best over the baseline.
        noise: of the logarithm of a time, from repeat to repeat.
    """

    speedup: float
    noise: float


def expected_of(again: Sequence[Setup], proposer: Proposer, margin: float) -> Expected | None:
    """What the search expects; None where it has no model, or expects no difference.

    Args:
        again: the baseline first.
        proposer: holds what the search saw.
        margin: setups whose ratio lies within it of 1 are the same.
    """
    standing = proposer.standing([s.trial.overrides for s in again])
    if standing is None or len(again) < 2:
        return None
    speedup = standing.logs[0] - min(standing.logs[1:])
    return None if speedup < math.log1p(margin) else Expected(speedup, standing.noise)


@dataclass(frozen=True, kw_only=True)
class Doubt:
    """Whether repeats leave open what the search expected them to decide, because they differ more than it believed.

    Only how far they differ is looked at, never which setup is ahead: an interval whose number of repeats follows from
    their spread alone covers nearly as one whose number was fixed (Wittes and Brittain 1990, "The role of internal
    pilot studies", Statistics in Medicine 9; `tests/tuning/test_confirm.py` simulates ours).

    Attributes:
        objective: that is minimised.
        speedup: the logarithm of the one that the search expects.
        confidence: of the verdict.
        noise: believed beforehand.
    """

    objective: Objective
    speedup: float
    confidence: float
    noise: Noise | None

    def open(self, repeats: Sequence[Sequence[Repeat]]) -> bool:
        """Whether the interval of the speed-up is too wide yet.

        Args:
            repeats: of the baseline, of the best finalist, and of what else is measured.
        """
        if max(map(len, repeats)) >= _MOST_ROUNDS:
            return False
        baseline, best = (Evidence.of_repeats(of, self.objective) for of in repeats[:2])
        found = ratio_with_misses(baseline.all_values, best.all_values, self.confidence, self.noise)
        if found is None or found.low is None or found.high is None:
            return False  # a repeat that missed the target leaves it without a bound, however many follow
        return math.log(found.high / found.low) / 2 > _NARROW * self.speedup


def noise_of(again: Sequence[Setup], proposer: Proposer, question: Question) -> Noise | None:
    """What the search says of the noise of whole trainings; None where it has no model, or nothing was trained.

    Args:
        again: what is confirmed.
        proposer: holds the model.
        question: what is searched; under a proxy its noise is not the scenario's own.
    """
    if not again or not question.objective.reaches or question.scenario.search.proxy:
        return None
    standing = proposer.standing([s.trial.overrides for s in again])
    return None if standing is None else Noise(deviation=_CAREFUL * standing.noise, degrees=NOISE_DEGREES)


def doubt_of(again: Sequence[Setup], proposer: Proposer, question: Question, confidence: float) -> Doubt | None:
    """When the planned repeats leave it open; None where there is nothing to decide.

    Args:
        again: what is confirmed, the baseline first.
        proposer: holds what the search saw.
        question: what is searched.
        confidence: of the verdict.
    """
    objective = question.objective
    expected = expected_of(again, proposer, objective.margin)
    if expected is None:
        return None
    noise = noise_of(again[1:], proposer, question)
    return Doubt(objective=objective, speedup=expected.speedup, confidence=confidence, noise=noise)


def setups_to_confirm(setups: Sequence[Setup], chosen: Sequence[Setup]) -> list[Setup]:
    """The baseline, if a training of it fits, and the finalists; none at all when there is nothing to decide.

    Without a finalist the baseline alone is measured again, if it has a value and was compared with something.
    """
    baseline = [s for s in setups[:1] if s.trained and not s.cut_short]
    if chosen:
        return [*baseline, *chosen]
    compared = any(s.trained for s in setups[1:])
    return [s for s in baseline if compared and s.trial.objective is not None]


@dataclass(frozen=True, kw_only=True)
class Again:
    """What a confirmation measures.

    Attributes:
        setups: the baseline (where it can be measured again) and the finalists.
        first_index: of the repeats, so that no seed was the search's.
        repeats: that are wanted of each.
        doubt: whether more are wanted once they are measured; None for no more.
    """

    setups: Sequence[Setup]
    first_index: int
    repeats: int
    doubt: Doubt | None = None


def confirm(again: Again, bench: Bench, question: Question, pacing: Pacing, diary: Diary, watch: Watch) -> Confirmation:
    """Measures setups again, as often as what is left of the budget pays for.

    Args:
        again: what to measure.
        bench: how.
        question: what is searched.
        pacing: how to spend what is left of the budget.
        diary: the search's.
        watch: is told what happens.

    Raises:
        StoreError: a run could not be stored.
    """
    budget = pacing.budget
    setups, first_index = again.setups, again.first_index
    repeats, allowance = pacing.confirmation([s.cost for s in setups], again.repeats)
    if repeats < 1:
        return Confirmation(wanted=pacing.repeats)
    scenarios = [s.scenario for s in setups if s.scenario is not None]
    assert len(scenarios) == len(setups)
    started_s = budget.spent_s

    def further(measured: Sequence[Sequence[Repeat]]) -> bool:
        doubted = again.doubt is not None and again.doubt.open(measured)
        return doubted and pacing.confirmation([s.cost for s in setups], 1)[0] > 0

    tell = _teller(setups, budget, (first_index, repeats), watch)
    interrupted, runs = False, []
    try:
        runs = bench.measure(
            scenarios, allowance, tell, repeats=repeats, first_index=first_index, test_split=True, further=further
        )
    except KeyboardInterrupt:
        interrupted = True
    span_s = (started_s, budget.spent_s)
    if runs and not interrupted:
        best = setups[-1].trial
        kept: dict[str, Any] = {"run_ids": tuple(run.id for run in runs)} if bench.kept else {"runs": tuple(runs)}
        diary.add(
            Entry(
                number=best.number,
                overrides=best.overrides,
                role="confirmation",
                index=first_index,
                started_s=span_s[0],
                ended_s=span_s[1],
                **kept,
            )
        )
    found = confirmed(setups, runs, question, span_s, repeats)
    return replace(found, wanted=pacing.repeats, interrupted=found.interrupted or interrupted)


def confirmed(
    setups: Sequence[Setup], runs: Sequence[Run], question: Question, span_s: tuple[float, float], planned: int
) -> Confirmation:
    """A confirmation that was measured.

    Args:
        setups: that were measured again.
        runs: of them, those of which a repeat ended.
        question: what is searched.
        span_s: start and end, seconds of the budget.
        planned: repeats of each.
    """
    return Confirmation(
        trials=tuple(_trial(_setup_of(run, setups), run, question, span_s) for run in runs),
        runs={_setup_of(run, setups).trial.number: run for run in runs},
        planned=planned,
        interrupted=any(r.outcome is Outcome.INTERRUPTED for run in runs for r in run.repeats),
    )


def _teller(again: Sequence[Setup], budget: Budget, counted: tuple[int, int], watch: Watch) -> RoundsWatch:
    """Translates what the rounds say into a search's moments."""

    def tell(scenario: Scenario, index: int, what: Mapping[str, Any]) -> None:
        """Tells of one event of one repeat."""
        first_index, repeats = counted
        number = index - first_index + 1
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
                message=f"repeat {number} of {max(number, repeats)}",
                what=what,
            )
        )

    return tell


def _setup_of(run: Run, again: Sequence[Setup]) -> Setup:
    return next(s for s in again if s.scenario == run.scenario)


def _trial(setup: Setup, run: Run, question: Question, span_s: tuple[float, float]) -> Trial:
    evidence = Evidence.of(run, question.objective)
    other = Evidence() if question.second is None else Evidence.of(run, question.second)
    breaches = question.limits.breaches(run.repeats)
    return Trial(
        number=setup.trial.number,
        overrides=setup.trial.overrides,
        role="confirmation",
        outcome=run.outcome,
        failure=run.failure,
        note="; ".join(breaches) or None,
        run_id=run.id,
        objective=evidence.median if evidence.reached else None,
        second_objective=other.median if other.reached else None,
        breaches=breaches,
        reached_target=evidence.reached if question.objective.reaches and evidence.known else None,
        started_s=span_s[0],
        ended_s=span_s[1],
    )
