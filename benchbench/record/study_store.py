"""Study folders, which appear whole or not at all: `study.json`, the search's storage, the recommended scenario.

A study in progress lives in `<out>/.<study>/`; when it ends, what it found is written there, made durable, and the
folder takes its visible name. A command that is killed leaves the hidden folder, which `--resume` takes up.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from benchbench.errors import InputError, RecordError, StoreError
from benchbench.record import lookup
from benchbench.record.claim import LOCK, claim
from benchbench.record.lookup import STUDY
from benchbench.record.machine import Machine
from benchbench.record.store import write_atomic
from benchbench.record.study import Objective, Study
from benchbench.scenario.scenario import Scenario
from benchbench.values import Observed

BEGUN = "study-begun.json"
_SCHEMA = 1


class StudyBegun(Observed):
    """What a search was begun with."""

    schema_version: Literal[1] = Field(1, alias="schema")
    scenario: Scenario
    objective: Objective
    objectives: tuple[Objective, ...] = ()
    seed: int
    created_at: str
    command: tuple[str, ...] = ()
    machine: Machine
    replayed_from: str | None = None


class StudyDraft:
    """A study in progress: its hidden folder, which no other command may take while this one lives.

    Args of the constructor:
        out: the results folder.
        name: the study's, and of its folder.
        held: the claim on a folder that an earlier command left; None makes a new one.

    Raises:
        StoreError: it cannot be made.
    """

    def __init__(self, out: Path, name: str, held: int | None = None) -> None:
        self.name = name
        self.folder = out / f".{name}"
        self.final = out / name
        self._held = held
        if held is None:
            try:
                self.folder.mkdir(parents=True)
            except OSError as error:
                raise StoreError(f"cannot be made: {error.strerror or error}", file=str(self.folder)) from error
            with contextlib.suppress(OSError):  # a file system without locks: nobody will take it up
                self._held = claim(self.folder)

    def begin(self, begun: StudyBegun) -> None:
        """Writes down what is searched, so that another command may take it up.

        Raises:
            StoreError: it cannot be written.
        """
        write_atomic(self.folder / BEGUN, begun.model_dump_json(by_alias=True, indent=1))

    def leave(self) -> None:
        """Lets go of the folder as it is."""
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def commit(self, study: Study, files: Mapping[str, str]) -> Path:
        """Writes what the study found and gives the folder its visible name.

        Args:
            study: the whole of it.
            files: the text of each file that stands beside `study.json`, by its name.

        Returns:
            The study's folder.

        Raises:
            StoreError: it cannot be written; the hidden folder stays.
        """
        document = json.dumps(study.document(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        for name, text in {**files, STUDY: document}.items():
            write_atomic(self.folder / name, text)
        try:
            (self.folder / LOCK).unlink(missing_ok=True)
            self.folder.rename(self.final)
            handle = os.open(self.final.parent, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise StoreError(f"cannot be written: {error.strerror or error}", file=str(self.final)) from error
        self.leave()
        return self.final

    def discard(self) -> None:
        """Forgets a study of which nothing is worth keeping."""
        self.leave()
        shutil.rmtree(self.folder, ignore_errors=True)


def begun_study(folder: Path) -> StudyBegun | None:
    """What the search of a folder, hidden or whole, was begun with; None where that cannot be read."""
    try:
        return lookup.validated(StudyBegun, lookup.parsed(folder / BEGUN), folder / BEGUN)
    except (FileNotFoundError, RecordError):
        return None


def take_up_study(out: Path, folder: Path) -> StudyDraft:
    """Takes an unfinished study, or a whole one that is to be searched on, which gets its hidden name for the while.

    Args:
        out: the results folder.
        folder: the study's.

    Raises:
        InputError: another command holds it, or it cannot be taken; says which.
    """
    name = folder.name.removeprefix(".")
    hidden = out / f".{name}"
    try:
        held = claim(folder)
        if folder != hidden:
            folder.rename(hidden)
    except BlockingIOError:
        raise InputError(f"{name} is still being searched by another command", key="--resume") from None
    except OSError as error:
        raise InputError(f"{name} cannot be taken up: {error.strerror or error}", key="--resume") from error
    return StudyDraft(out, name, held)


def begun_studies(out: Path) -> list[Path]:
    """Every folder of a study under a results folder that can be taken up, hidden or whole, the newest last."""
    if not out.is_dir():
        return []
    found = [folder for folder in out.iterdir() if (folder / BEGUN).is_file()]
    return sorted(found, key=lambda folder: ((folder / BEGUN).stat().st_mtime_ns, folder.name))


def read_study(folder: Path) -> Study:
    """The study of a folder or of a `study.json`.

    Raises:
        RecordError: missing, truncated, or of a schema that this version does not know.
    """
    file, data = lookup.document(folder, STUDY, "study", _SCHEMA)
    return lookup.validated(Study, data, file)


def study_folders(out: Path) -> list[Path]:
    """Every whole study under a results folder, oldest first."""
    return lookup.folders(out, STUDY)
