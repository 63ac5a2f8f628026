"""What an earlier command left of a search, and how it is found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchbench.errors import InputError, RecordError
from benchbench.record.lookup import RESULT, STUDY, folders
from benchbench.record.store import read_run, unfinished
from benchbench.record.study_store import (
    StudyBegun,
    StudyDraft,
    begun_studies,
    begun_study,
    read_study,
    take_up_study,
)
from benchbench.record.taking_up import part_of
from benchbench.record.types import Run
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.diary import Entry, entries
from benchbench.tuning.setups import AFTERWARDS
from benchbench.tuning.space import identity

_IGNORED = {"name", "question"}


@dataclass(frozen=True, kw_only=True)
class Earlier:
    """A proposal that became something, or a confirmation; without `runs` where nothing was measured."""

    entry: Entry
    runs: tuple[Run, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TakenStudy:
    """A study that an earlier command left, now this one's.

    Attributes:
        draft: its working folder.
        begun: what it was begun with.
        earlier: what became of its proposals, in the order of time.
        confirmed: its confirmations, where it had come so far and no further.
        afterwards: what was measured after them.
        spent_s: of the budget.
    """

    draft: StudyDraft
    begun: StudyBegun
    earlier: Sequence[Earlier]
    confirmed: Sequence[Earlier]
    afterwards: Sequence[Earlier]
    spent_s: float


def take_up(out: Path, name: str | None, scenario: Scenario, objective: str, replayed_from: str | None) -> TakenStudy:
    """Takes up the newest study of a scenario, or the one of a name; for the arguments and errors see `find`."""
    folder, begun = find(out, name, scenario, objective, replayed_from)
    return _taken(out, folder, begun)


def find(
    out: Path, name: str | None, scenario: Scenario, objective: str, replayed_from: str | None
) -> tuple[Path, StudyBegun]:
    """The study that would be taken up, and what it was begun with; nothing is touched.

    Args:
        out: the results folder.
        name: the study's; None: the newest that fits.
        scenario: what is searched, its space and its baseline inside.
        objective: what is minimised, two with a comma between them.
        replayed_from: the table that answers; None for a machine.

    Raises:
        InputError: there is none, or it is one of something else; says what differs.
    """
    found = [f for f in begun_studies(out) if name is None or f.name.removeprefix(".") == name]
    if not found:
        what = f"no study called {name!r}" if name is not None else "no study"
        raise InputError(f"there is {what} under {out} to take up; leave out --resume to begin one", key="--resume")
    problems: list[str] = []
    for folder in reversed(found):
        begun = begun_study(folder)
        problem = _other(begun, scenario, objective, replayed_from)
        if begun is not None and problem is None:
            return folder, begun
        problems.append(f"{folder.name.removeprefix('.')}: {problem}")
    raise InputError(f"nothing to take up for {scenario.name} under {out}; {problems[0]}", key="--resume")


def _other(begun: StudyBegun | None, scenario: Scenario, objective: str, replayed_from: str | None) -> str | None:
    """In what a study is one of something else; None where it is not."""
    if begun is None:
        return "what it was begun with cannot be read"
    if begun.scenario.model_dump(exclude=_IGNORED) != scenario.model_dump(exclude=_IGNORED):
        return "it is a study of another scenario, or of another space or baseline"
    minimised = ",".join(begun.objectives or (begun.objective,))
    if minimised != objective:
        return f"it minimises {minimised}, not {objective}"
    if begun.replayed_from != replayed_from:
        return f"its answers came from {begun.replayed_from or 'a machine'}, not from {replayed_from or 'one'}"
    return None


def _taken(out: Path, folder: Path, begun: StudyBegun) -> TakenStudy:
    before_s = _whole_s(folder)
    draft = take_up_study(out, folder)
    known, confirmations, after = _sorted(entries(draft.folder))
    ended = (*known, *confirmations, *after)
    runs = _Runs(out, draft.name, {run_id for entry in ended for run_id in entry.run_ids})
    earlier = [one for entry in known for one in runs.of(entry)]
    confirmed = [one for entry in confirmations for one in runs.of(entry)] if before_s is None else []
    afterwards = [one for entry in after for one in runs.of(entry)]
    return TakenStudy(
        draft=draft,
        begun=begun,
        earlier=earlier,
        confirmed=confirmed,
        afterwards=afterwards,
        spent_s=max(
            *(one.entry.ended_s or 0.0 for one in (*earlier, *confirmed, *afterwards)),
            *(_under_way_s(out, draft.name, entry) for entry in (*known, *after) if entry.opened),
            before_s or 0.0,
            0.0,
        ),
    )


def _sorted(lines: Iterable[Entry]) -> tuple[list[Entry], list[Entry], list[Entry]]:
    """The last line of each proposal, the confirmations, and the last of each thing that was measured after them."""
    known, confirmations, after = dict[int, Entry](), list[Entry](), dict[str, Entry]()
    for entry in lines:
        if entry.role == "confirmation":
            confirmations.append(entry)
        elif entry.role in AFTERWARDS:
            after[identity({**entry.overrides, "role": entry.role, "probe": entry.probe})] = entry
        else:
            known[entry.number] = entry
    return list(known.values()), confirmations, list(after.values())


def _under_way_s(out: Path, study: str, entry: Entry) -> float:
    """When a measurement was killed, as its working folder shows, in seconds of the budget; else its start."""
    if entry.opened_at is None:
        return entry.started_s
    files = (file for folder in unfinished(out) if part_of(folder) == study for file in folder.rglob("*"))
    written = max((file.stat().st_mtime for file in files if file.is_file()), default=entry.opened_at)
    return entry.started_s + max(0.0, written - entry.opened_at)


def _whole_s(folder: Path) -> float | None:
    """What a whole study spent; None where it never became whole."""
    try:
        return read_study(folder).spent_s if (folder / STUDY).is_file() else None
    except RecordError:
        return None


class _Runs:
    """The stored runs that a diary speaks of, and those that it would have, had there been time to write it."""

    def __init__(self, out: Path, study: str, named: set[str]) -> None:
        self._out, self._study, self._named = out, study, named

    def of(self, entry: Entry) -> Iterator[Earlier]:
        """What became of a proposal; nothing where it must be proposed, or measured, again."""
        if entry.runs or entry.refused is not None or entry.abandoned is not None:
            yield Earlier(entry=entry, runs=entry.runs)
        elif entry.run_ids:
            yield Earlier(entry=entry, runs=tuple(read_run(self._out / run_id) for run_id in entry.run_ids))
        else:
            run = self._unnamed(entry)
            if run is not None:
                ended_s = entry.started_s + sum(repeat.wall_s for repeat in run.repeats)
                yield Earlier(entry=entry.model_copy(update={"ended_s": ended_s, "run_ids": (run.id,)}), runs=(run,))

    def _unnamed(self, entry: Entry) -> Run | None:
        """The run that was stored right before the command was killed."""
        for folder in reversed(folders(self._out, RESULT)):
            if folder.name in self._named:
                return None
            try:
                run = read_run(folder)
            except RecordError:
                continue
            if run.study == self._study and run.repeats[0].index == entry.index:
                return run
        return None
