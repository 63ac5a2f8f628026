"""What telemetry costs the training that it watches (`python -m benchmarks.telemetry_cost`).

Claim: telemetry at 100 ms costs under 1 % of the step time. One training goes on, block by block; beside one block of
each pair the observer of a run is at work, watching this process and reading its events; beside the other it is
stopped (SIGSTOP), so that the two blocks differ in nothing else and may be short.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil

from benchbench.record.raw import EVENTS, TELEMETRY
from benchbench.units import human
from benchmarks import pairs

CLAIM = 1.01
INTERVAL_S = 0.1
_WARMUP_STEPS = 20
_START_S = 30.0
_CALM_S = 0.2  # before a block: an observer that goes on reads what it missed meanwhile


def main() -> int:
    """Runs the measurement in a process below this one, as a trainer runs below its supervisor."""
    options = pairs.parser(__doc__, "telemetry_cost.json", steps=400).parse_args()
    child = os.fork()
    if child == 0:
        _measure(options)
        return 0
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _measure(options: argparse.Namespace) -> None:
    from benchbench.scenario.loading import load
    from benchbench.training.assembly import assemble, choose_device, load_data
    from benchbench.training.events import EventFile

    (scenario,) = load(options.scenario)
    device = choose_device(options.device)
    with tempfile.TemporaryDirectory() as name, closing(EventFile(Path(name) / EVENTS)) as events:
        loop = assemble(scenario, load_data(scenario), device, events)
        cost = _Cost()

        def block(steps: int) -> float:
            """Seconds of a block by the loop's own clock, from its start to the end of its last step."""
            before_s = loop.training_s
            loop.start()
            for _ in range(steps):
                loop.step()
            loop.stop()
            return loop.training_s - before_s

        block(_WARMUP_STEPS)
        with _observer(Path(name)) as observer:

            def watched() -> float:
                with _awake(observer):
                    return cost.of(observer, lambda: block(options.steps))

            def alone() -> float:
                time.sleep(_CALM_S)
                return block(options.steps)

            found = pairs.alternate({"on": watched, "off": alone}, options.pairs)
    _report(options, found, cost, f"{scenario.name} on {device.type}")


class _Cost:
    """CPU seconds of the observer and the seconds of the blocks that it was beside."""

    def __init__(self) -> None:
        self.cpu_s = 0.0
        self.wall_s = 0.0

    def of(self, observer: psutil.Process, block: pairs.Block) -> float:
        before_s, began_s = _cpu_s(observer), time.perf_counter()
        block_s = block()
        self.cpu_s += _cpu_s(observer) - before_s
        self.wall_s += time.perf_counter() - began_s
        return block_s


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def _observer(folder: Path) -> Iterator[psutil.Process]:
    """A run's observer, stopped after its first sample."""
    telemetry = folder / TELEMETRY
    telemetry.unlink(missing_ok=True)
    with Path(os.devnull).open("wb") as progress:
        command = [
            sys.executable, "-P", "-m", "benchbench.hardware.observer", "--folder", str(folder),
            "--root-pid", str(os.getppid()), "--interval", str(INTERVAL_S), "--progress-fd", str(progress.fileno()),
        ]  # fmt: skip
        with subprocess.Popen(command, pass_fds=[progress.fileno()]) as process:
            try:
                _await_first_sample(telemetry, process)
                process.send_signal(signal.SIGSTOP)
                yield psutil.Process(process.pid)
            finally:
                process.kill()


@contextmanager
def _awake(observer: psutil.Process) -> Iterator[None]:
    """Lets the observer go on, and read what it missed, before a block; stops it after."""
    observer.resume()
    time.sleep(_CALM_S)
    yield
    observer.suspend()


def _await_first_sample(telemetry: Path, process: subprocess.Popen[bytes]) -> None:
    give_up_s = time.monotonic() + _START_S
    while time.monotonic() < give_up_s and process.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            if telemetry.read_bytes().count(b"\n") >= 2:
                return
        time.sleep(0.02)
    raise RuntimeError("the observer took no sample")


def _report(options: argparse.Namespace, found: list[pairs.Pair], cost: _Cost, where: str) -> None:
    slowdown = pairs.ratio(found, over="on", under="off")
    assert slowdown.low is not None
    assert slowdown.high is not None
    verdict = "holds" if slowdown.high < CLAIM else "fails" if slowdown.low >= CLAIM else "undecided"
    findings = {
        "claim": CLAIM,
        "verdict": verdict,
        "interval_s": INTERVAL_S,
        "step_time_ratio": slowdown.document(),
        "observer_cpu_s": cost.cpu_s,
        "observed_s": cost.wall_s,
        "observer_cpu_share": cost.cpu_s / cost.wall_s,
    }
    pairs.write_record(options.out, options, found, findings)
    pairs.show(
        f"telemetry every {human(INTERVAL_S, 's')}, {where}",
        {
            "step time with over without": pairs.in_words(slowdown),
            "the observer's share of one CPU": human(cost.cpu_s / cost.wall_s, "%"),
            f"claim, below {CLAIM}": verdict,
            "record": str(options.out),
        },
    )


if __name__ == "__main__":
    sys.exit(main())
