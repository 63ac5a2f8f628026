"""Stored results in Python and in notebooks: pandas frames, and the sections of their page.

`benchbench.load` makes these. Nothing is read before it is asked for.
"""

from __future__ import annotations

import html
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from benchbench.errors import RecordError
from benchbench.record.comparing import compare
from benchbench.record.study import Study
from benchbench.record.types import Run
from benchbench.report.finding import named, runs_named
from benchbench.report.rendering import Document, renderer
from benchbench.report.subject import ComparisonSubject, Reading, RunSubject, StudySubject
from benchbench.report.tidy import COLUMNS, lines_of

if TYPE_CHECKING:
    import pandas as pd

S = TypeVar("S", RunSubject, StudySubject, ComparisonSubject)
_FRAME_HEIGHT_PX = 720


class Loaded(ABC, Generic[S]):
    """What run, study and comparison have in common.

    In a notebook it shows its page, in a frame of its own: nothing in it can reach the notebook.
    """

    def __init__(self, subject: S) -> None:
        self._subject: S = subject

    @property
    def id(self) -> str:
        """Its id; of a comparison those of its runs."""
        return self._subject.id

    @cached_property
    def summary(self) -> pd.DataFrame:
        """Every figure, a row each, in the columns of the CSV report (docs/reports.md)."""
        import pandas as pd

        rows = pd.DataFrame(list(lines_of(self._subject)), columns=list(COLUMNS))
        return rows.astype({"repeat": "Int64", "n": "Int64", "value": "float64", "low": "float64", "high": "float64"})

    @property
    @abstractmethod
    def frames(self) -> dict[str, pd.DataFrame]:
        """Every table by its name; raises as the single ones do."""

    @cached_property
    def _document(self) -> Document:
        return Document(subjects=(self._subject,))

    def __repr__(self) -> str:
        kind = type(self).__name__.removeprefix("Loaded").lower()
        return f"<benchbench {kind} {self.id}>"

    def _repr_html_(self) -> str:
        page = html.escape(renderer("html").text(self._document))
        style = f"width:100%;height:{_FRAME_HEIGHT_PX}px;border:0"
        title = html.escape(repr(self))
        return (
            f'<iframe sandbox="allow-scripts allow-downloads" title="{title}" style="{style}" srcdoc="{page}"></iframe>'
        )

    def _repr_markdown_(self) -> str:
        return renderer("md").text(self._document)


class LoadedRun(Loaded[RunSubject]):
    """A run and its tables (docs/reports.md has their columns). A table that is missing raises `RecordError`."""

    @property
    def run(self) -> Run:
        """The record."""
        return self._subject.run

    @property
    def steps(self) -> pd.DataFrame:
        """Every step of every repeat."""
        return _frame(self._subject.steps)

    @property
    def telemetry(self) -> pd.DataFrame:
        """Every sample of every device."""
        return _frame(self._subject.telemetry)

    @property
    def evals(self) -> pd.DataFrame:
        """Every evaluation on held-out data."""
        return _frame(self._subject.evals)

    @property
    def frames(self) -> dict[str, pd.DataFrame]:
        """See `Loaded`."""
        return {"summary": self.summary, "steps": self.steps, "telemetry": self.telemetry, "evals": self.evals}


class Several(Loaded[S]):
    """Runs together: their tables one below the other, each row with the `run` that it is of."""

    @property
    @abstractmethod
    def runs(self) -> dict[str, LoadedRun]:
        """Those that can be read, by their ids."""

    @cached_property
    def steps(self) -> pd.DataFrame:
        """As `LoadedRun.steps`."""
        return self._joined(lambda run: run.steps)

    @cached_property
    def telemetry(self) -> pd.DataFrame:
        """As `LoadedRun.telemetry`."""
        return self._joined(lambda run: run.telemetry)

    @cached_property
    def evals(self) -> pd.DataFrame:
        """As `LoadedRun.evals`."""
        return self._joined(lambda run: run.evals)

    @property
    def frames(self) -> dict[str, pd.DataFrame]:
        """See `Loaded`."""
        return {"summary": self.summary, "steps": self.steps, "telemetry": self.telemetry, "evals": self.evals}

    def _joined(self, table: Callable[[LoadedRun], pd.DataFrame]) -> pd.DataFrame:
        import pandas as pd

        parts = [table(run).assign(run=run_id) for run_id, run in self.runs.items()]
        return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"run": pd.Series(dtype="str")})


class LoadedStudy(Several[StudySubject]):
    """A study, its trials, and those of its runs that lie beside it."""

    @property
    def study(self) -> Study:
        """The record."""
        return self._subject.study

    @cached_property
    def runs(self) -> dict[str, LoadedRun]:
        """Those of the study that lie beside it and can be read, by their ids."""
        return _by_id(self._subject.runs)

    @cached_property
    def trials(self) -> pd.DataFrame:
        """Every trial, a row each; each setting that was searched is a column of its own."""
        import pandas as pd

        rows = []
        for trial in self.study.trials:
            row = trial.document()
            failure = row.pop("failure") or {}
            rows.append({**row.pop("overrides"), **row, "failure": failure.get("message")})
        keys = ["number", *(k for k in dict.fromkeys(key for row in rows for key in row) if k != "number")]
        return pd.DataFrame(rows, columns=keys)

    @property
    def frames(self) -> dict[str, pd.DataFrame]:
        """See `Loaded`."""
        return {"trials": self.trials, **super().frames}


class LoadedComparison(Several[ComparisonSubject]):
    """Runs beside the first of them."""

    @cached_property
    def runs(self) -> dict[str, LoadedRun]:
        """The runs that are compared, by their ids."""
        return _by_id(self._subject.runs)


def _by_id(runs: Iterable[RunSubject]) -> dict[str, LoadedRun]:
    return {run.id: LoadedRun(run) for run in runs}


def _frame(reading: Reading) -> pd.DataFrame:
    if reading.frame is None:
        raise RecordError(reading.problem or "the run was never stored, and has no tables")
    return reading.frame


def loaded(names: Iterable[str], out: Path, threshold: float) -> LoadedRun | LoadedStudy | LoadedComparison:
    """What some words mean; arguments and errors as `benchbench.load`."""
    words = list(names)
    if len(words) > 1:
        runs = tuple(runs_named(out, words))
        return LoadedComparison(ComparisonSubject(comparison=compare([r.run for r in runs], threshold), runs=runs))
    (subject,) = named(out, words)
    return LoadedRun(subject) if isinstance(subject, RunSubject) else LoadedStudy(subject)
