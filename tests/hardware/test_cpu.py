"""The CPU probe against a load that is known."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import pytest

from benchbench.hardware import cpu_times, slow_look
from benchbench.hardware.host import usable_cpus
from benchbench.hardware.probe import Reading
from benchbench.hardware.probes import cpu
from benchbench.hardware.probes.cpu import PLUGIN

pytestmark = pytest.mark.alone

MIB = 1 << 20
NOBODY: frozenset[int] = frozenset()
BUSY = "import time; block = bytearray({}); print(flush=True)\nwhile True: pass"
IDLE = "import time; block = bytearray({}); print(flush=True); time.sleep(100)"


@contextmanager
def program(code: str, resident_bytes: int = 0) -> Iterator[int]:
    """A child that has begun; its process id."""
    command = [sys.executable, "-S", "-c", code.format(resident_bytes)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        try:
            yield child.pid
        finally:
            child.kill()


def until(true: Callable[[], bool], within_s: float = 5.0) -> None:
    give_up_s = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < give_up_s
        time.sleep(0.001)


def sampled(probe: cpu.CpuProbe, tree: frozenset[int]) -> dict[str, float]:
    (reading,) = probe.look(tree)()
    assert isinstance(reading, Reading)
    assert (reading.device, reading.lost) == ("cpu", False)
    return dict(reading.values)


def test_says_what_it_has_and_what_it_has_not() -> None:
    probe = PLUGIN()
    (seen,) = probe.open()
    assert (seen.device, seen.in_use, seen.uuid) == ("cpu", True, None)
    assert seen.name
    assert {"utilization", "process_utilization", "process_memory", "memory_used", "swap", "load"} <= set(seen.metrics)
    assert {"power", "energy"} <= set(seen.missing)
    values = sampled(probe, NOBODY)
    machine = psutil.virtual_memory()
    assert values["memory_used_bytes"] == pytest.approx(machine.used, abs=0.2 * machine.total)
    assert values["process_memory_bytes"] == 0
    assert values["load_1m"] >= 0
    probe.close()


def watched_s(pid: int) -> tuple[float, float]:
    """CPU seconds of a process over some ticks: as the probe tells it, and as psutil does."""
    probe = PLUGIN()
    probe.open()
    tree = frozenset({pid})
    sampled(probe, tree)
    told_s, before_s, ticked_s = 0.0, sum(psutil.Process(pid).cpu_times()[:2]), time.monotonic()
    for _ in range(10):
        time.sleep(0.04)
        values = sampled(probe, tree)
        now_s = time.monotonic()
        assert 0 <= values.get("utilization", 0.0) <= 1
        assert 0 <= values["process_utilization"] <= 1
        told_s += values["process_utilization"] * (now_s - ticked_s) * usable_cpus()
        ticked_s = now_s
    used_s = sum(psutil.Process(pid).cpu_times()[:2]) - before_s
    probe.close()
    return told_s, used_s


def test_a_busy_process_counts_as_much_as_it_used_and_an_idle_one_nothing() -> None:
    with program(BUSY) as busy, program(IDLE) as idle:
        told_s, used_s = watched_s(busy)
        assert used_s > 0
        assert told_s == pytest.approx(used_s, abs=0.05)
        assert watched_s(idle)[0] == pytest.approx(0.0, abs=0.011)


def test_the_machine_is_as_busy_as_its_busiest_process() -> None:
    with program(BUSY) as busy:
        probe = PLUGIN()
        probe.open()
        before_s, began_s = psutil.Process(busy).cpu_times().user, time.monotonic()
        time.sleep(0.3)
        used_s, elapsed_s = psutil.Process(busy).cpu_times().user - before_s, time.monotonic() - began_s
        utilization = sampled(probe, NOBODY)["utilization"]
        probe.close()
        assert used_s / elapsed_s / (psutil.cpu_count() or 1) - 0.1 <= utilization <= 1


def test_memory_is_the_trees_resident_memory() -> None:
    with program(IDLE, 64 * MIB) as large, program(IDLE) as small:
        probe = PLUGIN()
        probe.open()
        one = sampled(probe, frozenset({large}))["process_memory_bytes"]
        two = sampled(probe, frozenset({large, small}))["process_memory_bytes"]
        assert one == pytest.approx(psutil.Process(large).memory_info().rss, abs=MIB)
        assert one > 64 * MIB
        assert two - one == pytest.approx(psutil.Process(small).memory_info().rss, abs=MIB)
        probe.close()


def test_processes_that_are_gone_count_nothing() -> None:
    probe = PLUGIN()
    probe.open()
    with program(IDLE) as child:
        assert sampled(probe, frozenset({child}))["process_memory_bytes"] > 0
    assert sampled(probe, frozenset({child, 2**22 + 1}))["process_memory_bytes"] == 0
    probe.close()


def test_what_is_above_one_is_counted_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_times.time, "monotonic", lambda: 0.0)
    share = cpu_times.Share()
    assert share.of(0.24, cpus=2, now_s=0.1) == 1.0
    assert share.of(0.10, cpus=2, now_s=0.2) == pytest.approx(0.7)


def test_what_others_use_is_the_machines_time_less_the_runs_and_our_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_times.os, "cpu_count", lambda: 4)
    monkeypatch.setattr(cpu_times.time, "process_time", lambda: 7.0)
    foreign = cpu_times.Foreign()
    assert foreign.of(0.1, 7.0, None) is None, "too little passed for an answer"
    assert foreign.of(0.1, 7.05, cpu_times.Times(busy_s=0.65, total_s=1.0)) == pytest.approx(4 * 0.4)
    assert foreign.of(0.3, 7.05, cpu_times.Times(busy_s=0.2, total_s=1.0)) == 0.0, "the kernel counts in hundredths"
    assert foreign.of(0.0, 7.05, cpu_times.Times(busy_s=0.2, total_s=1.0)) == pytest.approx(4 * 0.1), "made up for"


def test_others_beside_the_run_are_seen() -> None:
    with program(BUSY) as ours, program(BUSY):
        probe = PLUGIN()
        probe.open()
        tree = frozenset({ours})
        sampled(probe, tree)
        alone, beside = [], []
        for _ in range(10):
            time.sleep(0.1)
            beside.append(sampled(probe, tree)["foreign_cpus"])
            alone.append(sampled(probe, tree).get("foreign_cpus"))
        probe.close()
    assert sum(beside) / len(beside) > 0.4, "one CPU, where the machine has two to share"
    assert None in alone, "nothing is told of no time"


def test_a_process_that_was_stopped_is_told_of() -> None:
    with program(IDLE) as pid:
        probe = PLUGIN()
        probe.open()
        assert sampled(probe, frozenset({pid}))["stopped_processes"] == 0
        psutil.Process(pid).suspend()
        until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
        assert sampled(probe, frozenset({pid}))["stopped_processes"] == 1
        probe.close()


def test_looks_may_be_worked_out_later_in_their_order() -> None:
    with program(BUSY) as pid:
        probe = PLUGIN()
        probe.open()
        tree = frozenset({pid})
        probe.look(tree)()
        looks = []
        for _ in range(3):
            time.sleep(0.1)
            looks.append(probe.look(tree))
        time.sleep(0.3)
        used = [later()[0].values["process_utilization"] * usable_cpus() for later in looks]
        probe.close()
    assert all(0.4 < cpus < 1.3 for cpus in used), f"one CPU in each, the wait after them in none: {used}"


def test_clocks_that_were_not_read_at_once_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(slow_look._clocks()) <= {"clock_offset", "suspended"}
    ticks = iter([1.0, 1.5])
    monkeypatch.setattr(slow_look.time, "monotonic", lambda: next(ticks))
    assert slow_look._clocks() == {}


def test_what_the_system_does_not_tell_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_look.psutil, "cpu_freq", lambda: None)
    monkeypatch.setattr(slow_look.psutil, "swap_memory", lambda: 1 / 0)
    probe = PLUGIN()
    (seen,) = probe.open()
    assert {"swap", "cpu_clock"} <= set(seen.missing)
    assert not {"swap_used_bytes", "cpu_clock_mhz"} & set(sampled(probe, NOBODY))
    probe.close()


def test_slow_metrics_are_read_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    def counted() -> dict[str, float | None]:
        nonlocal calls
        calls += 1
        return {"load": 1.0}

    monkeypatch.setattr(slow_look, "LOOKS", (counted,))
    probe = PLUGIN()
    probe.open()
    rows = [sampled(probe, NOBODY) for _ in range(20)]
    assert [row.get("load_1m") for row in rows] == [1.0] + [None] * 19
    assert calls == 2
    probe.close()


def test_a_tick_is_cheap() -> None:
    with program(IDLE) as a, program(IDLE) as b, program(IDLE) as c, program(IDLE) as d:
        probe = PLUGIN()
        probe.open()
        tree = frozenset({a, b, c, d})
        sampled(probe, tree)
        began_s = time.thread_time()
        for _ in range(300):
            sampled(probe, tree)
        assert (time.thread_time() - began_s) / 300 < 0.001
        probe.close()
