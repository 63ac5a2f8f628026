"""The cache of prepared data: entries by content in `benchbench/data` of the user's cache folder.

An entry is a folder that appears whole: it is filled under another name and renamed. Its `entry.json` holds the
SHA-256 of every file, so what is damaged is noticed and made again. Two processes that make the same entry at once
both succeed, and the first one's stays. What nobody read for 30 days is removed when an entry is added.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import tempfile
import time
from collections.abc import Generator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchbench.workload.shelf import FolderShelf, MemoryShelf, Shelf
from benchbench.workload.tokenizer import cache_folder

ENTRY = "entry.json"
_UNUSED_S = 30 * 24 * 3600.0
_ABANDONED_S = 24 * 3600.0
_WORK = ".work-"


def find(key: str) -> tuple[FolderShelf, dict[str, Any]] | None:
    """A whole entry with what `seal` was told of it, or None."""
    folder = _folder()
    if folder is None:
        return None
    shelf = FolderShelf(folder / key)
    try:
        sealed = json.loads((shelf.folder / ENTRY).read_text(encoding="utf-8"))
        content = sealed["content"]
        if sealed["sha256"] != _digest(content) or any(
            _sha256(shelf.folder / name) != digest for name, digest in content["files"].items()
        ):
            return None
        known: dict[str, Any] = content["known"]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    with suppress(OSError):
        os.utime(shelf.folder)
    return shelf, known


def seal(shelf: Shelf, known: Mapping[str, Any], files: Mapping[str, str]) -> None:
    """Finishes an entry.

    Args:
        shelf: its files are there.
        known: what `find` gives back, JSON-ready.
        files: the SHA-256 of each file by its name.
    """
    content = {"known": known, "files": files}
    with shelf.create(ENTRY) as file:
        file.write(json.dumps({"sha256": _digest(content), "content": content}).encode())


def keep(shelf: Shelf, key: str) -> None:
    """Gives a sealed entry its place, if its shelf lies in the cache; another process's whole entry stays."""
    folder = _folder()
    if not isinstance(shelf, FolderShelf) or shelf.folder.parent != folder:
        return
    with suppress(OSError):
        if find(key) is None:
            _discard(folder / key)
            shelf.folder.rename(folder / key)
        _sweep(folder)


def places() -> Generator[Shelf]:
    """Where an entry can be made, the best first: in the cache, in a temporary folder, in memory.

    Each is emptied when the next is asked for, or the iterator is closed.
    """
    for base in (_folder(), Path(tempfile.gettempdir())):
        work = _work_folder(base)
        if work is not None:
            try:
                yield FolderShelf(work)
            finally:
                shutil.rmtree(work, ignore_errors=True)
    yield MemoryShelf()


def _work_folder(base: Path | None) -> Path | None:
    if base is None:
        return None
    work = base / f"{_WORK}{secrets.token_hex(8)}"
    try:
        work.mkdir(parents=True)
    except OSError:
        return None
    return work


def _folder() -> Path | None:
    base = cache_folder()
    return None if base is None else base / "data"


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _discard(folder: Path) -> None:
    """Takes a damaged entry away: renamed first, so that nobody finds half of it."""
    with suppress(FileNotFoundError):
        aside = folder.with_name(f"{_WORK}{secrets.token_hex(8)}")
        folder.rename(aside)
        if aside.is_dir():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.unlink()


def _sweep(folder: Path) -> None:
    """Removes what was not used for long, and what killed processes left."""
    now_s = time.time()
    for path in folder.iterdir():
        with suppress(OSError):
            unused_s = now_s - path.stat().st_mtime
            if unused_s > (_ABANDONED_S if path.name.startswith(_WORK) else _UNUSED_S):
                _discard(path)
