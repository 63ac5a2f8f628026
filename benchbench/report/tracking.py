"""Stored results for the trackers that people have: what was set, what came of it, and the series over the steps.

A tracker is one file in `trackers/`, named as `export --format` calls it; its `PLUGIN` satisfies `Tracker`. None is
needed to measure: their libraries come with the extra `trackers`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol, cast

import numpy as np

from benchbench import registry
from benchbench.errors import UnsupportedError
from benchbench.record.differences import Leaf, leaves
from benchbench.record.metrics import METRICS
from benchbench.report.curves import EVAL_COLUMNS, by_repeat, column
from benchbench.report.subject import RunSubject, StudySubject, Subject
from benchbench.report.tidy import Figure, figures_of, figures_of_repeat
from benchbench.report.wording import clean
from benchbench.stats.estimate import Estimate

if TYPE_CHECKING:
    import pandas as pd

EXTRA = "trackers"
_NO_NAME = re.compile(r"[^0-9A-Za-z_.-]+")
_STEP_COLUMNS = ("step_s", "loss", "learning_rate", "data_wait_s")


class Point(NamedTuple):
    """One value of a series: at which step (of telemetry: which sample), when (seconds since 1970), what."""

    step: int
    time_s: float
    value: float


@dataclass(frozen=True, kw_only=True)
class Journal:
    """What a tracker calls a run: a whole run of ours or one of its repeats, a study or one of its trials.

    Attributes:
        name: unique within the subject; a slash parts the whole from its piece.
        parent: the name of the journal that it is a piece of; that one comes first.
        began_s: seconds since 1970.
        ended_s: likewise.
        is_ok: whether it ended well.
        settings: dotted keys of the scenario, or of what a trial changed.
        figures: by their names; those that are unknown are left out.
        notes: what is told in words: outcome, verdict, machine, failure.
        series: by their names.
    """

    name: str
    parent: str | None = None
    began_s: float
    ended_s: float
    is_ok: bool
    settings: Mapping[str, Leaf] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)
    notes: Mapping[str, str] = field(default_factory=dict)
    series: Mapping[str, Sequence[Point]] = field(default_factory=dict)


class Tracker(Protocol):
    """One library's store on disk; nothing is sent anywhere.

    Attributes:
        place: where its own programs look by default.
    """

    place: ClassVar[str]

    def write(self, journals: Sequence[Journal], place: Path) -> str:
        """Adds journals to a store.

        Args:
            journals: parents before their pieces.
            place: the store, which is made where it is not there.

        Returns:
            The command that shows it.

        Raises:
            UnsupportedError: its library is not installed; says how to install it.
        """
        ...


def tracker(name: str) -> Tracker:
    """The tracker of a name.

    Raises:
        UnsupportedError: there is none.
    """
    return cast(Tracker, registry.load(registry.TRACKERS, name))


def missing(name: str, library: str) -> UnsupportedError:
    """The refusal where a tracker's library is not installed."""
    return UnsupportedError(
        f"--format {name} needs {library}, which is not installed: pip install 'benchbench[{EXTRA}]'", key="--format"
    )


def journals_of(subject: Subject) -> list[Journal]:
    """A run with its repeats, or a study with its trials and those of its runs that lie beside it."""
    if isinstance(subject, RunSubject):
        return list(_of_run(subject, None))
    study = list(_of_study(subject))
    return study + [journal for run in subject.runs for journal in _of_run(run, study[0].name)]


def _of_run(subject: RunSubject, parent: str | None) -> Iterator[Journal]:
    run = subject.run
    began_s = _epoch_s(run.created_at)
    repeats = list(_of_repeats(subject))
    notes = {
        "name": run.scenario.name,
        "outcome": run.outcome.value,
        "machine": ", ".join([run.machine.cpu, *(device.name for device in run.machine.devices)]),
        "warnings": "; ".join(f"{w.code}: {w.message}" for w in subject.warnings),
    }
    yield Journal(
        name=run.id,
        parent=parent,
        began_s=began_s,
        ended_s=max((r.ended_s for r in repeats), default=began_s),
        is_ok=run.outcome.value == "ok",
        settings=dict(leaves(run.scenario.document())),
        figures=_numbers(figures_of(subject.summary)),
        notes=_told(notes),
    )
    yield from repeats


def _of_repeats(subject: RunSubject) -> Iterator[Journal]:
    run = subject.run
    frames = [reading.frame for reading in (subject.steps, subject.evals, subject.telemetry)]
    tables = [{} if frame is None else dict(by_repeat(frame)) for frame in frames]
    for repeat in run.repeats:
        began_s = _epoch_s(repeat.started_at)
        steps, evals, telemetry = (table.get(repeat.index) for table in tables)
        failure = "" if repeat.failure is None else repeat.failure.message
        yield Journal(
            name=f"{run.id}/repeat-{repeat.index}",
            parent=run.id,
            began_s=began_s,
            ended_s=began_s + repeat.wall_s,
            is_ok=repeat.outcome.value == "ok",
            settings={"training.seed": repeat.seed},
            figures=_numbers(figures_of_repeat(repeat)),
            notes=_told({"outcome": repeat.outcome.value, "validity": repeat.validity, "failure": failure}),
            series={
                **_of_steps(steps, began_s),
                **_of_evals(evals, began_s),
                **_of_telemetry(telemetry, began_s),
            },
        )


def _of_steps(rows: pd.DataFrame | None, began_s: float) -> dict[str, list[Point]]:
    if rows is None:
        return {}
    found = {f"train/{name}": _points(rows, name, began_s) for name in _STEP_COLUMNS}
    return {name: points for name, points in found.items() if points}


def _of_evals(rows: pd.DataFrame | None, began_s: float) -> dict[str, list[Point]]:
    if rows is None:
        return {}
    names = [name for name in rows.columns if name not in EVAL_COLUMNS]
    found = {f"eval/{_name(name)}": _points(rows, name, began_s) for name in names}
    return {name: points for name, points in found.items() if points}


def _of_telemetry(rows: pd.DataFrame | None, began_s: float) -> dict[str, list[Point]]:
    """Each device's samples, numbered from 0."""
    found: dict[str, list[Point]] = {}
    for device, samples in rows.groupby("device", sort=True) if rows is not None else ():
        numbered = samples.assign(step=np.arange(len(samples)))
        name = _name(str(device))
        found |= {f"{name}/{m.column}": _points(numbered, m.column, began_s) for m in METRICS}
    return {name: points for name, points in found.items() if points}


def _points(rows: pd.DataFrame, name: str, began_s: float) -> list[Point]:
    """The values that are numbers."""
    step, t_s, value = (column(rows, key) for key in ("step", "t_s", name))
    at = np.flatnonzero(np.isfinite(step) & np.isfinite(t_s) & np.isfinite(value))
    return [Point(int(step[i]), began_s + float(t_s[i]), float(value[i])) for i in at]


def _of_study(subject: StudySubject) -> Iterator[Journal]:
    study = subject.study
    began_s = _epoch_s(study.created_at)
    advice = study.recommendation
    figures: dict[str, float] = {
        **_numbers({"speedup": advice.speedup, "time_to_target_s": advice.time_to_target_s, "step_s": advice.step_s}),
        "budget_s": study.budget_s,
        "spent_s": study.spent_s,
    }
    yield Journal(
        name=study.study,
        began_s=began_s,
        ended_s=began_s + study.spent_s,
        is_ok=True,
        settings={
            **dict(leaves(study.scenario.document())),
            **{f"recommended.{k}": v for k, v in advice.overrides.items()},
        },
        figures=figures,
        notes=_told({"name": study.scenario.name, "verdict": advice.verdict, "reason": advice.reason}),
    )
    for trial in study.trials:
        failure = "" if trial.failure is None else trial.failure.message
        known = {"objective": trial.objective, "step_s": trial.step_s}
        notes = {"role": trial.role, "outcome": trial.outcome.value, "failure": failure, "run": trial.run_id or ""}
        yield Journal(
            name=f"{study.study}/trial-{trial.number}-{trial.role}",
            parent=study.study,
            began_s=began_s + trial.started_s,
            ended_s=began_s + trial.ended_s,
            is_ok=trial.outcome.value == "ok",
            settings=trial.overrides,
            figures={name: value for name, value in known.items() if value is not None},
            notes=_told(notes),
        )


def _numbers(figures: Mapping[str, Figure]) -> dict[str, float]:
    """Figures as trackers have them, an interval as two more beside its value."""
    found: dict[str, float | None] = {}
    for name, figure in figures.items():
        if figure is None:
            continue
        found[_name(name)] = figure.value
        if isinstance(figure, Estimate):
            found |= {f"{_name(name)}/low": figure.low, f"{_name(name)}/high": figure.high}
    return {name: float(value) for name, value in found.items() if value is not None and math.isfinite(value)}


def _name(text: str) -> str:
    """A name that every tracker takes, and that is one folder's at most."""
    return _NO_NAME.sub("-", text).strip(".-") or "unnamed"


def _told(notes: Mapping[str, str]) -> dict[str, str]:
    return {name: clean(text) for name, text in notes.items() if text}


def _epoch_s(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()
