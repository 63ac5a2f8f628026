"""The NVML probe through the real binding and a stand-in for the driver's library, in fresh processes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.standins import NVML_FUNCTIONS, nvml, run_python

GIB = 1 << 30
UUID_0 = "GPU-1a000000-0000-4000-8000-000000000000"
UUID_1 = "GPU-1b000000-0000-4000-8000-000000000000"
WATCH = """
import json, sys, time
from benchbench.hardware.probes.nvml import PLUGIN
ticks, interval_s, tree = int(sys.argv[1]), float(sys.argv[2]), frozenset(json.loads(sys.argv[3]))
probe = PLUGIN()
seen = probe.open()
lines = []
for _ in range(ticks):
    began = time.monotonic()
    readings = probe.look(tree)()
    cost = time.monotonic() - began
    lines.append({"t": began, "cost": cost, "readings": {r.device: {**r.values, "lost": r.lost} for r in readings}})
    time.sleep(interval_s)
probe.close()
probe.close()
print(json.dumps({"seen": [device._asdict() for device in seen], "lines": lines}))
"""
REFUSED = """
from benchbench.hardware.probe import ProbeUnavailableError
from benchbench.hardware.probes.nvml import PLUGIN
try:
    PLUGIN().open()
except ProbeUnavailableError as error:
    print(error)
"""


class Watched:
    """What the probe saw and read."""

    def __init__(self, answer: str) -> None:
        document = json.loads(answer)
        self.seen = {device["device"]: device for device in document["seen"]}
        self.lines: list[dict[str, Any]] = document["lines"]

    def of(self, device: str) -> list[dict[str, Any]]:
        return [line["readings"][device] for line in self.lines if device in line["readings"]]

    def column(self, device: str, column: str) -> list[float]:
        return [values[column] for values in self.of(device) if column in values]


def watch(
    library: Path, ticks: int = 1, interval_s: float = 0.0, tree: tuple[int, ...] = (), **settings: str
) -> Watched:
    return Watched(run_python(WATCH, library, str(ticks), str(interval_s), json.dumps(tree), **settings))


def names_and_uuids(watched: Watched) -> dict[str, str]:
    return {name: device["uuid"] for name, device in watched.seen.items()}


def test_values_are_the_librarys_in_our_units() -> None:
    watched = watch(nvml(), ticks=24, interval_s=0.05)
    device = watched.seen["cuda:0"]
    assert (device["name"], device["uuid"], device["in_use"]) == ("Stand-in GPU 0", UUID_0, True)
    assert device["missing"] == []
    assert set(watched.column("cuda:0", "power_w")) == {250.0, 150.0}
    assert set(watched.column("cuda:1", "power_w")) == {300.0, 200.0}
    assert set(watched.column("cuda:0", "utilization")) == {0.9, 0.3}
    assert set(watched.column("cuda:0", "memory_utilization")) == {0.4, 0.2}
    assert set(watched.column("cuda:0", "sm_clock_mhz")) == {1755.0, 1980.0}
    assert set(watched.column("cuda:0", "memory_clock_mhz")) == {2619.0}
    assert set(watched.column("cuda:0", "throttle_reasons")) == {4.0, 0.0}
    assert set(watched.column("cuda:1", "temperature_c")) == {41.0, 42.0}
    used = watched.column("cuda:1", "memory_used_bytes")
    assert used == sorted(used)
    assert 11 * GIB <= used[0] < used[-1] < 11 * GIB + GIB // 16  # the driver's own GiB is not in it
    assert watched.column("cuda:0", "process_memory_bytes")[-1] == 0.0
    assert watched.column("cuda:0", "foreign_processes")[-1] == 0.0


def test_energy_grows_as_power_says() -> None:
    watched = watch(nvml(), ticks=21, interval_s=0.04)
    energy = watched.column("cuda:0", "energy_j")
    elapsed_s = watched.lines[-1]["t"] - watched.lines[0]["t"]
    assert energy == sorted(energy)
    # 200 W in the mean; the wave of +-50 W strays from that by at most 10 J in its half periods of 0.2 s.
    assert energy[-1] - energy[0] == pytest.approx(200 * elapsed_s, abs=13)


def test_pcie_traffic_is_asked_for_once_a_second_at_most_and_never_for_long() -> None:
    watched = watch(nvml(), ticks=15, interval_s=0.1, FAKE_NVML_PCIE_MS="20")
    sent, received = (watched.column("cuda:0", f"pcie_{way}_bytes_per_s") for way in ("tx", "rx"))
    assert set(sent) == {5e6}
    assert set(received) == {7e7}
    elapsed_s = watched.lines[-1]["t"] - watched.lines[0]["t"]
    assert len(sent) <= 1 + elapsed_s
    waited_s = sorted(line["cost"] for line in watched.lines if line["cost"] > 0.02)
    assert waited_s[len(waited_s) // 2] < 0.06, "one counter a tick, not four"
    assert sum(waited_s) < 0.4 * elapsed_s


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        (None, {"cuda:0": UUID_0, "cuda:1": UUID_1}),
        ("1", {"cuda:0": UUID_1, "nvml:0": UUID_0}),
        ("1,0", {"cuda:0": UUID_1, "cuda:1": UUID_0}),
        (UUID_1, {"cuda:0": UUID_1, "nvml:0": UUID_0}),
        ("GPU-1b", {"cuda:0": UUID_1, "nvml:0": UUID_0}),
        ("GPU-1", {"nvml:0": UUID_0, "nvml:1": UUID_1}),
        ("1,7,0", {"cuda:0": UUID_1, "nvml:0": UUID_0}),
        ("", {"nvml:0": UUID_0, "nvml:1": UUID_1}),
        ("-1", {"nvml:0": UUID_0, "nvml:1": UUID_1}),
    ],
)
def test_devices_bear_the_numbers_that_torch_gives_them(setting: str | None, expected: dict[str, str]) -> None:
    watched = watch(nvml(), **({} if setting is None else {"CUDA_VISIBLE_DEVICES": setting}))
    assert names_and_uuids(watched) == expected
    assert {name for name, device in watched.seen.items() if device["in_use"]} == {n for n in expected if "cuda" in n}
    for name, uuid in expected.items():  # the values are that GPU's, not only its name
        assert watched.column(name, "power_w")[0] in ({250.0, 150.0} if uuid == UUID_0 else {300.0, 200.0})


ESSENTIAL = ("nvmlInitWithFlags", "nvmlDeviceGetCount_v2", "nvmlDeviceGetHandleByIndex_v2")


def test_a_library_that_can_count_and_nothing_else_is_all_missing() -> None:
    watched = watch(nvml(only=ESSENTIAL), ticks=5)
    assert [(d["device"], d["uuid"], d["metrics"]) for d in watched.seen.values()] == [
        ("cuda:0", None, []),
        ("cuda:1", None, []),
    ]
    assert len(watched.seen["cuda:0"]["missing"]) == 13
    assert watched.of("cuda:0") == []


@pytest.mark.parametrize("function", sorted(set(NVML_FUNCTIONS) - {"nvmlErrorString"}))
def test_any_single_function_may_be_absent(function: str) -> None:
    watched = watch(nvml(without=[function]), ticks=2)
    assert list(watched.seen) == ["cuda:0", "cuda:1"]
    assert watched.of("cuda:0")
    missing = {
        "nvmlDeviceGetUtilizationRates": ["utilization", "memory_utilization"],
        "nvmlDeviceGetPowerUsage": ["power"],
        "nvmlDeviceGetTotalEnergyConsumption": ["energy"],
        "nvmlDeviceGetClockInfo": ["sm_clock", "memory_clock"],
        "nvmlDeviceGetPcieThroughput": ["pcie_tx", "pcie_rx"],
    }
    assert watched.seen["cuda:0"]["missing"] == missing.get(function, [])


def test_older_names_of_the_same_functions_serve() -> None:
    old = ("nvmlInit_v2", "nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex", "nvmlDeviceGetMemoryInfo")
    watched = watch(nvml(only=(*old, "nvmlDeviceGetCurrentClocksThrottleReasons")))
    assert watched.seen["cuda:0"]["metrics"] == ["memory_used", "throttle_reasons"]
    assert watched.column("cuda:0", "memory_used_bytes")[0] >= 11 * GIB  # this one counts the driver's own GiB


def test_gpus_are_found_without_being_counted() -> None:
    watched = watch(nvml(without=["nvmlDeviceGetCount_v2", "nvmlDeviceGetCount"]), FAKE_NVML_DEVICES="3")
    assert list(watched.seen) == ["cuda:0", "cuda:1", "cuda:2"]


def test_unsupported_and_forbidden_are_missing_for_the_device_that_says_so_and_never_zero() -> None:
    watched = watch(
        nvml(),
        ticks=3,
        FAKE_NVML_UNSUPPORTED="nvmlDeviceGetPowerUsage:1,nvmlDeviceGetTotalEnergyConsumption:1",
        FAKE_NVML_FORBIDDEN="nvmlDeviceGetComputeRunningProcesses_v3,nvmlDeviceGetComputeRunningProcesses_v2",
    )
    processes = ["process_memory", "foreign_processes"]
    assert watched.seen["cuda:0"]["missing"] == processes
    assert watched.seen["cuda:1"]["missing"] == ["power", "energy", *processes]
    assert watched.column("cuda:0", "power_w")
    assert "power_w" not in watched.of("cuda:1")[0]
    assert "foreign_processes" not in watched.of("cuda:0")[0]


def test_what_fails_now_and_then_is_left_out_then() -> None:
    watched = watch(nvml(), ticks=6, FAKE_NVML_FLAKY="nvmlDeviceGetPowerUsage:0")
    assert watched.seen["cuda:0"]["missing"] == []
    assert len(watched.column("cuda:0", "power_w")) == 3
    assert len(watched.column("cuda:0", "energy_j")) == 6
    assert not any(values["lost"] for values in watched.of("cuda:0"))


@pytest.mark.parametrize("status", ["15", "16", "999", "1"])
def test_a_gpu_that_falls_off_says_so_once_and_the_other_goes_on(status: str) -> None:
    watched = watch(nvml(), ticks=12, interval_s=0.05, FAKE_NVML_LOST="1@0.2", FAKE_NVML_LOST_STATUS=status)
    gone = watched.of("cuda:1")
    assert [values["lost"] for values in gone] == [False] * (len(gone) - 1) + [True]
    assert set(gone[-1]) == {"lost"}
    assert 2 <= len(gone) < 10
    assert gone[0]["power_w"] in {300.0, 200.0}
    assert len(watched.column("cuda:0", "power_w")) == 12


def test_a_gpu_that_was_lost_before_is_seen_and_lost() -> None:
    watched = watch(nvml(), ticks=4, FAKE_NVML_LOST="0#0")
    assert watched.seen["cuda:0"]["metrics"] == []
    assert watched.of("cuda:0") == [{"lost": True}]
    assert len(watched.of("cuda:1")) == 4


def test_the_first_mig_instance_is_what_cuda_sees() -> None:
    watched = watch(nvml(), ticks=2, FAKE_NVML_MIG="1:2")
    first, second = (f"MIG-1b{slot}00000-0000-4000-8000-000000000000" for slot in (0, 1))
    assert names_and_uuids(watched) == {"cuda:0": first, "nvml:0": UUID_0, "nvml:1": UUID_1, "nvml:1:1": second}
    assert watched.seen["cuda:0"]["metrics"] == ["memory_used", "foreign_processes", "process_memory"]
    assert "power" in watched.seen["cuda:0"]["missing"]
    assert watched.column("cuda:0", "memory_used_bytes")[0] >= 11 * GIB
    assert watched.column("nvml:1", "power_w")[0] in {300.0, 200.0}


def test_a_mig_instance_is_chosen_by_its_uuid() -> None:
    watched = watch(nvml(), FAKE_NVML_MIG="1:2", CUDA_VISIBLE_DEVICES="MIG-1b1")
    assert watched.seen["cuda:0"]["uuid"] == "MIG-1b100000-0000-4000-8000-000000000000"
    assert set(watched.seen) == {"cuda:0", "nvml:0", "nvml:1", "nvml:1:0"}


def test_processes_are_ours_or_foreign(tmp_path: Path) -> None:
    listed = tmp_path / "processes"
    listed.write_text(f"0 {os.getpid()} {GIB}\n0 {os.getppid()} {2 * GIB}\n1 1 4096\n")
    watched = watch(nvml(), tree=(os.getpid(),), FAKE_NVML_PROCESSES=str(listed))
    assert watched.column("cuda:0", "process_memory_bytes") == [GIB]
    assert watched.column("cuda:0", "foreign_processes") == [1]
    assert watched.column("cuda:1", "process_memory_bytes") == [0]
    assert watched.column("cuda:1", "foreign_processes") == [1]


def test_a_drivers_silence_about_a_processs_memory_is_missing(tmp_path: Path) -> None:
    listed = tmp_path / "processes"
    listed.write_text(f"0 {os.getpid()} -1\n")
    watched = watch(nvml(), tree=(os.getpid(),), FAKE_NVML_PROCESSES=str(listed))
    assert watched.seen["cuda:0"]["missing"] == ["process_memory"]
    assert watched.column("cuda:0", "foreign_processes") == [0]
    assert watched.column("cuda:0", "process_memory_bytes") == []


@pytest.mark.parametrize(
    ("status", "words"),
    [("9", "not loaded"), ("4", "no permission"), ("18", "different versions"), ("999", "Unknown")],
)
def test_a_driver_that_refuses_is_told_in_words(status: str, words: str) -> None:
    assert words in run_python(REFUSED, nvml(), FAKE_NVML_INIT=status)


def test_no_gpu_and_no_library_are_told_in_words(tmp_path: Path) -> None:
    assert "no GPU" in run_python(REFUSED, nvml(), FAKE_NVML_DEVICES="0")
    (tmp_path / "libnvidia-ml.so.1").write_text("no library")
    assert "was not found" in run_python(REFUSED, tmp_path)
