"""What every telemetry probe keeps to, whatever it probes. A new plug-in is found and tested without an edit."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import pytest

from benchbench import registry
from benchbench.hardware.probe import Probe, ProbeUnavailableError, Reading, Seen
from benchbench.hardware.probes.rapl import RaplProbe
from benchbench.record.metrics import BY_COLUMN, BY_NAME
from tests.standins import nvml, run_python

TICKS = 4
NOBODY: frozenset[int] = frozenset()


def check(probe: Probe) -> Sequence[Seen]:
    """The contract, for a probe that has something to probe; what it saw."""
    seen = probe.open()
    assert seen
    devices = {device.device: device for device in seen}
    assert len(devices) == len(seen), "each device once"
    for device in seen:
        check_seen(device)
    lost: set[str] = set()
    for tree in (NOBODY, frozenset({os.getpid()}), frozenset({os.getpid(), 2**22 + 1}), NOBODY)[:TICKS]:
        time.sleep(0.02)
        readings = probe.look(tree)()
        assert len({reading.device for reading in readings}) == len(readings), "one reading a device"
        for reading in readings:
            assert reading.device not in lost, "a lost device answers no more"
            check_reading(reading, devices[reading.device])
            lost |= {reading.device} if reading.lost else set()
    probe.close()
    probe.close()
    assert probe.look(NOBODY)() is not None, "never raises, not even when closed"
    return seen


def check_seen(device: Seen) -> None:
    assert isinstance(device, Seen)
    assert device.device
    assert device.name
    assert device.uuid is None or device.uuid
    assert set(device.metrics) <= set(BY_NAME)
    assert set(device.missing) <= set(BY_NAME)
    assert not set(device.metrics) & set(device.missing)
    assert len(set(device.metrics)) == len(device.metrics)


def check_reading(reading: Reading, device: Seen) -> None:
    assert isinstance(reading, Reading)
    for column, value in reading.values.items():
        assert BY_COLUMN[column].name in device.metrics
        assert isinstance(value, float)
        assert math.isfinite(value)
        if BY_COLUMN[column].unit == "fraction":
            assert 0 <= value <= 1
        assert value >= 0


def plugin(name: str) -> Probe:
    return cast("type[Probe]", registry.load(registry.PROBES, name))()


def unavailable(name: str) -> str | None:
    """Why this machine has nothing for a probe; None when it has."""
    probe = plugin(name)
    try:
        probe.open()
    except ProbeUnavailableError as error:
        return str(error)
    probe.close()
    return None


def test_the_probes_are_found() -> None:
    assert {"cpu", "nvml", "rapl"} <= set(registry.names(registry.PROBES))


@pytest.mark.parametrize("name", registry.names(registry.PROBES))
def test_a_plugin_keeps_the_contract_here(name: str) -> None:
    reason = unavailable(name)
    if reason is None:
        check(plugin(name))
        return
    assert len(reason) > 10, "it says what is not there"
    probe = plugin(name)
    probe.close()  # harmless when nothing is open
    assert list(probe.look(NOBODY)()) == []


@pytest.mark.parametrize("name", registry.names(registry.PROBES))
def test_two_probes_do_not_share_what_they_opened(name: str) -> None:
    one, other = plugin(name), plugin(name)
    if unavailable(name) is not None:
        for probe in (one, other):
            with pytest.raises(ProbeUnavailableError):
                probe.open()
        return
    one.open()
    other.open()
    one.close()
    time.sleep(0.02)
    assert other.look(frozenset({os.getpid()}))()
    other.close()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"CUDA_VISIBLE_DEVICES": "1"},
        {"FAKE_NVML_LOST": "1#40"},
        {"FAKE_NVML_MIG": "0:3"},
        {"FAKE_NVML_FLAKY": "nvmlDeviceGetUtilizationRates"},
    ],
)
def test_nvml_keeps_the_contract_with_a_driver(settings: dict[str, str]) -> None:
    code = (
        "import importlib.util, pathlib, sys\n"
        "sys.path.insert(0, str(pathlib.Path(sys.argv[1]).parents[2]))\n"
        "spec = importlib.util.spec_from_file_location('contract', sys.argv[1])\n"
        "contract = importlib.util.module_from_spec(spec)\n"
        "spec.loader.exec_module(contract)\n"
        "print(len(contract.check(contract.plugin('nvml'))))"
    )
    assert int(run_python(code, nvml(), __file__, **settings)) >= 2


def test_rapl_keeps_the_contract_with_counters(tmp_path: Path) -> None:
    for package in range(2):
        folder = tmp_path / f"intel-rapl:{package}"
        folder.mkdir()
        (folder / "name").write_text(f"package-{package}\n")
        (folder / "max_energy_range_uj").write_text("262143328850\n")
        (folder / "energy_uj").write_text("123456789\n")
    check(RaplProbe(tmp_path))
