"""The processes under one process, from one look at the whole process table."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Collection, Iterator

_SCAN_S = 0.5
_SCAN_SHARE = 0.01  # of the time, at most, goes into looking at the process table
_LONGEST_S = 5.0  # between two looks, whatever the kernel says of new processes
_PS_TIMEOUT_S = 5.0


class WatchedTree:
    """The processes below one, looked for twice a second, or more seldom on a machine with very many.

    Where the kernel tells the newest process's number, a look is due only once there is another: a tree that gained
    nobody is the tree of before, and a reader notices by itself who ended.

    Args of the constructor:
        root_pid: the process at the top, no part of the tree.
        without: processes that are left out with all that is below them.
    """

    def __init__(self, root_pid: int, without: frozenset[int] = frozenset()) -> None:
        self._root_pid = root_pid
        self._without = without
        self._pids: frozenset[int] = frozenset()
        self._due_s = 0.0
        self._overdue_s = 0.0
        self._newest: bytes | None = None

    def pids(self, now_s: float) -> frozenset[int]:
        """The tree as it was when it was last looked for; `now_s` is the monotonic clock."""
        if now_s >= self._due_s:
            began_s = time.thread_time()
            newest = _newest_process()
            if newest is None or newest != self._newest or now_s >= self._overdue_s:
                self._newest = newest
                self._pids = frozenset(descendants(self._root_pid, self._without))
                self._overdue_s = now_s + _LONGEST_S
            self._due_s = now_s + max(_SCAN_S, (time.thread_time() - began_s) / _SCAN_SHARE)
        return self._pids


def _newest_process() -> bytes | None:
    """The last number that the kernel gave to a process or thread (proc(5), loadavg); None where it does not tell."""
    try:
        file = os.open("/proc/loadavg", os.O_RDONLY | os.O_CLOEXEC)
        try:
            fields = os.read(file, 128).split()
        finally:
            os.close(file)
    except OSError:
        return None
    return fields[4] if len(fields) == 5 else None


def descendants(root_pid: int, without: Collection[int] = ()) -> list[int]:
    """Every process below `root_pid`, parents before their children, the root itself left out.

    A process whose parent died belongs to whoever adopted it: the nearest ancestor that called itself a
    subreaper, else init. Processes that come or go during the look may be in the answer or not.

    Args:
        root_pid: the process at the top; nothing is found below one that does not exist.
        without: processes that are left out with all that is below them.
    """
    children: defaultdict[int, list[int]] = defaultdict(list)
    for pid, parent_pid in _parents():
        if pid not in without:
            children[parent_pid].append(pid)
    found = list(children[root_pid])
    for pid in found:  # grows while it is walked
        found += children[pid]
    return found


def exists(pid: int) -> bool:
    """Whether this namespace has such a process; asking does nothing to it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it is somebody else's
        return True
    return True


def _parents() -> Iterator[tuple[int, int]]:
    """Every process with its parent. The kernel's own children files are missing from many kernels."""
    return _parents_from_proc() if sys.platform == "linux" else _parents_from_ps()


def _parents_from_proc() -> Iterator[tuple[int, int]]:
    for name in os.listdir("/proc"):  # noqa: PTH208 - strings are all that is wanted, some hundred times a scan
        if not name.isdecimal():
            continue
        try:
            file = os.open(f"/proc/{name}/stat", os.O_RDONLY | os.O_CLOEXEC)
            try:
                stat = os.read(file, 1024)
            finally:
                os.close(file)
        except OSError:  # it ended
            continue
        # pid (command) state ppid ...: the command may hold spaces and parentheses of its own
        yield int(name), int(stat[stat.rindex(b")") + 2 :].split(None, 2)[1])


def _parents_from_ps() -> Iterator[tuple[int, int]]:
    try:
        table = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, timeout=_PS_TIMEOUT_S, check=True)
    except (OSError, subprocess.SubprocessError):
        return
    for line in table.stdout.splitlines():
        pid, parent_pid = line.split()
        yield int(pid), int(parent_pid)
