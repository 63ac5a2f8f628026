"""Study folders, which appear whole or not at all: `study.json`, the search's storage, the recommended scenario.

A study in progress lives in `<out>/.<study>/`; when it ends, what it found is written there, made durable, and the
folder takes its visible name. A command that is killed leaves the hidden folder with the search's storage in it.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from benchbench.errors import StoreError
from benchbench.record import lookup
from benchbench.record.lookup import STUDY
from benchbench.record.store import write_atomic
from benchbench.record.study import Study

_SCHEMA = 1


class StudyDraft:
    """A study in progress: its hidden folder."""

    def __init__(self, out: Path, name: str) -> None:
        """Makes the hidden folder.

        Args:
            out: the results folder.
            name: the study's, and of its folder.

        Raises:
            StoreError: it cannot be made.
        """
        self.name = name
        self.folder = out / f".{name}"
        self.final = out / name
        try:
            self.folder.mkdir(parents=True)
        except OSError as error:
            raise StoreError(f"cannot be made: {error.strerror or error}", file=str(self.folder)) from error

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
            self.folder.rename(self.final)
            handle = os.open(self.final.parent, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            raise StoreError(f"cannot be written: {error.strerror or error}", file=str(self.final)) from error
        return self.final

    def discard(self) -> None:
        """Forgets a study of which nothing is worth keeping."""
        shutil.rmtree(self.folder, ignore_errors=True)


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
