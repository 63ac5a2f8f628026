"""Result folders that appear whole or not at all.

A run in progress lives in `<out>/.<id>/`, one folder a repeat, each written as it happens. When the run ends, the
whole result is written in there, made durable, and renamed to `<out>/<id>`; only then does the working folder go.
A command that is killed leaves its working folder, with every repeat that ended, and no half-written result.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from benchbench.errors import RecordError, StoreError
from benchbench.record import document, lookup, raw, tables
from benchbench.record.claim import claim
from benchbench.record.figures import RawLines
from benchbench.record.lookup import RESULT
from benchbench.record.speed import refuse_damaged
from benchbench.record.types import SCHEMA, Outcome, Repeat, Run

SCENARIO = "scenario.yaml"
SET_ASIDE = "set-aside"
_WHOLE = "whole"
_DRAFT = re.compile(r"\.\d{8}-\d{6}-.+-[0-9a-f]{4,8}")


def now() -> str:
    """This moment as ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def new_id(slug: str) -> str:
    """A fresh id, sortable by time: `20260131-235959-bert-base-3f9a01c2` (a thousand variants may begin at once)."""
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{slug}-{secrets.token_hex(4)}"


@contextmanager
def writing(what: Path) -> Iterator[None]:
    """Turns what a disk refuses into a `StoreError` that names the file."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"cannot be written: {error.strerror or error}", file=str(what)) from error


def write_atomic(path: Path, text: str) -> None:
    """Writes a file beside its place, makes it durable and renames it into place.

    Raises:
        StoreError: it cannot be written; what stood there before still stands.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with writing(path):
        try:
            with beside.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
            sync_folder(path.parent)
        finally:
            beside.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Makes a folder's list of names durable, where its file system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class Draft:
    """A run in progress: its hidden folder and the repeats that ended so far.

    Args of the constructor:
        out: the results folder.
        run_id: the run's.
        held: the claim on a folder that an earlier command left (see `claim`); None makes a new one.

    Raises:
        StoreError: it cannot be made.
    """

    def __init__(self, out: Path, run_id: str, held: int | None = None) -> None:
        self.out = out
        self.id = run_id
        self.folder = out / f".{run_id}"
        self._held = held
        if held is None:
            with writing(self.folder):
                self.folder.mkdir(parents=True)
            with contextlib.suppress(OSError):  # a file system without locks: nobody will take it up
                self._held = claim(self.folder)

    def repeat_folder(self, index: int, attempt: int = 0) -> Path:
        """The folder for the raw lines of one measurement of a repeat; one that was killed may have left some there."""
        folder = self.folder / _folder_name(index, attempt)
        with writing(folder):
            folder.mkdir(exist_ok=True)
        return folder

    def ended(self) -> dict[int, list[Repeat]]:
        """Each repeat's measurements that were kept, in their order; one that was stopped from outside has not ended.

        Raises:
            RecordError: one is damaged.
        """
        found: dict[int, list[Repeat]] = {}
        for file in self.folder.glob(f"repeat-*/{raw.REPEAT}"):
            repeat = lookup.validated(Repeat, lookup.parsed(file), file)
            if repeat.outcome is not Outcome.INTERRUPTED:
                found.setdefault(repeat.index, []).append(repeat)
        return {index: sorted(found[index], key=lambda r: r.attempt) for index in sorted(found)}

    def keep(self, repeat: Repeat) -> None:
        """Makes a repeat that ended durable."""
        folder = self._folder_of(repeat)
        write_atomic(folder / raw.REPEAT, repeat.model_dump_json(by_alias=True, indent=1))

    def commit(self, run: Run, scenario_yaml: str) -> Path:
        """Writes the whole result and gives it its visible name.

        Returns:
            The result folder.

        Raises:
            StoreError: it cannot be written; the working folder stays.
        """
        final, whole = self.out / self.id, self.folder / _WHOLE
        with writing(final):
            shutil.rmtree(whole, ignore_errors=True)
            whole.mkdir()
            self._write(whole, run, scenario_yaml)
            for file in whole.rglob("*"):
                if file.is_file():
                    with file.open("rb") as handle:
                        os.fsync(handle.fileno())
            sync_folder(whole)
            whole.rename(final)
        sync_folder(self.out)
        self.discard()
        return final

    def _write(self, whole: Path, run: Run, scenario_yaml: str) -> None:
        folders = {r.index: self._folder_of(r) for r in run.repeats}
        tables.write(whole, {index: read_raw(folder) for index, folder in folders.items()})
        (whole / SCENARIO).write_text(scenario_yaml, encoding="utf-8")
        text = json.dumps(document.result(run), indent=1, ensure_ascii=False, allow_nan=False)
        (whole / RESULT).write_text(text + "\n", encoding="utf-8")
        _join_logs(whole / raw.LOG, folders)
        for index, folder in folders.items():
            if (folder / raw.CHECKPOINTS).is_dir():
                kept = whole / raw.CHECKPOINTS / f"repeat-{index}"
                shutil.copytree(folder / raw.CHECKPOINTS, kept, symlinks=True, copy_function=_second_name)
        for repeat in run.set_aside:
            folder = self._folder_of(repeat)
            kept = whole / SET_ASIDE / folder.name
            kept.mkdir(parents=True)
            tables.write(kept, {repeat.index: read_raw(folder)})
            _join_logs(kept / raw.LOG, {repeat.index: folder})

    def _folder_of(self, repeat: Repeat) -> Path:
        return self.folder / _folder_name(repeat.index, repeat.attempt)

    def discard(self) -> None:
        """Removes the working folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.leave()

    def leave(self) -> None:
        """Lets go of the working folder: another command may take it up."""
        if self._held is not None:
            os.close(self._held)
            self._held = None


def _folder_name(index: int, attempt: int) -> str:
    return f"repeat-{index}" if attempt == 0 else f"repeat-{index}-again-{attempt}"


def _second_name(file: str, name: str) -> None:
    """Gives a file a second name, or copies it where the file system knows one only."""
    try:
        os.link(file, name)
    except OSError:
        shutil.copy2(file, name)


def _join_logs(log: Path, folders: Mapping[int, Path]) -> None:
    with log.open("wb") as joined:
        for index, folder in folders.items():
            joined.write(f"--- repeat {index} ---\n".encode())
            part = folder / raw.LOG
            if part.is_file():
                with part.open("rb") as source:
                    shutil.copyfileobj(source, joined)


def read_raw(folder: Path) -> RawLines:
    """The raw lines of one repeat, however it ended."""
    return RawLines(events=tuple(raw.lines(folder / raw.EVENTS)), telemetry=tuple(raw.lines(folder / raw.TELEMETRY)))


def read_run(folder: Path) -> Run:
    """The run of a result folder or of a `result.json`.

    Raises:
        RecordError: missing, truncated, of a schema that this version does not know, or with numbers that are no
            measurements.
    """
    file, data = lookup.document(folder, RESULT, "run", SCHEMA)
    run = lookup.validated(Run, data["run"], file, "run")
    try:
        refuse_damaged(run)
    except RecordError as error:
        error.file = str(file)
        raise
    return run


def run_folders(out: Path) -> list[Path]:
    """Every whole run under a results folder, oldest first."""
    return lookup.folders(out, RESULT)


def unfinished(out: Path) -> list[Path]:
    """Working folders that a killed command left behind (or that one still works in)."""
    if not out.is_dir():
        return []
    drafts = [f for f in out.iterdir() if f.is_dir() and _DRAFT.fullmatch(f.name)]
    return sorted(f for f in drafts if not (out / f.name[1:] / RESULT).is_file())
