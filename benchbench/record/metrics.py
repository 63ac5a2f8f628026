"""The telemetry metrics: the word that `missing` uses, the column that `telemetry.parquet` holds, the unit.

A probe answers with these columns and no others, so that every report can read every probe.
"""

from __future__ import annotations

from typing import NamedTuple


class Metric(NamedTuple):
    """One metric of one device."""

    name: str
    column: str
    unit: str
    meaning: str


METRICS: tuple[Metric, ...] = (
    Metric("utilization", "utilization", "fraction", "share of the time (GPU) or of the CPUs (cpu) in use by anyone"),
    Metric("process_utilization", "process_utilization", "fraction", "share of the machine's CPUs in use by the run"),
    Metric("foreign_cpus", "foreign_cpus", "CPUs", "how many of the machine's CPUs others than the run use"),
    Metric("memory_utilization", "memory_utilization", "fraction", "share of the time the device's memory was busy"),
    Metric("memory_used", "memory_used_bytes", "bytes", "memory in use on the device by anyone"),
    Metric("process_memory", "process_memory_bytes", "bytes", "memory in use by the run's processes (cpu: resident)"),
    Metric("swap", "swap_used_bytes", "bytes", "swap space in use"),
    Metric("swap_traffic", "swap_traffic_bytes", "bytes", "bytes swapped in and out so far; only differences count"),
    Metric("load", "load_1m", "processes", "the one-minute load average"),
    Metric("power", "power_w", "W", "power drawn"),
    Metric("energy", "energy_j", "J", "energy counter; only differences mean anything"),
    Metric("temperature", "temperature_c", "°C", "temperature"),
    Metric("sm_clock", "sm_clock_mhz", "MHz", "clock of the multiprocessors"),
    Metric("memory_clock", "memory_clock_mhz", "MHz", "clock of the device's memory"),
    Metric("cpu_clock", "cpu_clock_mhz", "MHz", "mean clock of the CPUs"),
    Metric("throttle_reasons", "throttle_reasons", "bits", "NVML's bit mask of what holds the clocks down"),
    Metric("pcie_tx", "pcie_tx_bytes_per_s", "bytes/s", "PCIe traffic from the device"),
    Metric("pcie_rx", "pcie_rx_bytes_per_s", "bytes/s", "PCIe traffic to the device"),
    Metric("foreign_processes", "foreign_processes", "processes", "other people's processes on the device"),
    Metric("stopped_processes", "stopped_processes", "processes", "processes of the run that somebody stopped"),
    Metric("clock_offset", "clock_offset_s", "s", "the clock on the wall beyond the monotonic one"),
    Metric("suspended", "suspended_s", "s", "how long the machine slept so far; only differences count"),
)
BY_NAME = {metric.name: metric for metric in METRICS}
BY_COLUMN = {metric.column: metric for metric in METRICS}
