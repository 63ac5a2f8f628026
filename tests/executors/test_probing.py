"""Measured peaks have an interval, and say when the machine was disturbed or the readings lie far apart."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from benchbench.executors.observation import observed
from benchbench.executors.peak_book import PeakBook
from benchbench.executors.probing import READINGS, Watching, measured_peaks
from benchbench.record.measured_peak import MeasuredPeak
from benchbench.record.peaks import Peak
from benchbench.record.readings import devices_in_use
from benchbench.scenario.scenario import Scenario
from tests.record.lines import CPU, MACHINE, header

FP32 = Scenario.model_validate({"name": "t", "model": {"family": "bert"}, "task": "sequence-classification"})
STEADY = (100.0, 101.0, 99.0, 100.0, 100.0)


def book(folder: Path, rates: Sequence[float | None]) -> PeakBook:
    left = list(rates)

    def probe(device: str, precision: str, threads: int | None) -> Peak | None:
        rate = left.pop(0)
        found = {"device": device, "precision": precision, "threads": threads}
        return None if rate is None else Peak.model_validate({**found, "flops_per_s": rate, "bytes_per_s": 10.0})

    return PeakBook(MACHINE, folder=folder, probe=probe)


def watching(*, foreign_cpus: float = 0.0, blind: bool = False) -> Watching:
    """A watch that says of the whole time what it is told to say."""

    @contextmanager
    def watch(devices: int) -> Iterator[list[dict[str, Any]]]:
        assert devices == 0
        lines: list[dict[str, Any]] = []
        begin_s = time.monotonic()
        yield lines
        if not blind:
            whole = time.monotonic() - begin_s
            sample = {"device": "cpu", "utilization": 1.0, "foreign_cpus": foreign_cpus}
            lines += [header(CPU), *({"t": begin_s + whole * i / 1000, **sample} for i in range(1001))]

    return watch  # type: ignore[return-value]


def measured(folder: Path, rates: Sequence[float | None] = STEADY, watch: Watching | None = None) -> list[MeasuredPeak]:
    return measured_peaks([FP32], book(folder, rates), devices=0, watching=watch or watching())


def test_readings_make_an_estimate_beside_the_best(tmp_path: Path) -> None:
    (found,) = measured(tmp_path)
    assert [reading.flops_per_s for reading in found.readings] == list(STEADY)
    assert len(STEADY) == READINGS
    estimate = found.flops_per_s
    assert (estimate.n, estimate.unit, estimate.confidence) == (READINGS, "FLOP/s", 0.95)
    assert estimate.low is not None
    assert estimate.high is not None
    assert 98.5 < estimate.low < estimate.value < estimate.high < 101.5
    assert estimate.value == pytest.approx(100.0, rel=1e-3)
    assert (found.best.flops_per_s, found.bytes_per_s.value) == (101.0, pytest.approx(10.0))
    assert found.warnings == ()


def test_the_best_of_an_earlier_time_stays_the_best(tmp_path: Path) -> None:
    measured(tmp_path, (150.0, *STEADY[1:]))
    (found,) = measured(tmp_path)
    assert found.best.flops_per_s == 150.0
    answer = found.answer()
    assert (answer["flops_per_s"], answer["precision"]) == (150.0, "fp32"), "the keys of a peak stay as they were"
    assert answer["flops_per_s_estimate"]["n"] == READINGS
    assert [reading["flops_per_s"] for reading in answer["readings"]] == list(STEADY)


def test_a_disturbed_machine_and_a_wide_spread_are_said(tmp_path: Path) -> None:
    (found,) = measured(tmp_path, (100.0, 60.0, 100.0, 70.0, 90.0), watching(foreign_cpus=0.8))
    foreign, noisy = found.warnings
    assert (foreign.code, noisy.code) == ("foreign-process", "noisy")
    assert foreign.message.startswith("cpu in fp32: others used 0.8 of the machine's 1 CPUs")
    assert noisy.message.startswith("matrix products of cpu in fp32: the rate is known to within")


def test_a_machine_that_nobody_watched_is_said(tmp_path: Path) -> None:
    (found,) = measured(tmp_path, watch=watching(blind=True))
    assert [warning.code for warning in found.warnings] == ["telemetry-missing"]


def test_readings_that_fail_are_left_out(tmp_path: Path) -> None:
    (found,) = measured(tmp_path, (None, None, 100.0, None, None))
    assert (found.flops_per_s.n, found.flops_per_s.low, found.flops_per_s.high) == (1, None, None)
    assert measured(tmp_path / "none", (None,) * READINGS) == []


def test_the_machine_is_watched_from_outside_until_the_block_ends() -> None:
    before = set(psutil.Process().children())
    with observed(0) as lines:
        (observer,) = set(psutil.Process().children()) - before
        end_s = time.monotonic() + 0.3
        while time.monotonic() < end_s:
            sum(range(1000))
    assert not observer.is_running()
    assert devices_in_use(lines) == ["cpu"]
    samples = [line for line in lines if line.get("device") == "cpu"]
    assert len(samples) >= 2
    assert any("foreign_cpus" in line for line in samples)
