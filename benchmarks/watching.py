"""A training in this process with a run's observer and live view beside it: what two benchmarks share."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
from rich.console import Console

from benchbench.cli.live import LiveDisplay
from benchbench.record.raw import EVENTS, TELEMETRY
from benchbench.scenario.scenario import Scenario

INTERVAL_S = 0.1
_START_S = 30.0
_CALM_S = 0.2  # before a block: an observer that goes on reads what it missed meanwhile
Watchers = tuple[psutil.Process, psutil.Process]
"""The observer, and the process that draws the live view."""


def below(scenario: Scenario, measure: Callable[[int], None]) -> int:
    """Measures in a process below this one, as a trainer runs below its command, and shows it live here.

    Args:
        scenario: what is shown.
        measure: called in the process below with the file descriptor that its observer tells its progress to.

    Returns:
        The exit code of the process below.
    """
    told, telling = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told)
        measure(telling)
        return 0
    os.close(telling)
    _show(scenario, told)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@contextmanager
def training(scenario: Scenario, device_name: str, folder: Path) -> Iterator[Callable[[int], float]]:
    """A training whose events go to a folder: it takes a number of steps and returns their seconds by its own clock."""
    from benchbench.training.assembly import assemble, choose_device, load_data
    from benchbench.training.events import EventFile

    with closing(EventFile(folder / EVENTS)) as events:
        loop = assemble(scenario, load_data(scenario), choose_device(device_name), events)

        def block(steps: int) -> float:
            before_s = loop.training_s
            loop.start()
            for _ in range(steps):
                loop.step()
            loop.stop()
            return loop.training_s - before_s

        yield block


def _show(scenario: Scenario, told: int) -> None:
    """The live view, on a terminal that nobody reads, until nobody tells anything any more."""
    with Path(os.devnull).open("w") as nowhere, os.fdopen(told, "rb") as progress:
        display = LiveDisplay(Console(file=nowhere, force_terminal=True, width=100), 1)
        with display:
            for line in progress:
                display.watch(scenario, 0, json.loads(line))


def cpu_s(watchers: Sequence[psutil.Process]) -> float:
    """CPU seconds that these processes used so far."""
    return float(sum(times.user + times.system for times in (one.cpu_times() for one in watchers)))


def calm() -> None:
    """Waits as long as `awake` does, with nobody waking up."""
    time.sleep(_CALM_S)


@contextmanager
def observer(folder: Path, telling: int) -> Iterator[Watchers]:
    """A run's observer, and the parent that shows what it tells, both stopped after the first sample."""
    telemetry, view = folder / TELEMETRY, psutil.Process(os.getppid())
    command = [
        sys.executable, "-P", "-m", "benchbench.hardware.observer", "--folder", str(folder),
        "--root-pid", str(view.pid), "--interval", str(INTERVAL_S), "--progress-fd", str(telling),
    ]  # fmt: skip
    with subprocess.Popen(command, pass_fds=[telling]) as process:
        os.close(telling)
        try:
            _await_first_sample(telemetry, process)
            watchers = (psutil.Process(process.pid), view)
            for one in watchers:
                one.suspend()
            yield watchers
        finally:
            process.kill()
            view.resume()


@contextmanager
def awake(watchers: Sequence[psutil.Process]) -> Iterator[None]:
    """Lets both go on, and read what they missed, before a block; stops them after."""
    for one in watchers:
        one.resume()
    time.sleep(_CALM_S)
    yield
    for one in watchers:
        one.suspend()


def _await_first_sample(telemetry: Path, process: subprocess.Popen[bytes]) -> None:
    give_up_s = time.monotonic() + _START_S
    while time.monotonic() < give_up_s and process.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            if telemetry.read_bytes().count(b"\n") >= 2:
                return
        time.sleep(0.02)
    raise RuntimeError("the observer took no sample")
