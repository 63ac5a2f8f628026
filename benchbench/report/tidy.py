"""Every figure of a run, a study or a comparison as the lines of one long table."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from benchbench.record.comparing import Comparison
from benchbench.record.study import Baseline, Recommendation, Study
from benchbench.record.summary import Summary
from benchbench.record.types import Repeat
from benchbench.report.content import Quantity
from benchbench.report.objective import objective_of
from benchbench.report.subject import AnySubject, ComparisonSubject, RunSubject, StudySubject
from benchbench.stats.estimate import Estimate


class Line(NamedTuple):
    """One figure.

    Attributes:
        kind: run, study or comparison.
        result: its id.
        name: the scenario's.
        part: of what in the result: nothing for the result itself; a study's baseline, trial 3, ...; the run compared.
        repeat: of which repeat, from 0; None for the whole.
        outcome: how that ended, or the verdict.
        metric: as the documents call it.
        value: in `unit`; None is unknown.
        low: of the interval; None where the data set no bound.
        high: likewise.
        confidence: of the interval, a share.
        n: what it rests on.
        unit: a base unit; `fraction` is a share of 1, `x` a ratio.
    """

    kind: str
    result: str
    name: str
    part: str
    repeat: int | None
    outcome: str
    metric: str
    value: float | int | None
    low: float | None = None
    high: float | None = None
    confidence: float | None = None
    n: int | None = None
    unit: str = ""


COLUMNS = Line._fields
Figure = Estimate | Quantity | None
_BARE = {"peak_memory_bytes": "bytes", "flops_per_step": "FLOP", "model_flops_per_step": "FLOP"}
_FRACTIONS = frozenset({"reach_rate", "energy_relative_error"})


def lines_of(subject: AnySubject) -> Iterator[Line]:
    """The figures of a subject, always in the same order; those that are unknown are left out.

    A history has none of its own: its runs have.
    """
    if isinstance(subject, RunSubject):
        yield from _of_run(subject)
    elif isinstance(subject, StudySubject):
        yield from _of_study(subject.study)
    elif isinstance(subject, ComparisonSubject):
        yield from _of_comparison(subject.id, subject.scenario.name, subject.comparison)


def _line(head: Line, metric: str, figure: Figure) -> Iterator[Line]:
    if isinstance(figure, Estimate):
        e = figure
        yield head._replace(
            metric=metric, value=e.value, low=e.low, high=e.high, confidence=e.confidence, n=e.n, unit=e.unit
        )
    elif figure is not None and figure.value is not None and math.isfinite(figure.value):
        yield head._replace(metric=metric, value=figure.value, unit=figure.unit)


def _lines(head: Line, figures: Mapping[str, Figure]) -> Iterator[Line]:
    for metric, figure in figures.items():
        yield from _line(head, metric, figure)


def _of_run(subject: RunSubject) -> Iterator[Line]:
    run = subject.run
    head = Line("run", run.id, run.scenario.name, "", None, run.outcome.value, "", None)
    yield from _lines(head, figures_of(subject.summary))
    for repeat in run.repeats:
        yield from _lines(head._replace(repeat=repeat.index, outcome=repeat.outcome.value), figures_of_repeat(repeat))


def figures_of(summary: Summary) -> dict[str, Figure]:
    """The figures of a run's summary, by their names in it."""
    found: dict[str, Figure] = {}
    for name in Summary.model_fields:
        value = getattr(summary, name)
        if isinstance(value, Estimate):
            found[name] = value
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = Quantity(value=value, unit="fraction" if name in _FRACTIONS else _BARE.get(name, ""))
    return found | {f"final_{n}": Quantity(value=v, unit="") for n, v in summary.final_metrics.items()}


def figures_of_repeat(repeat: Repeat) -> dict[str, Figure]:
    """The figures of one repeat that its run's summary has an estimate of, and how long it took."""
    found: dict[str, Figure] = {"wall_s": Quantity(value=repeat.wall_s, unit="s")}
    if repeat.figures is not None:
        f = repeat.figures
        found |= {
            "step_s": Quantity(value=f.step_s, unit="s"),
            "samples_per_s": Quantity(value=f.samples_per_step / f.step_s if f.step_s else None, unit="samples/s"),
            "peak_memory_bytes": Quantity(value=f.peak_memory_bytes, unit="bytes"),
            "utilization": Quantity(value=f.utilization, unit="fraction"),
            "power_w": Quantity(value=f.power_w, unit="W"),
            "energy_j_per_sample": Quantity(value=f.energy_j_per_sample, unit="J"),
            "data_wait_fraction": Quantity(value=f.data_wait_fraction, unit="fraction"),
        }
    if repeat.reach is not None:
        found |= {
            "time_to_target_s": Quantity(value=repeat.reach.time_to_target_s, unit="s"),
            "steps_to_target": Quantity(value=repeat.reach.steps_to_target, unit="steps"),
        }
    return found | {f"final_{n}": Quantity(value=v, unit="") for n, v in sorted(repeat.final_metrics.items())}


def _of_study(study: Study) -> Iterator[Line]:
    head = Line("study", study.study, study.scenario.name, "", None, study.recommendation.verdict, "", None)
    costs = study.economics
    yield from _lines(head, {
        "speedup": study.recommendation.speedup,
        "budget_s": Quantity(value=study.budget_s, unit="s"),
        "spent_s": Quantity(value=study.spent_s, unit="s"),
        "saved_per_training_s": Quantity(value=costs.saved_per_training_s, unit="s"),
        "break_even_trainings": Quantity(value=costs.break_even_trainings, unit="trainings"),
    })  # fmt: skip
    yield from _lines(head._replace(part="baseline", outcome=""), _of_setup(study.baseline))
    yield from _lines(head._replace(part="recommendation"), _of_setup(study.recommendation))
    for part in study.attribution:
        yield from _line(head._replace(part=f"attribution {part.key}", outcome=""), "speedup", part.speedup)
    unit = objective_of(study).unit
    for trial in study.trials:
        of_trial = head._replace(part=f"trial {trial.number} ({trial.role})", outcome=trial.outcome.value)
        yield from _lines(of_trial, {
            "objective": Quantity(value=trial.objective, unit=unit),
            "step_s": Quantity(value=trial.step_s, unit="s"),
            "wall_s": Quantity(value=trial.ended_s - trial.started_s, unit="s"),
        })  # fmt: skip


def _of_setup(setup: Baseline | Recommendation) -> dict[str, Figure]:
    found: dict[str, Figure] = {
        "time_to_target_s": setup.time_to_target_s,
        "step_s": setup.step_s,
        "samples_per_s": setup.samples_per_s,
        "reach_rate": Quantity(value=setup.reach_rate, unit="fraction"),
    }
    if isinstance(setup, Recommendation):
        found["predicted_time_to_target_s"] = setup.predicted_time_to_target_s
    return found


def _of_comparison(result: str, name: str, comparison: Comparison) -> Iterator[Line]:
    head = Line("comparison", result, name, "", None, "", "", None)
    for pair in comparison.pairs:
        of_pair = head._replace(part=pair.b.id, outcome=pair.verdict)
        yield from _line(of_pair, f"{pair.metric}_ratio", pair.ratio)
    sides = {side.id: (pair.metric, side) for pair in comparison.pairs for side in (pair.a, pair.b)}
    for metric, side in sides.values():
        of_side = head._replace(part=side.id, outcome=side.outcome.value)
        yield from _lines(of_side, {metric: side.value, "reach_rate": Quantity(value=side.reach_rate, unit="fraction")})
