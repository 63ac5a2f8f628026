"""The executor of real runs: each repeat is a fresh process tree below a supervisor; the parent sleeps."""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from benchbench.executors.base import IDLE_S, Request, Watch
from benchbench.executors.ending import build_repeat
from benchbench.executors.fitting import Fitting
from benchbench.executors.interruption import stop_asked, undisturbed
from benchbench.executors.processes import TREE_MARK, end_marked
from benchbench.record import raw
from benchbench.record.store import now
from benchbench.record.types import Repeat
from benchbench.scenario.scenario import Scenario

SPEC = "spec.json"
_EXAMINE_S = 20.0
TRAINER = (sys.executable, "-P", "-m", "benchbench.training")


class ChildExecutor:
    """Runs the built-in trainer, or a command given in its place, in a process tree of its own.

    Args:
        command: what to start; it finds its scenario and its events' file in the environment.
        cgroups: limit memory by a cgroup where one is writable; False limits by watching alone.
    """

    def __init__(self, command: tuple[str, ...] = TRAINER, *, cgroups: bool = True) -> None:
        self.command = command
        self.cgroups = cgroups

    def run(self, request: Request, watch: Watch) -> Repeat:
        """Carries out one repeat (see `Executor`)."""
        started_at, began_s = now(), time.monotonic()
        mark = secrets.token_hex(8)
        try:
            with tempfile.TemporaryDirectory(prefix="benchbench-caches-", ignore_cleanup_errors=True) as caches:
                interrupted = self._supervise(request, self._prepare(request, mark) | {"caches": caches}, watch)
        except OSError as error:  # a full disk, no more processes
            problem = f"the repeat could not be started: {error.strerror or error}"
            return build_repeat(request, started_at, time.monotonic() - began_s, interrupted=False, problem=problem)
        if not (request.folder / raw.EXIT).exists():
            end_marked(mark)  # the supervisor itself was killed; its tree may live on
        return build_repeat(request, started_at, time.monotonic() - began_s, interrupted=interrupted)

    def _prepare(self, request: Request, mark: str) -> dict[str, Any]:
        folder = request.folder.absolute()
        scenario = request.scenario
        training = scenario.training.model_copy(update={"seed": request.seed})
        (folder / raw.SCENARIO).write_text(
            scenario.model_copy(update={"training": training}).model_dump_json(by_alias=True), encoding="utf-8"
        )
        (folder / raw.EVENTS).touch()
        return {
            "command": list(self.command),
            "cwd": str(Path.cwd()),
            "folder": str(folder),
            "parent": os.getpid(),
            "mark": mark,
            "timeout_s": max(0.0, request.timeout_s),
            "memory_limit_bytes": scenario.hardware.memory_limit,
            "cgroups": self.cgroups,
            "observed_devices": 0 if scenario.hardware.device == "cpu" else scenario.hardware.devices,
            "sample_interval_s": scenario.measure.sample_interval,
            "idle_s": IDLE_S if scenario.measure.subtract_idle else 0.0,
            "environment": _environment(scenario, folder, request, mark),
        }

    def _supervise(self, request: Request, spec: dict[str, Any], watch: Watch) -> bool:
        """Starts the supervisor and sleeps until it is gone; whether the user interrupted."""
        read_fd, write_fd = os.pipe()
        passed = [fd for fd in (write_fd, request.lock_fd) if fd is not None]
        file = request.folder / SPEC
        file.write_text(json.dumps({**spec, "progress_fd": write_fd}), encoding="utf-8")
        command = [sys.executable, "-P", "-m", "benchbench.executors.supervisor", str(file.absolute())]
        with os.fdopen(read_fd, "rb") as progress, os.fdopen(write_fd, "wb") as held:
            return _wait(lambda: self._start(command, request, passed), held, progress, watch)

    @staticmethod
    def _start(command: list[str], request: Request, passed: list[int]) -> subprocess.Popen[bytes]:
        with (request.folder / raw.LOG).open("ab") as log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=passed, start_new_session=True
            )


def _wait(start: Callable[[], subprocess.Popen[bytes]], held: BinaryIO, progress: BinaryIO, watch: Watch) -> bool:
    """Starts the supervisor and sleeps until it is gone, whatever the user presses; whether that was a stop."""
    supervisor: subprocess.Popen[bytes] | None = None
    interrupted = False
    while True:
        try:
            if supervisor is None:
                with undisturbed() as stops:  # never between the start and the name that it gets
                    supervisor = start()
                    held.close()  # the pipe ends when the last of the tree's holders does
                if stops.asked or stop_asked():
                    raise KeyboardInterrupt
            for message in _messages(progress):
                watch(message)
                if stop_asked() and not interrupted:
                    raise KeyboardInterrupt
            supervisor.wait()
            return interrupted
        except KeyboardInterrupt:
            interrupted = True
            if supervisor is None:
                return True
            supervisor.terminate()


def _messages(progress: BinaryIO) -> Iterator[Mapping[str, Any]]:
    for line in progress:
        with contextlib.suppress(ValueError):
            message = json.loads(line)
            if isinstance(message, dict):
                yield message


def _environment(scenario: Scenario, folder: Path, request: Request, mark: str) -> dict[str, str]:
    """What the tree's environment has beyond ours: where to read and write, and settings that steady a measurement."""
    added = {
        "BENCHBENCH_SCENARIO": str(folder / raw.SCENARIO),
        "BENCHBENCH_EVENTS": str(folder / raw.EVENTS),
        "BENCHBENCH_TIMEOUT_S": repr(request.timeout_s),
        "BENCHBENCH_EXAMINE_S": repr(_examine_s(request)),
        TREE_MARK: mark,
        "PYTHONUNBUFFERED": "1",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # torch's device numbers are then NVML's
        "TOKENIZERS_PARALLELISM": "true",  # said, or a worker that is forked later warns of it
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    if scenario.model is not None and scenario.model.pretrained is None and scenario.data.source != "huggingface":
        added["HF_HUB_OFFLINE"] = "1"
    if request.longest_rows:
        added["BENCHBENCH_LONGEST_ROWS"] = "1"
    if request.test_split:
        added["BENCHBENCH_TEST_SPLIT"] = "1"
    if request.deadline_s is not None:
        added["BENCHBENCH_DEADLINE_S"] = repr(request.deadline_s)
    if request.too_slow_s is not None:
        added["BENCHBENCH_TOO_SLOW_S"] = repr(request.too_slow_s)
    if scenario.hardware.threads is not None:
        threads = str(scenario.hardware.threads)
        added |= {"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads, "RAYON_NUM_THREADS": threads}
    if scenario.hardware.device == "cpu":
        added["CUDA_VISIBLE_DEVICES"] = ""
    return added


def _examine_s(request: Request) -> float:
    """Seconds that looking into the training may take: `auto` must not be what breaks a limit on memory."""
    asked, limited = request.scenario.measure.profile, request.scenario.hardware.memory_limit is not None
    if asked == "auto":
        return _EXAMINE_S if request.examine and not limited else 0.0
    return math.inf if asked else 0.0


def fitting() -> Fitting:
    """The executor of real runs, with an open micro-batch settled first."""
    return Fitting(ChildExecutor())


PLUGIN = fitting
