"""The machine watched from outside while something is measured that is no training."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from benchbench.record import raw
from benchbench.record.readings import Line

_INTERVAL_S = 0.1
_START_S = 10.0
_END_S = 5.0
_LOOK_S = 0.02


@contextmanager
def observed(devices: int) -> Iterator[list[Line]]:
    """Watches this process and all below it; everybody else is foreign.

    Args:
        devices: how many of the GPUs that torch sees are used.

    Yields:
        The lines of the telemetry, filled when the block ends; it stays empty where the observer cannot be started.
    """
    seen: list[Line] = []
    with TemporaryDirectory(prefix="benchbench-") as folder:
        file = Path(folder) / raw.TELEMETRY
        observer = _started(folder, devices)
        try:
            if observer is not None:
                _await_first_sample(observer, file)
            yield seen
        finally:
            if observer is not None:
                _end(observer)
            seen += raw.lines(file)


def _started(folder: str, devices: int) -> subprocess.Popen[bytes] | None:
    command = [
        sys.executable, "-P", "-m", "benchbench.hardware.observer", "--folder", folder, "--root-pid", str(os.getpid()),
        "--interval", str(_INTERVAL_S), "--devices", str(devices),
    ]  # fmt: skip
    with Path(os.devnull).open("wb") as nowhere, suppress(OSError):
        return subprocess.Popen(
            [*command, "--progress-fd", str(nowhere.fileno())],
            pass_fds=[nowhere.fileno()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    return None


def _await_first_sample(observer: subprocess.Popen[bytes], file: Path) -> None:
    give_up_s = time.monotonic() + _START_S
    while time.monotonic() < give_up_s and observer.poll() is None:
        with suppress(OSError):
            if file.read_bytes().count(b"\n") >= 2:
                return
        time.sleep(_LOOK_S)


def _end(observer: subprocess.Popen[bytes]) -> None:
    observer.terminate()
    try:
        observer.wait(_END_S)
    except subprocess.TimeoutExpired:
        observer.kill()
        observer.wait()
