"""What Linux offers to keep hold of a process tree: parent-death signals, a subreaper, ends without survivors.

Elsewhere (macOS) the same functions do what can be done there with plain signals.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

from benchbench.hardware.process_tree import descendants

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
TREE_MARK = "BENCHBENCH_TREE"
_PATIENCE_S = 10.0


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def die_with_parent(expected_parent: int, with_signal: int = signal.SIGKILL) -> None:
    """Has the kernel signal this process when its parent ends; ends now if the parent already did.

    Args:
        expected_parent: the parent's process id, known before this process was started.
        with_signal: what to receive.
    """
    _prctl(_PR_SET_PDEATHSIG, with_signal)
    if os.getppid() != expected_parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Makes this process the parent of every descendant whose own parent ends, new sessions included."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def end_tree(root: int, spare: Iterable[int] = ()) -> None:
    """Ends every descendant of a process that adopts its orphans, until none is left.

    Each is stopped first, so that none can start others while the rest is being ended.

    Args:
        root: the process whose descendants end.
        spare: direct children to leave alone, with what is below them.
    """
    give_up = time.monotonic() + _PATIENCE_S
    while time.monotonic() < give_up:
        found = descendants(root, without=set(spare))
        if not found:
            return
        _signal_all(found, signal.SIGSTOP)
        _signal_all(found, signal.SIGKILL)
        _reap()
        time.sleep(0.002)  # a killed process takes a moment to go; nothing is measured now


def _signal_all(pids: Iterable[int], number: int) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            continue


def _reap() -> None:
    """Collects every child that ended."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass


def end_marked(mark: str) -> int:
    """Ends every process of this user whose environment carries a tree's mark.

    The last resort, for where the supervisor itself was killed.

    Returns:
        How many were ended.
    """
    needle = f"{TREE_MARK}={mark}".encode()
    ended = 0
    for _ in range(20):
        found = [pid for pid in _all_pids() if pid != os.getpid() and needle in _environment(pid)]
        if not found:
            break
        _signal_all(found, signal.SIGSTOP)
        _signal_all(found, signal.SIGKILL)
        ended += len(found)
        time.sleep(0.01)
    return ended


def _all_pids() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return []
