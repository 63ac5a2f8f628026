"""A memory limit on a whole process tree: by a cgroup where one is writable, else by watching."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_V1 = {"limit": "memory.limit_in_bytes", "swap": "memory.memsw.limit_in_bytes", "peak": "memory.max_usage_in_bytes"}
_V2 = {"limit": "memory.max", "swap": "memory.swap.max", "peak": "memory.peak"}


@dataclass(frozen=True)
class MemoryGroup:
    """A cgroup of our own that holds one process tree."""

    folder: Path
    version: int

    def admit(self, pid: int) -> None:
        """Puts a process, and with it all that it will start, under the limit.

        Raises:
            OSError: the kernel refuses.
        """
        (self.folder / "cgroup.procs").write_text(str(pid))

    def kills(self) -> int:
        """How many processes the kernel ended for the limit."""
        file = self.folder / ("memory.oom_control" if self.version == 1 else "memory.events")
        with contextlib.suppress(OSError):
            for line in file.read_text().splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill":
                    return int(count)
        return 0

    def remove(self) -> None:
        """Gives the cgroup back, once it is empty."""
        with contextlib.suppress(OSError):
            self.folder.rmdir()


def create_group(name: str, limit_bytes: int) -> MemoryGroup | None:
    """A cgroup with a memory limit and no swap beyond it, or None where this process may not make one."""
    for version, parent in _parents():
        folder = parent / name
        files = _V1 if version == 1 else _V2
        try:
            folder.mkdir()
        except OSError:
            continue
        try:
            (folder / files["limit"]).write_text(str(limit_bytes))
            with contextlib.suppress(OSError):  # kernels without swap accounting have no such file
                (folder / files["swap"]).write_text(str(limit_bytes if version == 1 else 0))
        except OSError:
            folder.rmdir()
            continue
        return MemoryGroup(folder, version)
    return None


def _parents() -> list[tuple[int, Path]]:
    """Where a child group may be made: beside our own, in the memory hierarchy of either version."""
    found: list[tuple[int, Path]] = []
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            inside = path.lstrip("/")
            if "memory" in controllers.split(","):
                found += [(1, _ROOT / "memory" / inside), (1, _ROOT / "memory")]
            elif not controllers:
                # A version 2 group that holds processes takes no limited children, so its parent is tried as well.
                found += [(2, (_ROOT / inside).parent), (2, _ROOT / inside)]
    return [(v, p) for v, p in found if p.is_relative_to(_ROOT) and p != _ROOT.parent]


def resident_bytes(pids: Iterable[int]) -> int:
    """The resident memory of some processes, added up (pages that they share count for each)."""
    total = 0
    for pid in pids:
        with contextlib.suppress(OSError, ValueError, IndexError):
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    return total
