"""The RAPL probe over a folder that looks like the kernel's."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from benchbench.hardware.probe import ProbeUnavailableError
from benchbench.hardware.probes import rapl
from benchbench.hardware.probes.rapl import RaplProbe

RANGE_UJ = 1_000_000_000


def domain(powercap: Path, folder: str, name: str, energy_uj: int) -> Path:
    path = powercap / folder
    path.mkdir(parents=True)
    (path / "name").write_text(f"{name}\n")
    (path / "max_energy_range_uj").write_text(f"{RANGE_UJ - 1}\n")
    (path / "energy_uj").write_text(f"{energy_uj}\n")
    return path / "energy_uj"


class Clock:
    """A monotonic clock that a test moves."""

    now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(rapl.time, "monotonic", clock.monotonic)
    return clock


def test_energy_and_power_are_the_sum_of_the_packages(tmp_path: Path, clock: Clock) -> None:
    first = domain(tmp_path, "intel-rapl:0", "package-0", 5_000_000)
    second = domain(tmp_path, "intel-rapl:1", "package-1", 7_000_000)
    domain(tmp_path, "intel-rapl:0:0", "core", 1_000_000)
    domain(tmp_path, "intel-rapl:2", "psys", 90_000_000)
    domain(tmp_path, "intel-rapl-mmio:0", "package-0", 5_000_000)
    probe = RaplProbe(tmp_path)
    (seen,) = probe.open()
    assert (seen.device, seen.metrics, seen.missing) == ("cpu", ("energy", "power"), ())
    assert dict(probe.look(frozenset())()[0].values) == {"energy_j": 12.0}  # no time has passed: no power
    first.write_text("35000000")
    second.write_text("27000000")
    clock.now_s += 0.5
    assert dict(probe.look(frozenset())()[0].values) == {"energy_j": 62.0, "power_w": 100.0}
    clock.now_s += 0.5
    assert dict(probe.look(frozenset())()[0].values) == {"energy_j": 62.0, "power_w": 0.0}
    probe.close()
    assert probe.look(frozenset())() == []


def test_the_counter_may_wrap_around(tmp_path: Path, clock: Clock) -> None:
    counter = domain(tmp_path, "intel-rapl:0", "package-0", RANGE_UJ - 10_000_000)
    probe = RaplProbe(tmp_path)
    probe.open()
    for energy_uj, expected_j in ((RANGE_UJ - 1, 1000.0), (20_000_000, 1020.0), (10_000_000, 2010.0)):
        counter.write_text(str(energy_uj))
        clock.now_s += 1.0
        (reading,) = probe.look(frozenset())()
        assert reading.values["energy_j"] == pytest.approx(expected_j, abs=1e-5)
        assert reading.values["power_w"] > 0


def test_a_counter_that_fails_once_is_left_out_once(tmp_path: Path, clock: Clock) -> None:
    counter = domain(tmp_path, "intel-rapl:0", "package-0", 0)
    probe = RaplProbe(tmp_path)
    probe.open()
    clock.now_s += 1.0
    counter.write_text("")
    assert probe.look(frozenset())() == []
    counter.write_text("30000000")
    clock.now_s += 1.0
    assert dict(probe.look(frozenset())()[0].values) == {"energy_j": 30.0, "power_w": 15.0}


def test_none_here_is_told_in_words(tmp_path: Path) -> None:
    with pytest.raises(ProbeUnavailableError, match="no package energy counters"):
        RaplProbe(tmp_path / "nothing").open()
    domain(tmp_path, "intel-rapl:0", "psys", 0)
    with pytest.raises(ProbeUnavailableError, match="no package energy counters"):
        RaplProbe(tmp_path).open()


def test_not_readable_is_told_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counter = domain(tmp_path, "intel-rapl:0", "package-0", 0)
    if os.geteuid() == 0:  # root may read everything: a folder stands in for the refusal
        counter.unlink()
        counter.mkdir()
    else:
        counter.chmod(0)
    with pytest.raises(ProbeUnavailableError, match=r"cannot be read: .*energy_uj"):
        RaplProbe(tmp_path).open()


def test_power_is_per_real_time(tmp_path: Path) -> None:
    counter = domain(tmp_path, "intel-rapl:0", "package-0", 0)
    probe = RaplProbe(tmp_path)
    began_s = time.monotonic()
    probe.open()
    counter.write_text("1000000")
    time.sleep(0.05)
    (reading,) = probe.look(frozenset())()
    elapsed_s = time.monotonic() - began_s
    assert 1.0 / elapsed_s <= reading.values["power_w"] <= 1.0 / 0.05
