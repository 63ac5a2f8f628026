"""Which runs and studies a user's words mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchbench.errors import RecordError
from benchbench.record import lookup
from benchbench.report.subject import RunSubject, StudySubject, Subject, run_subject, study_subject


def named(out: Path, names: Sequence[str]) -> list[Subject]:
    """The runs and studies of some words, in their order, each once.

    Args:
        out: the results folder.
        names: an id under `out`, an id's unique beginning, a folder, a `result.json` or a `study.json`.

    Raises:
        RecordError: a word that means nothing or several things, or a record that cannot be read.
    """
    places = dict.fromkeys(lookup.find(out, name) for name in names)
    return [_subject(place) for place in places]


def runs_named(out: Path, names: Sequence[str]) -> list[RunSubject]:
    """The runs of some words, in their order; one that is named twice stands twice.

    Args:
        out: the results folder.
        names: as for `named`.

    Raises:
        RecordError: a word that means nothing, several things or a study, or a record that cannot be read.
    """
    return [_run(lookup.find(out, name), name) for name in names]


def _run(place: Path, name: str) -> RunSubject:
    if lookup.is_study(place):
        raise RecordError("a study, which holds many runs; name one of them (benchbench show lists them)", file=name)
    return run_subject(place)


def everything(out: Path) -> tuple[list[Subject], list[str]]:
    """Every study and every run that belongs to none, newest first, and why others were left out.

    Raises:
        RecordError: nothing is there that can be read.
    """
    found: list[Subject] = []
    problems: list[str] = []
    for folder in _folders(out):
        try:
            found.append(_subject(folder))
        except RecordError as error:
            problems.append(str(error))
    problems += lookup.without_document(out)
    if not found:
        raise RecordError(problems[0] if problems else f"there are no results under {out}")
    inside = {run_id for s in found if isinstance(s, StudySubject) for run_id in s.run_ids}
    free = [s for s in found if isinstance(s, StudySubject) or s.id not in inside]
    return sorted(free, key=_made_at, reverse=True), problems


def _made_at(subject: Subject) -> str:
    return subject.run.created_at if isinstance(subject, RunSubject) else subject.study.created_at


def _subject(place: Path) -> Subject:
    return study_subject(place) if lookup.is_study(place) else run_subject(place)


def _folders(out: Path) -> list[Path]:
    return [*lookup.folders(out, lookup.RESULT), *lookup.folders(out, lookup.STUDY)]
