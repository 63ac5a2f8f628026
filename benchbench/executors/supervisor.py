"""Owns the process tree of one repeat: starts the observer and the trainer, sleeps, and ends whatever is left.

    python -P -m benchbench.executors.supervisor SPEC.json

It wakes for three things only: a child ended, it was told to stop (its parent's death included), or a deadline
came. (Where a memory limit has no cgroup, it also wakes to watch.) It leaves `exit.json`.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchbench.executors import memory_limit
from benchbench.executors.processes import adopt_orphans, die_with_parent, end_tree
from benchbench.hardware.process_tree import descendants

_SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
_OBSERVER_START_S = 15.0
_OBSERVER_END_S = 3.0
_LAST_WORDS_S = 1.0
_WATCH_S = 0.05
_NOT_STARTED = 127
_KILLED_BELOW = 128 + signal.SIGKILL  # what a program says whose own child was killed


@dataclass
class Ending:
    """How a trainer ended, as `exit.json` holds it."""

    cause: str | None = None  # timeout, memory-limit, stopped, not-started; None = by itself
    exit_code: int | None = None
    signal: int | None = None
    started: float | None = None
    ended: float | None = None
    peak_memory_bytes: int | None = None
    memory_limit_enforced_by: str | None = None
    host_out_of_memory: bool = False
    problem: str | None = None


class Supervisor:
    """One repeat's tree. `run` does everything."""

    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec
        self.folder = Path(spec["folder"])
        self.ending = Ending()
        self.group: memory_limit.MemoryGroup | None = None
        self.stop_asked = False
        self.caches = Path(spec["caches"])

    def run(self) -> None:
        """Starts both, waits for the end, ends the tree, writes `exit.json`."""
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        die_with_parent(self.spec["parent"], signal.SIGTERM)
        adopt_orphans()
        observer = self._start_observer()
        spare = [observer.pid] if observer else []
        try:
            self._rest()
            trainer = None if self.stop_asked else self._start_trainer()
            if trainer is not None:
                self._wait(trainer)
            elif self.ending.cause is None:
                self.ending.cause = "stopped"
        finally:
            end_tree(os.getpid(), spare)
            if observer:
                _end_observer(observer)
            if self.group:
                self.group.remove()
            shutil.rmtree(self.caches, ignore_errors=True)  # the parent does so too, if it is still alive
            self._write()

    def _start_observer(self) -> subprocess.Popen[bytes] | None:
        command = [
            sys.executable, "-P", "-m", "benchbench.hardware.observer", "--folder", str(self.folder),
            "--root-pid", str(os.getpid()), "--interval", str(self.spec["sample_interval_s"]),
            "--progress-fd", str(self.spec["progress_fd"]), "--devices", str(self.spec["observed_devices"]),
        ]  # fmt: skip
        try:
            observer = subprocess.Popen(
                command,
                pass_fds=[self.spec["progress_fd"]],
                preexec_fn=_fresh_signals,
                env=self._environment(),
            )
        except OSError as error:
            self.ending.problem = f"no telemetry: {error}"
            return None
        self._await_first_sample(observer)
        return observer

    def _await_first_sample(self, observer: subprocess.Popen[bytes]) -> None:
        telemetry = self.folder / "telemetry.jsonl"
        give_up = time.monotonic() + _OBSERVER_START_S
        while time.monotonic() < give_up and observer.poll() is None:
            with contextlib.suppress(OSError):
                if telemetry.read_bytes().count(b"\n") >= 2:
                    return
            received = signal.sigtimedwait(_SIGNALS, 0.01)
            if received is not None and received.si_signo != signal.SIGCHLD:
                self.stop_asked = True
                return

    def _rest(self) -> None:
        """Lets the observer see the devices idle, where that is asked for."""
        begin_s = time.monotonic() + self.spec.get("idle_s", 0.0)
        while not self.stop_asked and (left_s := begin_s - time.monotonic()) > 0:
            received = signal.sigtimedwait(_SIGNALS, left_s)
            self.stop_asked = received is not None and received.si_signo != signal.SIGCHLD

    def _start_trainer(self) -> subprocess.Popen[bytes] | None:
        limit_bytes = self.spec["memory_limit_bytes"]
        if limit_bytes is not None:
            if self.spec["cgroups"]:
                self.group = memory_limit.create_group(f"benchbench-{self.spec['mark']}", limit_bytes)
            self.ending.memory_limit_enforced_by = "cgroup" if self.group else "watching"
        me = os.getpid()

        def prepare() -> None:
            _fresh_signals()
            die_with_parent(me)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            if self.group:
                self.group.admit(os.getpid())

        self.ending.started = time.monotonic()
        try:
            return subprocess.Popen(
                self.spec["command"], env=self._environment(), cwd=self.spec["cwd"], stdin=subprocess.DEVNULL,
                preexec_fn=prepare,
            )  # fmt: skip
        except (OSError, subprocess.SubprocessError) as error:
            self.ending.cause, self.ending.exit_code = "not-started", _NOT_STARTED
            self.ending.problem = f"the trainer could not be started: {error}"
            return None

    def _environment(self) -> dict[str, str]:
        return {**os.environ, **self.spec["environment"], **_cold(self.caches)}

    def _wait(self, trainer: subprocess.Popen[bytes]) -> None:
        kills_before = _host_kills()
        assert self.ending.started is not None
        deadline = self.ending.started + self.spec["timeout_s"]
        watching = self.ending.memory_limit_enforced_by == "watching"
        while not self._collect(trainer.pid):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                self._last_words(trainer.pid)
                break
            if watching and self._over_limit():
                self.ending.cause = "memory-limit"
                break
            received = signal.sigtimedwait(_SIGNALS, min(left_s, _WATCH_S) if watching else left_s)
            if received is not None and received.si_signo != signal.SIGCHLD:
                self.ending.cause = "stopped"
                break
        self.ending.ended = time.monotonic()
        if self.group and self.group.kills():
            self.ending.cause = "memory-limit"
        killed = self.ending.signal == signal.SIGKILL or self.ending.exit_code == _KILLED_BELOW
        if killed and self.ending.cause is None:
            self.ending.host_out_of_memory = _host_kills() > kills_before

    def _collect(self, trainer: int) -> bool:
        """Reaps every child that ended, adopted ones too; whether the trainer was among them."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return True
            if pid == 0:
                return False
            if pid == trainer:
                code = os.waitstatus_to_exitcode(status)
                self.ending.exit_code, self.ending.signal = (code, None) if code >= 0 else (None, -code)
                self.ending.peak_memory_bytes = usage.ru_maxrss * 1024
                return True

    def _last_words(self, trainer: int) -> None:
        """A trainer out of time may say where it hangs: our own prints every thread's stack to the log on SIGABRT."""
        self.ending.cause = "timeout"
        with contextlib.suppress(ProcessLookupError):
            os.kill(trainer, signal.SIGABRT)
        give_up = time.monotonic() + _LAST_WORDS_S
        while time.monotonic() < give_up and not self._collect(trainer):
            signal.sigtimedwait({signal.SIGCHLD}, give_up - time.monotonic())
        self.ending.exit_code = self.ending.signal = None

    def _over_limit(self) -> bool:
        tree = descendants(os.getpid())
        return memory_limit.resident_bytes(tree) > int(self.spec["memory_limit_bytes"])

    def _write(self) -> None:
        file = self.folder / "exit.json"
        beside = self.folder / ".exit.json"
        with contextlib.suppress(OSError):  # a full disk: the parent reads a missing file as a lost supervisor
            beside.write_text(json.dumps(asdict(self.ending)))
            beside.replace(file)


def _cold(caches: Path) -> dict[str, str]:
    """Caches of compiled code that are empty for every repeat: inductor's, Triton's and CUDA's own."""
    return {
        "TORCHINDUCTOR_CACHE_DIR": str(caches / "inductor"),
        "TRITON_CACHE_DIR": str(caches / "triton"),
        "CUDA_CACHE_PATH": str(caches / "cuda"),
    }


def _fresh_signals() -> None:
    signal.pthread_sigmask(signal.SIG_SETMASK, set())


def _end_observer(observer: subprocess.Popen[bytes]) -> None:
    observer.terminate()
    try:
        observer.wait(_OBSERVER_END_S)
    except subprocess.TimeoutExpired:
        observer.kill()
        observer.wait()


def _host_kills() -> int:
    """How many processes the kernel ended for want of memory since it started, on the whole machine."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


if __name__ == "__main__":
    Supervisor(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))).run()
