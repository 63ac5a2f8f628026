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
from typing import Any

from pydantic import ValidationError

from benchbench.errors import RecordError, StoreError, nearest
from benchbench.record.store import write_atomic
from benchbench.record.study import Study

STUDY = "study.json"
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
    file = folder / STUDY if folder.is_dir() else folder
    try:
        data: Any = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecordError(f"not a study's folder: it holds no {STUDY}", file=str(folder)) from None
    except (OSError, ValueError) as error:
        raise RecordError(f"cannot be read ({error}); the file is damaged", file=str(file)) from None
    if not isinstance(data, dict) or "study" not in data:
        raise RecordError("not a BenchBench study", file=str(file))
    if data.get("schema") != _SCHEMA:
        told = f"schema {data.get('schema')!r} is not known here (this version reads {_SCHEMA})"
        raise RecordError(f"{told}; a newer BenchBench wrote it", file=str(file))
    try:
        return Study.model_validate_json(json.dumps(data))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise RecordError(f"damaged: {first['msg']}", file=str(file), key=".".join(map(str, first["loc"]))) from None


def study_folders(out: Path) -> list[Path]:
    """Every whole study under a results folder, oldest first."""
    if not out.is_dir():
        return []
    whole = [f for f in out.iterdir() if not f.name.startswith(".") and (f / STUDY).is_file()]
    return sorted(whole, key=lambda folder: ((folder / STUDY).stat().st_mtime, folder.name))


def find_study(out: Path, name: str) -> Path:
    """The folder or file that a user's word means: a path, a study under `out`, or its name's unique beginning.

    Raises:
        RecordError: nothing, or more than one thing, has that name.
    """
    for candidate in (out / name, Path(name)):
        if not Path(name).name.startswith(".") and (candidate / STUDY).is_file():
            return candidate
    if Path(name).is_file():
        return Path(name)
    known = [folder.name for folder in study_folders(out)]
    matches = [k for k in known if k.startswith(name)] if name else []
    if len(matches) == 1:
        return out / matches[0]
    if matches:
        raise RecordError(f"{name!r} is the beginning of {len(matches)} studies; write more of it", file=str(out))
    hint = nearest(name, known) if known else f"there are no studies under {out}"
    raise RecordError(f"no study is called {name!r}: {hint}")
