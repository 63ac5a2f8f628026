"""The measured peaks of this machine's devices, kept in the user's cache: measured once, by a process of its own."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import ValidationError

from benchbench.executors.machine_cache import MachineCache
from benchbench.record.machine import Machine
from benchbench.record.peaks import Peak
from benchbench.scenario.scenario import Scenario

_FORMAT = 1
_PROBE_S = 60.0

Probe = Callable[[str, str, int | None], Peak | None]
"""Measures a device in a precision with a number of threads; None where it cannot."""


class PeakBook:
    """Finds, measures and keeps peaks (see `admission.Peaks`).

    Args of the constructor:
        machine: this one.
        folder: where they are kept; None for the user's cache, and for this process alone if the user has none.
        probe: measures.
        announce: is told before something is measured.
    """

    def __init__(
        self,
        machine: Machine,
        *,
        folder: Path | None = None,
        probe: Probe | None = None,
        announce: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._machine, self._cache = machine, MachineCache("peaks", folder)
        self._probe, self._announce = probe or probed, announce
        self._here: dict[str, Peak | None] = {}

    def of(self, scenario: Scenario) -> Peak | None:
        """The peak of a scenario's device in its precision, measured now if it never was; None where it cannot be."""
        place = self._place(scenario)
        if place is None:
            return None
        key = self._key(*place)
        if key not in self._here:
            self._here[key] = self._kept(key) or self._measured(key, place, None)
        return self._here[key]

    def again(self, scenario: Scenario) -> Peak | None:
        """The peak after one more measurement; the better of the two is kept."""
        place = self._place(scenario)
        if place is None:
            return None
        key = self._key(*place)
        self._here[key] = self._measured(key, place, self._here.get(key) or self._kept(key))
        return self._here[key]

    def readings(self, scenario: Scenario, count: int) -> tuple[Peak, ...]:
        """So many measurements one after another, less those that failed; the best rates are kept, as by `again`."""
        place = self._place(scenario)
        if place is None:
            return ()
        self._announce(f"Measuring what this machine's {place[0]} can do in {place[1]}, {count} times.")
        found = tuple(reading for reading in (self._probe(*place) for _ in range(count)) if reading is not None)
        key = self._key(*place)
        for reading in found:
            self._here[key] = self._better(key, reading, self._here.get(key) or self._kept(key))
        return found

    def _place(self, scenario: Scenario) -> tuple[str, str, int | None] | None:
        """Device, precision and threads; None for a device that has no probe."""
        wanted = scenario.hardware.device
        if wanted == "mps":
            return None
        if wanted == "cuda" or (wanted == "auto" and self._machine.devices):
            return "cuda", scenario.precision, None
        return "cpu", scenario.precision, scenario.hardware.threads

    def _measured(self, key: str, place: tuple[str, str, int | None], before: Peak | None) -> Peak | None:
        device, precision, _ = place
        self._announce(f"Measuring what this machine's {device} can do in {precision}.")
        found = self._probe(*place)
        return before if found is None else self._better(key, found, before)

    def _better(self, key: str, found: Peak, before: Peak | None) -> Peak:
        """The better of two in each rate, which is kept."""
        if before is not None:
            best = {name: max(getattr(found, name), getattr(before, name)) for name in ("flops_per_s", "bytes_per_s")}
            found = found.model_copy(update=best)
        self._cache.write(key, found.model_dump_json())
        return found

    def _kept(self, key: str) -> Peak | None:
        with contextlib.suppress(OSError, ValueError):  # a damaged file is no file
            return Peak.model_validate_json(self._cache.read(key))
        return None

    def _key(self, device: str, precision: str, threads: int | None) -> str:
        """Equal where a peak is: the hardware, its limits, its libraries."""
        machine = self._machine
        limits = [machine.cpus_usable, machine.cpu_quota, [d.power_limit_w for d in machine.devices]]
        libraries = [machine.versions.get("torch"), machine.driver]
        told = os.environ.get("OMP_NUM_THREADS") if threads is None and device == "cpu" else None
        parts = [_FORMAT, machine.fingerprint, limits, libraries, device, precision, threads, told]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def probed(device: str, precision: str, threads: int | None) -> Peak | None:
    """A peak by the probe program (`benchbench.hardware.peaks`); None where it fails or takes a minute."""
    command: Sequence[str] = [
        sys.executable, "-P", "-m", "benchbench.hardware.peaks", "--device", device, "--precision", precision,
        *(["--threads", str(threads)] if threads is not None else []),
    ]  # fmt: skip
    with contextlib.suppress(OSError, subprocess.SubprocessError, ValidationError):
        answer = subprocess.run(command, capture_output=True, text=True, timeout=_PROBE_S, check=True)
        return Peak.model_validate_json(answer.stdout)
    return None
