"""What telemetry and the live view cost the training that they watch (`python -m benchmarks.telemetry_cost`).

Claim: at the defaults both together cost under 1 % of the step time. One training goes on, block by block; beside one
block of each pair the observer of a run is at work, watching this process and reading its events, and its parent draws
the live view of what the observer tells; beside the other block both are stopped (SIGSTOP), so that the two differ in
nothing else and may be short.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
from rich.console import Console

from benchbench.cli.live import LiveDisplay
from benchbench.record.raw import EVENTS, TELEMETRY
from benchbench.scenario.loading import load
from benchbench.scenario.scenario import Scenario
from benchbench.units import human
from benchmarks import pairs

CLAIM = 1.01
INTERVAL_S = 0.1
_WARMUP_STEPS = 20
_START_S = 30.0
_CALM_S = 0.2  # before a block: an observer that goes on reads what it missed meanwhile


def main() -> int:
    """Runs the measurement in a process below this one, as a trainer runs below its command, and shows it live."""
    options = pairs.parser(__doc__, "telemetry_cost.json", steps=400).parse_args()
    (scenario,) = load(options.scenario)
    told, telling = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(told)
        _measure(options, scenario, telling)
        return 0
    os.close(telling)
    _show(scenario, told)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _show(scenario: Scenario, told: int) -> None:
    """The live view, on a terminal that nobody reads, until nobody tells anything any more."""
    with Path(os.devnull).open("w") as nowhere, os.fdopen(told, "rb") as progress:
        display = LiveDisplay(Console(file=nowhere, force_terminal=True, width=100), 1)
        with display:
            for line in progress:
                display.watch(scenario, 0, json.loads(line))


def _measure(options: argparse.Namespace, scenario: Scenario, telling: int) -> None:
    from benchbench.training.assembly import assemble, choose_device, load_data
    from benchbench.training.events import EventFile

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
        with _observer(Path(name), telling) as watching:

            def watched() -> float:
                with _awake(watching):
                    return cost.of(watching, lambda: block(options.steps))

            def alone() -> float:
                time.sleep(_CALM_S)
                return block(options.steps)

            found = pairs.alternate({"on": watched, "off": alone}, options.pairs)
    _report(options, found, cost, f"{scenario.name} on {device.type}")


class _Cost:
    """CPU seconds of the observer and the live view, and the seconds of the blocks that they were beside."""

    def __init__(self) -> None:
        self.cpu_s = 0.0
        self.wall_s = 0.0

    def of(self, watching: Sequence[psutil.Process], block: pairs.Block) -> float:
        before_s, began_s = sum(map(_cpu_s, watching)), time.perf_counter()
        block_s = block()
        self.cpu_s += sum(map(_cpu_s, watching)) - before_s
        self.wall_s += time.perf_counter() - began_s
        return block_s


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextmanager
def _observer(folder: Path, telling: int) -> Iterator[tuple[psutil.Process, psutil.Process]]:
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
            watching = (psutil.Process(process.pid), view)
            for one in watching:
                one.suspend()
            yield watching
        finally:
            process.kill()
            view.resume()


@contextmanager
def _awake(watching: Sequence[psutil.Process]) -> Iterator[None]:
    """Lets both go on, and read what they missed, before a block; stops them after."""
    for one in watching:
        one.resume()
    time.sleep(_CALM_S)
    yield
    for one in watching:
        one.suspend()


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
        "watching_cpu_s": cost.cpu_s,
        "watched_s": cost.wall_s,
        "watching_cpu_share": cost.cpu_s / cost.wall_s,
    }
    pairs.write_record(options.out, options, found, findings)
    pairs.show(
        f"telemetry every {human(INTERVAL_S, 's')} and the live view, {where}",
        {
            "step time with over without": pairs.in_words(slowdown),
            "their share of one CPU": human(cost.cpu_s / cost.wall_s, "%"),
            f"claim, below {CLAIM}": verdict,
            "record": str(options.out),
        },
    )


if __name__ == "__main__":
    sys.exit(main())
