"""Telemetry of NVIDIA GPUs through the driver's library."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Sequence
from operator import itemgetter
from typing import Any, NamedTuple

import pynvml

from benchbench.hardware import nvml_library
from benchbench.hardware.cuda_visible import Gpu, Place, torch_order
from benchbench.hardware.gpu_processes import GpuProcesses
from benchbench.hardware.nvml_library import LOST_ERRORS, Call, Handle
from benchbench.hardware.probe import Later, Reading, Seen
from benchbench.record.metrics import BY_NAME


class _Row(NamedTuple):
    """Where a metric comes from: the first call that answers, the factor to our unit, the field of the answer."""

    metric: str
    calls: tuple[Call, ...]
    scale: float
    field: str | None = None


_UTILIZATION = (Call("nvmlDeviceGetUtilizationRates"),)
_MEMORY = (
    Call("nvmlDeviceGetMemoryInfo", (getattr(pynvml, "nvmlMemory_v2", 0x02000028),)),  # without the driver's reserve
    Call("nvmlDeviceGetMemoryInfo"),
)
_TEMPERATURE = (
    Call("nvmlDeviceGetTemperature", (pynvml.NVML_TEMPERATURE_GPU,)),
    Call("nvmlDeviceGetTemperatureV", (pynvml.NVML_TEMPERATURE_GPU,)),
)
_THROTTLE = (Call("nvmlDeviceGetCurrentClocksEventReasons"), Call("nvmlDeviceGetCurrentClocksThrottleReasons"))
_TABLE = (
    _Row("utilization", _UTILIZATION, 0.01, "gpu"),  # percent
    _Row("memory_utilization", _UTILIZATION, 0.01, "memory"),
    _Row("memory_used", _MEMORY, 1.0, "used"),
    _Row("power", (Call("nvmlDeviceGetPowerUsage"),), 1e-3),  # mW
    _Row("energy", (Call("nvmlDeviceGetTotalEnergyConsumption"),), 1e-3),  # mJ
    _Row("temperature", _TEMPERATURE, 1.0),
    _Row("sm_clock", (Call("nvmlDeviceGetClockInfo", (pynvml.NVML_CLOCK_SM,)),), 1.0),
    _Row("memory_clock", (Call("nvmlDeviceGetClockInfo", (pynvml.NVML_CLOCK_MEM,)),), 1.0),
    _Row("throttle_reasons", _THROTTLE, 1.0),
)
# The driver counts for 20 ms before it answers one of these, and its caller waits; nothing else here costs as much.
_PCIE_TABLE = (
    _Row("pcie_tx", (Call("nvmlDeviceGetPcieThroughput", (pynvml.NVML_PCIE_UTIL_TX_BYTES,)),), 1e3),  # kB/s
    _Row("pcie_rx", (Call("nvmlDeviceGetPcieThroughput", (pynvml.NVML_PCIE_UTIL_RX_BYTES,)),), 1e3),
)
_PCIE_PERIOD_S = 1.0
_PCIE_SHARE = 0.2  # of the time, at most, is spent waiting for PCIe counters
_PROCESSES = (Call("nvmlDeviceGetComputeRunningProcesses_v3"), Call("nvmlDeviceGetComputeRunningProcesses_v2"))
_ALL = (*(row.metric for row in (*_TABLE, *_PCIE_TABLE)), "process_memory", "foreign_processes")
_SILENT_TICKS = 3  # a GPU that answers nothing so many times in a row is gone, whatever the driver calls it


class _Source(NamedTuple):
    """A row of a table with the call that was seen to answer."""

    metric: str
    call: Call
    scale: float
    field: str | None


class NvmlProbe:
    """Every GPU that the driver shows, and every MIG instance.

    A GPU that torch sees under this process's `CUDA_VISIBLE_DEVICES` is `cuda:N` and counts as in use; N holds when
    the trainer runs with `CUDA_DEVICE_ORDER=PCI_BUS_ID`. Others are `nvml:N`, other MIG instances `nvml:N:SLOT`.
    """

    def __init__(self) -> None:
        self._started = False
        self._devices: list[_Device] = []
        self._pcie_credit_s = 0.0
        self._credited_s = 0.0

    def open(self) -> Sequence[Seen]:
        """Tries every metric of every GPU once. See `Probe.open`."""
        nvml_library.start()
        self._started = True
        self._devices = _find(os.environ.get("CUDA_VISIBLE_DEVICES"))
        self._credited_s = time.monotonic()
        return [device.seen for device in self._devices]

    def look(self, tree: frozenset[int]) -> Later:
        """See `Probe.look`. The driver's answers are numbers at once."""
        taken = [(device, device.read(tree)) for device in self._devices]
        self._read_pcie(taken)
        self._devices = [device for device in self._devices if not device.lost]
        readings = [
            Reading(device.seen.device, {} if device.lost else values, device.lost)
            for device, values in taken
            if values or device.lost
        ]
        return lambda: readings

    def close(self) -> None:
        """See `Probe.close`."""
        self._devices = []
        if self._started:
            self._started = False
            nvml_library.stop()

    def _read_pcie(self, taken: Sequence[tuple[_Device, dict[str, float]]]) -> None:
        """Asks for what is due, longest ago first, as far as its share of the time goes."""
        now_s = time.monotonic()
        earned_s = _PCIE_SHARE * (now_s - self._credited_s)
        self._pcie_credit_s = min(self._pcie_credit_s + earned_s, _PCIE_SHARE * _PCIE_PERIOD_S)
        self._credited_s = now_s
        queue = [
            (asked_s, device, source, values)
            for device, values in taken
            for source, asked_s in device.pcie_asked_s.items()
            if now_s - asked_s >= _PCIE_PERIOD_S
        ]
        for _, device, source, values in sorted(queue, key=itemgetter(0)):
            if self._pcie_credit_s <= 0:
                return
            began_s = time.monotonic()
            device.pcie_asked_s[source] = began_s
            device.take(source, values, {})
            self._pcie_credit_s -= time.monotonic() - began_s


class _Device:
    """One GPU or MIG instance: what it answers, and whether it still does."""

    def __init__(self, device: str, handle: Handle | None, *, in_use: bool) -> None:
        self.lost = False
        self._handle = handle
        self._silent_ticks = 0
        self._sources = self._bind(_TABLE)
        self.pcie_asked_s = dict.fromkeys(self._bind(_PCIE_TABLE), -math.inf)
        self._listing = next((call for call in _PROCESSES if self._ask(call) is not None), None)
        present = self._listed() or ()
        self._processes = GpuProcesses(process.pid for process in present)
        metrics = [source.metric for source in (*self._sources, *self.pcie_asked_s)]
        if self._listing is not None:
            metrics.append("foreign_processes")
            if all(process.usedGpuMemory is not None for process in present):
                metrics.append("process_memory")
        self.seen = Seen(
            device=device,
            name=nvml_library.name_of(handle),
            uuid=nvml_library.uuid_of(handle),
            in_use=in_use,
            metrics=tuple(metrics),
            missing=tuple(metric for metric in _ALL if metric not in metrics),
        )

    def read(self, tree: frozenset[int]) -> dict[str, float]:
        """Columns -> values of all but PCIe; sets `lost` when the device is gone."""
        values: dict[str, float] = {}
        answers: dict[Call, Any] = {}
        for source in self._sources:
            self.take(source, values, answers)
        self._read_processes(tree, values)
        expected = bool(self._sources) or self._listing is not None
        self._silent_ticks = self._silent_ticks + 1 if expected and not values else 0
        self.lost = self.lost or self._silent_ticks >= _SILENT_TICKS
        return values

    def take(self, source: _Source, values: dict[str, float], answers: dict[Call, Any]) -> None:
        """Adds one value, from an answer that may hold several; what fails this once is left out."""
        if source.call not in answers:
            answers[source.call] = self._ask(source.call)
        value = nvml_library.number(answers[source.call], source.field)
        if value is not None:
            values[BY_NAME[source.metric].column] = value * source.scale

    def _read_processes(self, tree: frozenset[int], values: dict[str, float]) -> None:
        listed = self._listed()
        if listed is None:
            return
        ours, foreign = self._processes.tell([process.pid for process in listed], tree, time.monotonic())
        values[BY_NAME["foreign_processes"].column] = float(foreign)
        memory_bytes = [process.usedGpuMemory for process in listed if process.pid in ours]
        if "process_memory" in self.seen.metrics and None not in memory_bytes:
            values[BY_NAME["process_memory"].column] = float(sum(memory_bytes))

    def _listed(self) -> Sequence[Any] | None:
        """The processes on this device; None when the driver does not tell."""
        answer: Sequence[Any] | None = self._ask(self._listing) if self._listing is not None else None
        return answer

    def _bind(self, table: Sequence[_Row]) -> list[_Source]:
        """The rows that this device answers."""
        return [
            _Source(row.metric, call, row.scale, row.field)
            for row in table
            if (call := next((c for c in row.calls if self._answers(c, row.field)), None)) is not None
        ]

    def _answers(self, call: Call, field: str | None) -> bool:
        return nvml_library.number(self._ask(call), field) is not None

    def _ask(self, call: Call) -> Any:
        """The driver's answer; None when it has none, or has none any more."""
        if self.lost or self._handle is None:
            return None
        try:
            return call.ask(self._handle)
        except LOST_ERRORS:
            self.lost = True
        except Exception:  # noqa: BLE001 - a refusal, a missing function, or a driver and a binding that differ
            return None
        return None


def _find(setting: str | None) -> list[_Device]:
    """Every GPU and every MIG instance, under the names that torch gives them, the hidden ones last."""
    handles: dict[Place, Handle | None] = {}
    gpus = []
    for index, handle in enumerate(nvml_library.handles()):
        handles[Place(index)] = handle
        instances = nvml_library.mig_instances(handle)
        handles |= {Place(index, slot): instance for slot, instance in (instances or {}).items()}
        uuids = None if instances is None else {s: nvml_library.uuid_of(i) for s, i in instances.items()}
        gpus.append(Gpu(nvml_library.uuid_of(handle), uuids))
    visible = torch_order(gpus, setting)
    hidden = [place for place in handles if place not in visible]
    return [
        *(_Device(f"cuda:{n}", handles[place], in_use=True) for n, place in enumerate(visible)),
        *(_Device(_hidden_name(place), handles[place], in_use=False) for place in hidden),
    ]


def _hidden_name(place: Place) -> str:
    return f"nvml:{place.gpu}" if place.instance is None else f"nvml:{place.gpu}:{place.instance}"


PLUGIN = NvmlProbe
