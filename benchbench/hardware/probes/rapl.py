"""Energy and power of the CPU packages, from the counters that Intel and AMD processors keep (RAPL)."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path

from benchbench.hardware.probe import Later, ProbeUnavailableError, Reading, Seen
from benchbench.record.metrics import BY_NAME

_POWERCAP = Path("/sys/class/powercap")
# Whole packages only: `intel-rapl:0:1` is a part of `intel-rapl:0`, `intel-rapl-mmio:0` is the same one again.
_DOMAIN = re.compile(r"intel-rapl:\d+")
_SHORTEST_S = 0.005  # the counters move every millisecond: power over less would be noise


class RaplProbe:
    """The packages' energy counters as two metrics of the device `cpu`.

    Args of the constructor:
        powercap: the kernel's folder of power domains.
    """

    def __init__(self, powercap: Path = _POWERCAP) -> None:
        self._powercap = powercap
        self._packages: list[_Package] = []
        self._before: tuple[float, float] | None = None

    def open(self) -> Sequence[Seen]:
        """Reads every package's counter once. See `Probe.open`."""
        try:
            folders = sorted(f for f in self._powercap.iterdir() if _DOMAIN.fullmatch(f.name) and _is_package(f))
        except OSError:
            folders = []
        if not folders:
            raise ProbeUnavailableError(f"no package energy counters (RAPL) in {self._powercap}")
        try:
            self._packages = [_Package(folder) for folder in folders]
        except (OSError, ValueError) as error:
            raise ProbeUnavailableError(f"the energy counters cannot be read: {error}") from error
        self._before = (time.monotonic(), self._energy_j())
        return [Seen("cpu", "CPU", None, in_use=True, metrics=("energy", "power"), missing=())]

    def look(self, tree: frozenset[int]) -> Later:  # noqa: ARG002 - the protocol's
        """See `Probe.look`."""
        try:
            counters = [package.look() for package in self._packages]
        except OSError:
            return _nothing
        now_s = time.monotonic()
        return lambda: self._read(counters, now_s)

    def _read(self, counters: Sequence[bytes], now_s: float) -> Sequence[Reading]:
        try:
            for package, counter in zip(self._packages, counters, strict=False):
                package.read(counter)
        except ValueError:
            return []
        if self._before is None:
            return []
        energy_j = self._energy_j()
        values = {BY_NAME["energy"].column: energy_j}
        elapsed_s = now_s - self._before[0]
        if elapsed_s >= _SHORTEST_S:
            values[BY_NAME["power"].column] = (energy_j - self._before[1]) / elapsed_s
            self._before = (now_s, energy_j)
        return [Reading("cpu", values)]

    def close(self) -> None:
        """See `Probe.close`."""
        self._packages = []
        self._before = None

    def _energy_j(self) -> float:
        return sum(package.energy_uj for package in self._packages) * 1e-6


class _Package:
    """One counter of microjoules, followed over its wrap-around."""

    def __init__(self, folder: Path) -> None:
        self._counter = folder / "energy_uj"
        self._range_uj = int((folder / "max_energy_range_uj").read_text())
        self._last_uj = self.energy_uj = int(self._counter.read_text())

    def look(self) -> bytes:
        """What the counter shows; OSError when it does not answer this once."""
        return self._counter.read_bytes()

    def read(self, counter: bytes) -> None:
        """Adds what was used since the last reading; ValueError where the counter showed no number."""
        now_uj = int(counter)
        self.energy_uj += (now_uj - self._last_uj) % (self._range_uj + 1)
        self._last_uj = now_uj


def _nothing() -> Sequence[Reading]:
    return []


def _is_package(folder: Path) -> bool:
    """Whether the domain is a processor package, and not the whole platform (`psys`), which holds the packages too."""
    try:
        return (folder / "name").read_text().startswith("package")
    except OSError:
        return False


PLUGIN = RaplProbe
