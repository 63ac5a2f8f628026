"""One scenario on its way: its working folder and what was measured of it, until it is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from benchbench.errors import StoreError
from benchbench.record.machine import Machine
from benchbench.record.store import Draft, new_id
from benchbench.record.taking_up import Begun, Taken, begin
from benchbench.record.types import Outcome, Repeat, Run
from benchbench.scenario.loading import to_yaml
from benchbench.scenario.scenario import Scenario


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A run and where it is kept; `folder` is None when it was not to be or could not be; then `problem` says why."""

    run: Run
    folder: Path | None
    problem: StoreError | None = None


def counted(measurements: Sequence[Repeat]) -> Repeat:
    """The measurement of a repeat that counts: the last that was made again and ended well, else the first."""
    return next((r for r in reversed(measurements[1:]) if r.outcome is Outcome.OK), measurements[0])


class UnkeptDraft:
    """Stands in for a `Draft` where nothing is kept: a folder that goes when the run ends."""

    def __init__(self, run_id: str) -> None:
        self.id = run_id
        self._folder = TemporaryDirectory(prefix="benchbench-unkept-", ignore_cleanup_errors=True)

    def repeat_folder(self, _index: int, _attempt: int = 0) -> Path:
        """See `Draft`."""
        return Path(self._folder.name)

    def keep(self, repeat: Repeat) -> None:
        """Keeps nothing."""

    def discard(self) -> None:
        """See `Draft`."""
        self._folder.cleanup()

    def leave(self) -> None:
        """See `Draft`."""
        self.discard()


class Going:
    """A run that is not whole yet; made by `begun`, `unkept` or `taken_up`.

    Attributes:
        scenario: what is measured.
        touched: whether anything of it was measured since it was begun or taken up.
    """

    def __init__(
        self,
        scenario: Scenario,
        draft: Draft | UnkeptDraft,
        begun: Begun,
        ended: Mapping[int, Sequence[Repeat]] | None = None,
    ) -> None:
        self.scenario = scenario
        self.touched = False
        self._draft, self._begun = draft, begun
        self._taken_up = ended is not None
        self._ended = {index: tuple(several) for index, several in (ended or {}).items()}

    @classmethod
    def begun(cls, asked: Begun, out: Path, *, alone: bool) -> Self:
        """A new one.

        Args:
            asked: what is to be measured.
            out: the results folder.
            alone: whether another command may take it up; what is part of a search is taken up by that search alone.

        Raises:
            StoreError: its folder cannot be made.
        """
        draft = Draft(out, new_id(asked.scenario.slug))
        try:
            if alone:
                begin(draft, asked)
        except StoreError:
            draft.discard()
            raise
        return cls(asked.scenario, draft, asked)

    @classmethod
    def unkept(cls, asked: Begun) -> Self:
        """A new one that is not stored: what answers it can be asked again."""
        return cls(asked.scenario, UnkeptDraft(new_id(asked.scenario.slug)), asked)

    @classmethod
    def taken_up(cls, scenario: Scenario, left: Taken) -> Self:
        """What a killed command left, with its id, its time and its command."""
        return cls(scenario, left.draft, left.begun, left.ended)

    @property
    def repeats(self) -> list[Repeat]:
        """Of each repeat the measurement that counts."""
        return [counted(several) for _, several in sorted(self._ended.items())]

    @property
    def set_aside(self) -> list[Repeat]:
        """The other measurements."""
        return [one for _, several in sorted(self._ended.items()) for one in several if one is not counted(several)]

    def measurements(self, index: int) -> tuple[Repeat, ...]:
        """A repeat's measurements that ended, in their order."""
        return self._ended.get(index, ())

    def folder(self, index: int, attempt: int) -> Path:
        """Where one measurement of a repeat leaves its lines."""
        return self._draft.repeat_folder(index, attempt)

    def keep(self, repeat: Repeat) -> None:
        """Notes a measurement that ended, and makes it durable.

        Raises:
            StoreError: it cannot be written; it is noted all the same.
        """
        self.touched = True
        self._ended[repeat.index] = (*self.measurements(repeat.index), repeat)
        self._draft.keep(repeat)

    def store(self, machine: Machine, problem: StoreError | None) -> Stored:
        """Makes the result folder of it.

        Args:
            machine: where it was measured.
            problem: what went wrong before.
        """
        repeats = self.repeats
        cuda = next((r.facts.get("cuda") for r in repeats if r.facts.get("cuda")), None)
        threads = next((r.facts.get("threads") for r in repeats if r.facts.get("threads")), None)
        run = Run(
            id=self._draft.id,
            scenario=self.scenario,
            created_at=self._begun.created_at,
            command=self._begun.command,
            machine=machine.model_copy(update={"cuda": cuda, "threads": threads}),
            repeats=tuple(repeats),
            set_aside=tuple(self.set_aside),
            study=self._begun.study,
        )
        if isinstance(self._draft, UnkeptDraft):
            self._draft.discard()
            return Stored(run=run, folder=None, problem=problem)
        try:
            return Stored(run=run, folder=self._draft.commit(run, to_yaml(self.scenario)), problem=problem)
        except StoreError as error:
            self._draft.leave()
            return Stored(run=run, folder=None, problem=error)

    def close(self) -> None:
        """Removes a new run of which nothing was measured; one that was taken up stays as it was found."""
        if self._taken_up:
            self._draft.leave()
        else:
            self._draft.discard()
