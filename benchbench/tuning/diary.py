"""The diary of a search: one line for each thing that it did, durable before the next begins.

It is what `--resume` goes by. Optuna's own storage is made anew from it, so that neither a journal that was cut short
nor a sampler's random state, which Optuna does not store, can change what a search does next.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError

from benchbench.record.store import writing
from benchbench.record.study import Overrides
from benchbench.record.types import Run
from benchbench.tuning.method import Plan
from benchbench.tuning.setups import Role
from benchbench.values import Observed

DIARY = "diary.jsonl"


class Entry(Observed):
    """A proposal that was opened (without `ended_s`), or what became of it."""

    number: int
    overrides: Overrides
    role: Role
    probe: bool = False
    deadline_s: float | None = None
    too_slow_s: float | None = None
    why: str = ""
    tells: bool = True
    predicted: float | None = Field(None, description="the objective that was expected, before it was measured")
    index: int = Field(0, description="of the repeat that was to be measured")
    started_s: float = Field(description="of the budget, when it was proposed")
    ended_s: float | None = None
    opened_at: float | None = Field(None, description="the same moment by the system's clock, where time is real")
    run_ids: tuple[str, ...] = Field((), description="the stored run; of a confirmation all of them")
    runs: tuple[Run, ...] = Field((), description="the runs themselves, where they are not stored")
    refused: str | None = None
    abandoned: str | None = None
    real: bool = Field(False, description="under search.proxy: whether the scenario itself was measured")

    @property
    def plan(self) -> Plan:
        """How it was to be measured."""
        return Plan(probe=self.probe, deadline_s=self.deadline_s, too_slow_s=self.too_slow_s, why=self.why)

    @property
    def opened(self) -> bool:
        """Whether it says only that something was begun."""
        return self.ended_s is None


class Diary:
    """The file of a search's folder. Written by one thread of one process."""

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        """Opens it, and cuts off a last line that a kill left unfinished.

        Args:
            folder: the study's working folder.
            durable: whether each line must survive the machine, and not just the process.

        Raises:
            StoreError: it cannot be written (as for `add`).
        """
        self.file = folder / DIARY
        self._durable = durable
        whole = _whole(self.file)
        with writing(self.file):
            self._handle = self.file.open("ab")
            self._handle.truncate(whole)

    def add(self, entry: Entry) -> None:
        """Writes a line."""
        line = entry.model_dump_json(by_alias=True, exclude_defaults=True) + "\n"
        with writing(self.file):
            self._handle.write(line.encode())
            self._handle.flush()
            if self._durable:
                os.fsync(self._handle.fileno())

    def __enter__(self) -> Self:
        """Is itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the file."""
        self._handle.close()


def entries(folder: Path) -> Iterator[Entry]:
    """The lines of a folder's diary up to the first one that is damaged; none where there is none.

    Args:
        folder: the study's.
    """
    file = folder / DIARY
    with file.open("rb") if file.exists() else Path(os.devnull).open("rb") as lines:
        for line in lines:
            try:
                yield Entry.model_validate_json(line)
            except ValidationError:
                return


def _whole(file: Path) -> int:
    """How many bytes of a diary are whole lines that can be read."""
    if not file.exists():
        return 0
    length = 0
    with file.open("rb") as lines:
        for line in lines:
            try:
                Entry.model_validate_json(line)
            except ValidationError:
                break
            if not line.endswith(b"\n"):
                break
            length += len(line)
    return length
