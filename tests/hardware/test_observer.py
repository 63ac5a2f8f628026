"""The observer as the program that it is: started, watched, ended, killed."""

from __future__ import annotations

import cmath
import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchbench.hardware import observer
from benchbench.record.raw import EVENTS, TELEMETRY, lines
from tests.standins import environment, nvml

pytestmark = pytest.mark.alone  # the children of other tests would be of its tree

CHILD = "import time\nblock = bytearray(32 << 20)\nprint(flush=True)\ntime.sleep(100)"


class Observed:
    """An observer that runs, with the root of its run and the reader of its progress."""

    def __init__(self, folder: Path, *, library: Path | None = None, interval_s: float = 0.05, **options: Any) -> None:
        self.folder = folder
        self.lines: list[dict[str, Any]] = []
        readable, writable = os.pipe()
        command = [*options.get("wrapper", ()), sys.executable, "-W", "error", "-m", "benchbench.hardware.observer"]
        command += ["--folder", str(folder), "--interval", str(interval_s), "--progress-fd", str(writable)]
        command += ["--root-pid", str(options.get("root_pid", os.getpid())), *options.get("arguments", ())]
        self.process = subprocess.Popen(
            command,
            pass_fds=[writable],
            env=environment(library, **options.get("settings", {})),
            stderr=subprocess.PIPE,
        )
        os.close(writable)
        self.progress = os.fdopen(readable)

    def __enter__(self) -> Observed:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
        self.progress.close()

    def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Reads progress up to a line that is wanted."""
        for text in self.progress:
            self.lines.append(json.loads(text))
            if wanted(self.lines[-1]):
                return self.lines[-1]
        raise AssertionError(self.lines, self.process.communicate())

    def ready(self) -> None:
        assert self.until(lambda line: "observer" in line) == {"observer": "ready"}

    def end(self) -> list[dict[str, Any]]:
        """Asks it to end; every line of telemetry, the header left out."""
        self.process.terminate()
        _, errors = self.process.communicate(timeout=10)
        assert (self.process.returncode, errors) == (0, b"")
        return list(lines(self.folder / TELEMETRY))[1:]

    def header(self) -> dict[str, Any]:
        header: dict[str, Any] = next(lines(self.folder / TELEMETRY))["header"]
        return header

    def rows(self, device: str) -> list[dict[str, Any]]:
        return [line for line in lines(self.folder / TELEMETRY) if line.get("device") == device]


@pytest.fixture
def child() -> Iterator[int]:
    """A process of the run, with 32 MiB."""
    with subprocess.Popen([sys.executable, "-S", "-c", CHILD], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def test_without_a_gpu_the_cpu_is_watched_and_what_is_missing_is_told(tmp_path: Path, child: int) -> None:
    with Observed(tmp_path) as observer:
        observer.ready()
        assert observer.rows("cpu"), "the first sample is there before anything is said"
        time.sleep(0.5)
        observer.end()
    header = observer.header()
    assert header["interval_s"] == 0.05
    assert "libnvidia-ml.so.1 was not found" in header["unavailable"]["nvml"]
    (cpu,) = header["devices"]
    assert (cpu["device"], cpu["in_use"], cpu["uuid"]) == ("cpu", True, None)
    assert ("power" in cpu["missing"]) == ("rapl" in header["unavailable"])
    rows = observer.rows("cpu")
    assert all(32 << 20 < row["process_memory_bytes"] < 200 << 20 for row in rows)
    assert all(row["t"] <= time.monotonic() for row in rows)


def test_ticks_keep_to_their_grid_and_missed_ones_are_not_made_up_for(tmp_path: Path) -> None:
    with Observed(tmp_path, interval_s=0.05) as observer:
        observer.ready()
        time.sleep(0.5)
        observer.process.send_signal(signal.SIGSTOP)
        time.sleep(0.425)  # half an interval off the grid
        observer.process.send_signal(signal.SIGCONT)
        time.sleep(0.5)
        observer.end()
    times_s = [row["t"] for row in observer.rows("cpu")][1:-1]  # the first and the last one are off the grid
    gaps_s = [after - before for before, after in itertools.pairwise(times_s)]
    assert min(gaps_s) > 0
    assert max(gaps_s) > 0.35
    ticks_there_is_time_for = (times_s[-1] - times_s[0]) / 0.05 + 1
    assert len(times_s) < ticks_there_is_time_for - 5, "those that were missed are not made up for"
    stop = gaps_s.index(max(gaps_s)) + 1
    drift_s = (_phase_s(times_s[stop:]) - _phase_s(times_s[:stop]) + 0.025) % 0.05 - 0.025
    assert abs(drift_s) < 0.015, "the last ticks are on the grid of the first"


def _phase_s(times_s: list[float], interval_s: float = 0.05) -> float:
    """Where in the interval most ticks are, by the mean direction on its circle: single late ones weigh little."""
    turns = sum(cmath.exp(2j * cmath.pi * t / interval_s) for t in times_s)
    return cmath.phase(turns) / (2 * cmath.pi) * interval_s


def test_the_tree_is_the_roots_and_grows(tmp_path: Path) -> None:
    with Observed(tmp_path) as observer:
        observer.ready()
        assert observer.rows("cpu")[0]["process_memory_bytes"] == 0  # the observer itself does not count
        with subprocess.Popen([sys.executable, "-S", "-c", CHILD]) as late:
            deadline_s = time.monotonic() + 5
            while observer.rows("cpu")[-1]["process_memory_bytes"] < 32 << 20 and time.monotonic() < deadline_s:
                time.sleep(0.05)
            assert observer.rows("cpu")[-1]["process_memory_bytes"] > 32 << 20
            late.kill()
        observer.end()


def test_excluded_processes_are_no_part_of_the_run(tmp_path: Path, child: int) -> None:
    with Observed(tmp_path, arguments=("--exclude-pid", str(child))) as observer:
        observer.ready()
        observer.end()
    assert {row["process_memory_bytes"] for row in observer.rows("cpu")} == {0}


def test_gpus_are_watched_and_one_that_falls_off_ends_its_series_only(tmp_path: Path) -> None:
    with Observed(tmp_path, library=nvml(), settings={"FAKE_NVML_LOST": "1@0.4"}) as observer:
        observer.ready()
        time.sleep(0.9)
        observer.end()
    assert [device["device"] for device in observer.header()["devices"]] == ["cpu", "cuda:0", "cuda:1"]
    assert "nvml" not in observer.header()["unavailable"]
    gone, kept = observer.rows("cuda:1"), observer.rows("cuda:0")
    assert [row.get("lost", False) for row in gone] == [False] * (len(gone) - 1) + [True]
    assert set(gone[-1]) == {"t", "device", "lost"}
    assert gone[0]["power_w"] in {300.0, 200.0}
    assert len(kept) > len(gone) + 3
    assert {row["power_w"] for row in kept} == {250.0, 150.0}
    elapsed_s = kept[-1]["t"] - kept[0]["t"]
    assert kept[-1]["energy_j"] - kept[0]["energy_j"] == pytest.approx(200 * elapsed_s, abs=15)


def test_the_trainers_events_and_its_speed_are_passed_on(tmp_path: Path) -> None:
    with Observed(tmp_path, library=nvml()) as observer:
        observer.ready()
        events = [
            {"event": "plan", "steps_total": 60},
            {"event": "phase", "name": "train"},
            *(
                {
                    "event": "step",
                    "step": n,
                    "t": 5 + n / 10,
                    "step_s": 0.1,
                    "samples": 32,
                    "tokens": 400,
                    "loss": 1 / n,
                }
                for n in range(1, 16)
            ),
            {"event": "eval", "step": 15, "metrics": {"accuracy": 0.5}},
        ]
        with (tmp_path / EVENTS).open("w") as file:
            file.writelines(json.dumps(event) + "\n" for event in events)
        began_s = time.monotonic()
        observer.until(lambda line: line.get("event") == "eval")
        assert time.monotonic() - began_s < 0.9, "as it is seen, not once a second"
        assert [line for line in observer.lines if "event" in line] == [e for e in events if e["event"] != "step"]
        progress = observer.until(lambda line: "progress" in line and line["progress"]["step"])["progress"]
        assert progress == {
            "step": 15,
            "loss": pytest.approx(1 / 15),
            "samples_per_s": pytest.approx(320.0),
            "tokens_per_s": pytest.approx(4000.0),
            "utilization": pytest.approx(0.6, abs=0.31),
            "memory_bytes": pytest.approx(11 << 30, rel=0.02),
        }
        observer.until(lambda line: "progress" in line)
        assert time.monotonic() - began_s > 1.0, "once a second at most"
        observer.end()


def test_without_gpus_in_use_progress_shows_the_run_on_the_cpus(tmp_path: Path, child: int) -> None:
    with Observed(tmp_path, library=nvml(), arguments=("--devices", "0")) as observer:
        progress = observer.until(lambda line: "progress" in line)["progress"]
        assert 32 << 20 < progress["memory_bytes"] < 200 << 20
        observer.end()
    assert {device["device"]: device["in_use"] for device in observer.header()["devices"]} == {
        "cpu": True,
        "cuda:0": False,
        "cuda:1": False,
    }


def test_a_reader_that_left_does_not_stop_it(tmp_path: Path) -> None:
    with Observed(tmp_path) as observer:
        observer.ready()
        observer.progress.close()
        before = len(observer.rows("cpu"))
        time.sleep(1.3)  # a progress line was due
        assert observer.process.poll() is None
        assert len(observer.rows("cpu")) > before + 10
        observer.end()


def test_a_full_disk_stops_the_writing_and_not_the_news(tmp_path: Path) -> None:
    small_files = ("sh", "-c", 'ulimit -f 4 && exec "$@"', "sh")  # a write beyond fails as it does on a full disk
    with Observed(tmp_path, wrapper=small_files) as observer:
        observer.ready()
        stopped = observer.until(lambda line: "observer" in line)
        assert stopped["observer"] == "not-recording"
        assert "File too large" in stopped["reason"]
        (tmp_path / EVENTS).write_text('{"event": "done"}\n')
        observer.until(lambda line: line.get("event") == "done")
        observer.until(lambda line: "progress" in line)
        observer.end()
    assert (tmp_path / TELEMETRY).stat().st_size in {4 * 512, 4 * 1024}  # shells differ in what a block is
    assert len(observer.rows("cpu")) > 2


def test_a_folder_that_is_not_there_is_no_crash_either(tmp_path: Path) -> None:
    with Observed(tmp_path / "missing") as observer:
        observer.ready()
        observer.until(lambda line: "progress" in line)
        assert observer.end() == []


def test_sigterm_ends_it_at_once_with_a_last_sample_and_ctrl_c_does_not(tmp_path: Path) -> None:
    with Observed(tmp_path, interval_s=30.0) as observer:
        observer.ready()
        observer.process.send_signal(signal.SIGINT)
        time.sleep(0.2)
        assert observer.process.poll() is None
        began_s = time.monotonic()
        rows = observer.end()
        assert time.monotonic() - began_s < 2.0
        assert len(rows) == 2
        assert rows[-1]["t"] >= began_s


def test_it_does_not_outlive_its_parent(tmp_path: Path) -> None:
    parent = (
        "import subprocess, sys, os\n"
        "read, write = os.pipe()\n"
        "command = [sys.executable, '-m', 'benchbench.hardware.observer', '--folder', sys.argv[1],"
        " '--interval', '0.05', '--root-pid', str(os.getpid()), '--progress-fd', str(write)]\n"
        "child = subprocess.Popen(command, pass_fds=[write])\n"
        "os.read(read, 100)\n"
        "print(child.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", parent, str(tmp_path)], capture_output=True, text=True, check=False)
    observer_pid = int(ended.stdout)
    deadline_s = time.monotonic() + 5
    while time.monotonic() < deadline_s and _runs(observer_pid):
        time.sleep(0.02)
    assert not _runs(observer_pid)


def _runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_a_run_that_is_over_is_not_watched(tmp_path: Path) -> None:
    with Observed(tmp_path, root_pid=2**22 + 1) as observer:
        assert observer.process.wait(timeout=10) == 1
    assert not (tmp_path / TELEMETRY).exists()


@pytest.mark.parametrize("interval", ["0", "-1", "nan", "soon"])
def test_an_interval_that_cannot_be_is_refused(tmp_path: Path, interval: str) -> None:
    options = ["--folder", str(tmp_path), "--root-pid", "1", "--interval", interval, "--progress-fd", "1"]
    command = [sys.executable, "-m", "benchbench.hardware.observer", *options]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 2


def test_it_loads_nothing_heavy() -> None:
    code = (
        "import sys, benchbench.hardware.observer as o\n"
        "from benchbench.hardware.panel import Panel\n"
        "Panel.of_plugins()\n"
        "print([m for m in ('torch', 'numpy', 'pandas', 'pydantic', 'rich', 'optuna', 'yaml') if m in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_it_costs_little(tmp_path: Path, child: int) -> None:
    with Observed(tmp_path, interval_s=0.1) as observer:
        observer.ready()
        before_s, began_s = _cpu_s(observer.process.pid), time.monotonic()
        time.sleep(3.0)
        share = (_cpu_s(observer.process.pid) - before_s) / (time.monotonic() - began_s)
        observer.end()
    assert share < 0.03, "some 0.7 % of a core is seen on an idle machine"


def _cpu_s(pid: int) -> float:
    """CPU time of a process's main thread, to the nanosecond."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) * 1e-9


def test_the_observer_asks_for_a_cpu_only_while_it_is_kept_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(observer, "_schedule", asked.append)
    manners = observer._Manners(0.1)
    now_s = 0.0
    for gap_s in (0.1, 0.1, 0.4, 0.1, 0.1):  # late once: a suspended machine, say
        now_s += gap_s
        manners.tick(now_s)
    assert asked == ["SCHED_IDLE"]
    for _ in range(2):
        now_s += 0.2
        manners.tick(now_s)
    assert asked == ["SCHED_IDLE", "SCHED_OTHER"]
    for _ in range(60):
        now_s += 0.1
        manners.tick(now_s)
    assert asked == ["SCHED_IDLE", "SCHED_OTHER", "SCHED_IDLE"]


def test_the_policies_are_the_kernels() -> None:
    try:
        observer._schedule("SCHED_IDLE")
        assert os.sched_getscheduler(0) == os.SCHED_IDLE
    finally:
        observer._schedule("SCHED_OTHER")
    assert os.sched_getscheduler(0) == os.SCHED_OTHER
    observer._schedule("SCHED_NONSENSE")
