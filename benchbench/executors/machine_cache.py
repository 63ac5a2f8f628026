"""What was found out about this machine once and for all, kept in the user's cache folder."""

from __future__ import annotations

import contextlib
from pathlib import Path

from benchbench.errors import StoreError
from benchbench.record.store import write_atomic


class MachineCache:
    """Documents of one kind by key. They outlive the command; a cache that cannot be written to keeps none.

    Args of the constructor:
        kind: the name of their folder.
        folder: in its place; None for one in the user's cache.
    """

    def __init__(self, kind: str, folder: Path | None = None) -> None:
        self._kind, self._folder = kind, folder

    def read(self, key: str) -> str:
        """A document; OSError where there is none, ValueError where it is no text."""
        return self._file(key).read_text(encoding="utf-8")

    def write(self, key: str, text: str) -> None:
        """Keeps a document where that can be done."""
        with contextlib.suppress(OSError, StoreError):
            file = self._file(key)
            file.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(file, text)

    def _file(self, key: str) -> Path:
        if self._folder is not None:
            return self._folder / f"{key}.json"
        from benchbench.workload.tokenizer import cache_folder

        folder = cache_folder()
        if folder is None:
            raise FileNotFoundError("this user has no cache folder")
        return folder / self._kind / f"{key}.json"
