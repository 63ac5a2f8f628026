"""Measurements on one machine take turns: one lock file, held by the command and by every process tree below it.

The lock is the kernel's (flock), so it is free the moment the last holder is gone, however it went.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from benchbench.errors import StoreError

PATH_VARIABLE = "BENCHBENCH_LOCK"


def lock_path() -> Path:
    """The lock's file: one for all users of the machine, or the one that BENCHBENCH_LOCK names."""
    named = os.environ.get(PATH_VARIABLE)
    if named:
        return Path(named)
    shared = Path("/tmp")  # noqa: S108 - one place for all users, whatever their TMPDIR
    return (shared if shared.is_dir() else Path(tempfile.gettempdir())) / "benchbench.lock"


@contextlib.contextmanager
def machine_lock(say: Callable[[str], None], holder: str = "benchbench") -> Iterator[int]:
    """Holds the machine's lock; sleeps until it is free, and first says for whom it waits.

    Args:
        say: is told once, in a sentence, when there is someone to wait for.
        holder: what others are told about us.

    Yields:
        The lock's file descriptor, to be passed to the process trees below.

    Raises:
        StoreError: the lock's file cannot be opened.
    """
    path = lock_path()
    try:
        fd = _open(path)
    except OSError as error:
        raise StoreError(f"the machine's lock cannot be opened: {error.strerror}", file=str(path)) from None
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another measurement on this machine: {_holder(fd)}")
            fcntl.flock(fd, fcntl.LOCK_EX)
        _sign(fd, holder)
        yield fd
    finally:
        os.close(fd)


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
    for attempt in (flags, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC):
        with contextlib.suppress(FileNotFoundError, PermissionError):
            return os.open(path, attempt)
    with contextlib.suppress(FileExistsError):
        fd = os.open(path, flags | os.O_CREAT | os.O_EXCL, 0o666)
        with contextlib.suppress(OSError):
            os.fchmod(fd, 0o666)  # the next user may write a name into it too, whatever our umask is
        return fd
    return os.open(path, flags)


def _sign(fd: int, holder: str) -> None:
    with contextlib.suppress(OSError):  # another user's file, opened to read only: locked all the same
        os.ftruncate(fd, 0)
        os.pwrite(fd, json.dumps({"pid": os.getpid(), "command": holder}).encode(), 0)


def _holder(fd: int) -> str:
    try:
        said = json.loads(os.pread(fd, 4096, 0))
        return f"{said['command']} (process {said['pid']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "its holder left no name"
