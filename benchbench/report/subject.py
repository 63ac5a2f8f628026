"""What a section speaks of: a run, a study, a comparison, a history; tables and runs are read when first asked for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from benchbench.errors import RecordError
from benchbench.record import lookup, store, study_store, tables
from benchbench.record.comparing import Comparison
from benchbench.record.history import Series
from benchbench.record.machine import Machine
from benchbench.record.study import Study
from benchbench.record.summary import Summary, summarize, warnings_of
from benchbench.record.types import Run, RunWarning
from benchbench.scenario.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True, eq=False)
class Reading:
    """A table, or why there is none; neither when the run was never stored."""

    frame: pd.DataFrame | None = None
    problem: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class RunSubject:
    """A run and, where it was stored, its folder."""

    run: Run
    folder: Path | None = None

    @property
    def id(self) -> str:
        """The run's."""
        return self.run.id

    @property
    def scenario(self) -> Scenario:
        """What was asked."""
        return self.run.scenario

    @property
    def machine(self) -> Machine:
        """Where it was measured."""
        return self.run.machine

    @property
    def command(self) -> tuple[str, ...]:
        """What the user typed; empty when that was not recorded."""
        return self.run.command

    @cached_property
    def summary(self) -> Summary:
        """The estimates over the repeats."""
        return summarize(self.run)

    @cached_property
    def warnings(self) -> tuple[RunWarning, ...]:
        """Everything that a reader of the numbers must know."""
        return warnings_of(self.run, self.summary)

    @cached_property
    def steps(self) -> Reading:
        """The table of every step."""
        return self._table(tables.STEPS)

    @cached_property
    def evals(self) -> Reading:
        """The table of the evaluations."""
        return self._table(tables.EVALS)

    @cached_property
    def telemetry(self) -> Reading:
        """The table of the devices' samples."""
        return self._table(tables.TELEMETRY)

    @cached_property
    def unreadable(self) -> dict[str, str]:
        """The tables that are missing or damaged, by their file's name, and why each cannot be read."""
        read = {tables.STEPS: self.steps, tables.TELEMETRY: self.telemetry, tables.EVALS: self.evals}
        return {name: reading.problem for name, reading in read.items() if reading.problem is not None}

    def _table(self, name: str) -> Reading:
        if self.folder is None:
            return Reading()
        try:
            return Reading(frame=tables.read(self.folder, name))
        except RecordError as error:
            return Reading(problem=str(error))


@dataclass(frozen=True, kw_only=True, eq=False)
class StudySubject:
    """A study and, where it was stored, its folder; its runs lie beside that folder."""

    study: Study
    folder: Path | None = None

    @property
    def id(self) -> str:
        """The study's."""
        return self.study.study

    @property
    def scenario(self) -> Scenario:
        """What was asked, its search space included."""
        return self.study.scenario

    @property
    def machine(self) -> Machine:
        """Where it was measured."""
        return self.study.machine

    @property
    def command(self) -> tuple[str, ...]:
        """What the user typed; empty when that was not recorded."""
        return self.study.command

    @property
    def warnings(self) -> tuple[RunWarning, ...]:
        """Everything that a reader of the numbers must know."""
        return self.study.warnings

    @cached_property
    def run_ids(self) -> tuple[str, ...]:
        """Every run that the study names, once."""
        named = [*self.study.baseline.run_ids, *self.study.recommendation.run_ids]
        return tuple(dict.fromkeys([*named, *(t.run_id for t in self.study.trials if t.run_id)]))

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """The runs that are not beside the study any more."""
        beside = self.folder.parent if self.folder else None
        return tuple(i for i in self.run_ids if beside is None or not (beside / i / lookup.RESULT).is_file())

    @cached_property
    def baseline_runs(self) -> tuple[RunSubject, ...]:
        """Those of the baseline that can be read."""
        return self.runs_of(self.study.baseline.run_ids)

    @cached_property
    def recommended_runs(self) -> tuple[RunSubject, ...]:
        """Those of the recommendation that can be read."""
        return self.runs_of(self.study.recommendation.run_ids)

    @cached_property
    def runs(self) -> tuple[RunSubject, ...]:
        """All of the study that can be read."""
        return self.runs_of(self.run_ids)

    def runs_of(self, run_ids: Iterable[str]) -> tuple[RunSubject, ...]:
        """Those of some ids that can be read, each once; a run is read once however often it is asked for."""
        asked = (self._run(run_id) for run_id in dict.fromkeys(run_ids))
        return tuple(run for run in asked if run is not None)

    @cached_property
    def _read(self) -> dict[str, RunSubject | None]:
        return {}

    def _run(self, run_id: str) -> RunSubject | None:
        if run_id not in self._read:
            self._read[run_id] = self._opened(run_id)
        return self._read[run_id]

    def _opened(self, run_id: str) -> RunSubject | None:
        if self.folder is None or run_id in self.missing:
            return None
        folder = self.folder.parent / run_id
        try:
            return RunSubject(run=store.read_run(folder), folder=folder)
        except RecordError:  # damaged: its trial's row stands, and what is drawn from it is left out
            return None


@dataclass(frozen=True, kw_only=True, eq=False)
class ComparisonSubject:
    """Runs beside the first of them, and what that says."""

    comparison: Comparison
    runs: tuple[RunSubject, ...]
    command: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Those of the runs, the first last."""
        first, *others = (run.id for run in self.runs)
        return f"{', '.join(others)} against {first}"

    @property
    def scenario(self) -> Scenario:
        """The first run's."""
        return self.runs[0].scenario

    @property
    def warnings(self) -> tuple[RunWarning, ...]:
        """Those of the comparison, each once; a run's own stand in its record."""
        return tuple(dict.fromkeys(w for pair in self.comparison.pairs for w in pair.warnings))


@dataclass(frozen=True, kw_only=True, eq=False)
class HistorySubject:
    """A scenario's runs on one machine over time, and the steps in them."""

    series: Series
    threshold: float
    command: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """What makes the series one: the beginnings of the scenario's key and of the machine's fingerprint."""
        return f"{self.series.scenario_key[:19]} on {self.series.machine.fingerprint[:8]}"

    @property
    def scenario(self) -> Scenario:
        """The newest run's."""
        return self.series.scenario

    @property
    def warnings(self) -> tuple[RunWarning, ...]:
        """Those of the newest run, which a new step would rest on."""
        newest = self.series.points[-1]
        return tuple(
            w.model_copy(update={"message": f"of the newest run, {newest.id}: {w.message}"}) for w in newest.warnings
        )


Subject = RunSubject | StudySubject
AnySubject = Subject | ComparisonSubject | HistorySubject


def run_subject(folder: Path) -> RunSubject:
    """The run of a result folder or of a `result.json`; tables are looked for in the folder.

    Raises:
        RecordError: it cannot be read.
    """
    return RunSubject(run=store.read_run(folder), folder=folder if folder.is_dir() else folder.parent)


def study_subject(folder: Path) -> StudySubject:
    """The study of a folder or of a `study.json`.

    Raises:
        RecordError: it cannot be read.
    """
    return StudySubject(study=study_store.read_study(folder), folder=folder if folder.is_dir() else folder.parent)
