"""Runs side by side: whether they ask the same question, what they are compared in, and what that says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from benchbench.errors import InputError
from benchbench.record import differences
from benchbench.record.differences import Leaf
from benchbench.record.speed import HIGHER_IS_BETTER, Metric, log_mean, refuse_damaged, values_of
from benchbench.record.summary import Summary, measured, summarize
from benchbench.record.types import Outcome, Run, RunWarning
from benchbench.stats import comparison as decide
from benchbench.stats.comparison import Verdict
from benchbench.stats.estimate import Estimate
from benchbench.stats.intervals import ratio_of, ratio_with_misses
from benchbench.values import Observed


class Side(Observed):
    """One of the runs of a pair.

    Attributes:
        id: the run's.
        name: its scenario's.
        outcome: its own; a repeat that failed is left out of the figures.
        value: of the pair's metric, over its repeats.
        values: one a repeat; None is a miss of the target.
        reach_rate: the share of its repeats that reached the target; None where none was trained for.
    """

    id: str
    name: str
    outcome: Outcome
    value: Estimate
    values: tuple[float | None, ...]
    reach_rate: float | None


class Pair(Observed):
    """B against A.

    Attributes:
        metric: what is compared.
        ratio: of B over A, with an interval that allows for the number of comparisons.
        verdict: speaks of B.
        more_repeats: of each side, that would decide an inconclusive verdict nine times in ten; None otherwise, and
            where no affordable number would.
        target_lost: whether B does not reach the target that A reaches: then its speed is no gain.
        settings: what differs in the scenarios, as (A's, B's).
        environment: what differs in machine, software and what the trainers reported.
        warnings: what a reader of the ratio must know.
        notes: what else is to be said.
    """

    a: Side
    b: Side
    metric: Metric
    ratio: Estimate
    verdict: Verdict
    threshold: float
    more_repeats: int | None
    target_lost: bool
    settings: dict[str, tuple[Leaf, Leaf]]
    environment: dict[str, tuple[Leaf, Leaf]]
    warnings: tuple[RunWarning, ...]
    notes: tuple[str, ...]

    @property
    def doubtful(self) -> bool:
        """Whether repeats of either run are not to be trusted, or one alone says nothing of its spread."""
        return bool({"suspect", "single-repeat"} & {warning.code for warning in self.warnings})


class Comparison(Observed):
    """Every run against the first.

    Attributes:
        pairs: one for each of the others, in their order.
        threshold: how far from 1 a ratio must be to matter.
        confidence: of all verdicts together.
    """

    pairs: tuple[Pair, ...]
    threshold: float
    confidence: float

    @property
    def slower(self) -> bool:
        """Whether a run is slower than the first beyond doubt, or lost the target that it reaches."""
        return any((pair.verdict == "slower" and not pair.doubtful) or pair.target_lost for pair in self.pairs)

    def answer(self, report: str | None) -> dict[str, Any]:
        """The document of `compare --json`: the keys of the first pair, and all pairs."""
        pairs = [pair.document() for pair in self.pairs]
        first = {key: pairs[0][key] for key in ("metric", "ratio", "verdict", "threshold", "more_repeats")}
        correction = {"method": "bonferroni", "comparisons": len(pairs), "confidence": self.confidence}
        return {"schema": 1, "report": report, **first, "correction": correction, "comparisons": pairs}


def compare(runs: Sequence[Run], threshold: float, *, across_machines: bool = False) -> Comparison:
    """Compares every run with the first.

    Args:
        runs: two or more.
        threshold: how far from 1 a ratio must be to matter, such as 0.02.
        across_machines: allow for different hardware.

    Raises:
        InputError: they ask different questions, or were measured on different hardware.
        RecordError: a run has nothing to compare, or a number in it is none.
    """
    first, *others = runs
    for run in runs:
        refuse_damaged(run)
    for other in others:
        _check(first, other, across_machines=across_machines)
    confidence = max(run.scenario.measure.confidence for run in runs)
    each = decide.family_confidence(confidence, len(others))
    pairs = tuple(_pair(first, other, threshold, each) for other in others)
    return Comparison(pairs=pairs, threshold=threshold, confidence=confidence)


def every_pair(runs: Sequence[Run], threshold: float) -> dict[tuple[int, int], Pair]:
    """Each run against each other one, both ways round.

    Args:
        runs: that `compare` compared.
        threshold: as for `compare`.

    Returns:
        By the places of A and of B in `runs`; the intervals allow for the number of pairs, not counting both ways.
    """
    confidence = max(run.scenario.measure.confidence for run in runs)
    each = decide.family_confidence(confidence, len(runs) * (len(runs) - 1) // 2)
    places = [(a, b) for a in range(len(runs)) for b in range(len(runs)) if a != b]
    return {(a, b): _pair(runs[a], runs[b], threshold, each) for a, b in places}


def _check(a: Run, b: Run, *, across_machines: bool) -> None:
    mine, theirs = differences.question(a.scenario), differences.question(b.scenario)
    for key, value in mine.items():
        if value != theirs[key]:
            raise InputError(
                f"{a.id} and {b.id} ask different questions: {_shown(value)} and {_shown(theirs[key])}; two runs may "
                "be compared when model, task, data source and target are the same",
                key=key,
            )
    if a.machine.fingerprint != b.machine.fingerprint and not across_machines:
        parts = differences.different(differences.hardware(a), differences.hardware(b))
        told = "; ".join(f"{key} {x} and {y}" for key, (x, y) in parts.items())
        raise InputError(
            f"{a.id} and {b.id} were measured on different machines ({told}); add --across-machines if that is meant"
        )


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {v}" for k, v in value.items() if v is not None) + "}"
    return "none" if value is None else str(value)


def _pair(a: Run, b: Run, threshold: float, confidence: float) -> Pair:
    summaries = summarize(a), summarize(b)
    metric = _metric(a, b, *summaries)
    first, second = values_of(a, metric), values_of(b, metric)
    ratio = _ratio(metric, (a, first), (b, second), confidence)
    verdict = decide.verdict(ratio, threshold, higher_is_better=metric in HIGHER_IS_BETTER)
    lost = summaries[0].reached_target is True and summaries[1].reached_target is False
    return Pair(
        a=_side(a, summaries[0], metric, first),
        b=_side(b, summaries[1], metric, second),
        metric=metric,
        ratio=ratio,
        verdict=verdict,
        threshold=threshold,
        more_repeats=_more(first, second, threshold, confidence) if verdict == "inconclusive" else None,
        target_lost=lost,
        settings=differences.settings(a.scenario, b.scenario),
        environment=differences.different(differences.environment(a), differences.environment(b)),
        warnings=(*_warnings(ratio), *_disturbed(a), *_disturbed(b)),
        notes=(*_notes(a), *_notes(b), *_notes_on_both(a, b, lost=lost)),
    )


def _more(first: Sequence[float], second: Sequence[float], threshold: float, confidence: float) -> int | None:
    reached = ([v for v in side if math.isfinite(v)] for side in (first, second))
    return decide.more_repeats(next(reached), next(reached), threshold, confidence)


def _metric(a: Run, b: Run, summary_a: Summary, summary_b: Summary) -> Metric:
    """The contract's choice."""
    if summary_a.time_to_target_s is not None and summary_b.time_to_target_s is not None:
        return "time_to_target_s"
    return "samples_per_s" if a.scenario.training.global_batch != b.scenario.training.global_batch else "step_s"


def _ratio(
    metric: Metric, first: tuple[Run, Sequence[float]], second: tuple[Run, Sequence[float]], confidence: float
) -> Estimate:
    if metric == "time_to_target_s":
        found = ratio_with_misses(second[1], first[1], confidence)
        assert found is not None
        return found
    return ratio_of(log_mean(*second), log_mean(*first), confidence)


def _side(run: Run, summary: Summary, metric: Metric, values: Sequence[float]) -> Side:
    value: Estimate | None = getattr(summary, metric)
    assert value is not None
    return Side(
        id=run.id,
        name=run.scenario.name,
        outcome=run.outcome,
        value=value,
        values=tuple(v if math.isfinite(v) else None for v in values),
        reach_rate=summary.reach_rate,
    )


def _warnings(ratio: Estimate) -> tuple[RunWarning, ...]:
    if ratio.n > 1:
        return ()
    message = (
        "one of the runs has a single repeat: nothing is known of its spread between processes, and a verdict may be a "
        "false alarm, which --fail-if does not count; measure with measure.repeats: 3 or more"
    )
    return (RunWarning(code="single-repeat", message=message),)


def _disturbed(run: Run) -> list[RunWarning]:
    """That a run's numbers are not to be trusted, where they are not."""
    every = measured(run)
    bad = [repeat for repeat in every if repeat.suspect]
    if not bad:
        return []
    message = (
        f"{len(bad)} of {len(every)} repeats of {run.id} were disturbed ({bad[0].suspect[0]}): a difference may be "
        "theirs alone, and --fail-if does not count it; measure again on a quiet machine"
    )
    return [RunWarning(code="suspect", message=message)]


def _notes(run: Run) -> list[str]:
    bad = [r for r in run.repeats if r.outcome is not Outcome.OK]
    if not bad:
        return []
    kinds = ", ".join(dict.fromkeys(r.outcome.value for r in bad))
    return [f"{len(bad)} of {len(run.repeats)} repeats of {run.id} did not end well ({kinds})"]


def _notes_on_both(a: Run, b: Run, *, lost: bool) -> list[str]:
    notes = []
    if a.id == b.id:
        notes.append("both are the same run")
    if lost:
        notes.append(f"{b.id} does not reach the target that {a.id} reaches: a shorter step is no gain there")
    if a.machine.fingerprint != b.machine.fingerprint:
        notes.append("the machines differ: the ratio is of the setups and the machines together")
    prints = [{r.facts["data_fingerprint"] for r in run.repeats if r.facts.get("data_fingerprint")} for run in (a, b)]
    if prints[0] and prints[1] and prints[0].isdisjoint(prints[1]):
        notes.append("the data differ: the source is the same, what it gave is not")
    return notes
