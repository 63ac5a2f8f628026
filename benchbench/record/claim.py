"""Whose a working folder is: the kernel's lock on a file in it, free the moment that its holder is gone."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

LOCK = "lock"


def claim(folder: Path) -> int:
    """Takes a folder for this process, until the descriptor is closed or the process ends, however it does.

    Args:
        folder: that is taken.

    Returns:
        The descriptor.

    Raises:
        BlockingIOError: it is another's.
        OSError: it is gone, or its file system has no locks.
    """
    held = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        raise
    return held
