"""Every probe that this machine has an answer for, read as one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

from benchbench import registry
from benchbench.hardware.probe import Later, Probe, ProbeUnavailableError, Reading, Seen

_FAILURES_IN_A_ROW = 3


class Panel:
    """The open probes. One that fails, however it fails, leaves the others as they are.

    Attributes:
        devices: every device seen, each once, whichever probes know it.
        unavailable: probe -> why it has nothing to say here.
    """

    def __init__(self, probes: Mapping[str, Probe], unavailable: Mapping[str, str] | None = None) -> None:
        self.devices: tuple[Seen, ...] = ()
        self.unavailable = dict(unavailable or {})
        self._probes = dict(probes)
        self._failures = dict.fromkeys(probes, 0)

    @classmethod
    def of_plugins(cls) -> Panel:
        """All probe plug-ins, none open yet."""
        probes: dict[str, Probe] = {}
        unavailable = {}
        for name in registry.names(registry.PROBES):
            try:
                probes[name] = cast("type[Probe]", registry.load(registry.PROBES, name))()
            except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever a plug-in does, the run goes on
                unavailable[name] = _reason(error)
        return cls(probes, unavailable)

    def open(self, devices: int | None = None) -> None:
        """Opens every probe; those that cannot be opened are named in `unavailable`.

        Args:
            devices: how many of the GPUs that torch sees are in use, the first ones; None for all.
        """
        seen: list[Seen] = []
        for name, probe in list(self._probes.items()):
            try:
                seen += probe.open()
            except (Exception, SystemExit) as error:  # noqa: BLE001
                self.unavailable[name] = _reason(error)
                self._drop(name)
        self.devices = tuple(_narrowed(device, devices) for device in _merged(seen))

    def look(self, tree: frozenset[int]) -> Callable[[], list[Reading]]:
        """Looks at every device; what it returns works out one reading a device (see `Probe.look`).

        Args:
            tree: the process ids of the run.
        """
        looks = [
            (name, later) for name, probe in list(self._probes.items()) if (later := self._look(name, probe, tree))
        ]
        return lambda: self._worked_out(looks)

    def _worked_out(self, looks: Sequence[tuple[str, Later]]) -> list[Reading]:
        """What all probes know of each device, finite values only."""
        readings: dict[str, Reading] = {}
        for name, later in looks:
            for reading in self._ask(name, later):
                before = readings.get(reading.device, Reading(reading.device, {}))
                values = {column: value for column, value in reading.values.items() if math.isfinite(value)}
                readings[reading.device] = Reading(
                    reading.device, {**before.values, **values}, before.lost or reading.lost
                )
        return list(readings.values())

    def close(self) -> None:
        """Closes every probe."""
        for name in list(self._probes):
            self._drop(name)

    def _look(self, name: str, probe: Probe, tree: frozenset[int]) -> Later | None:
        try:
            return probe.look(tree)
        except Exception:  # noqa: BLE001
            self._failed(name)
            return None

    def _ask(self, name: str, later: Later) -> Iterable[Reading]:
        try:
            readings = later()
        except Exception:  # noqa: BLE001
            self._failed(name)
            return ()
        self._failures[name] = 0
        return readings

    def _failed(self, name: str) -> None:
        self._failures[name] += 1
        if self._failures[name] >= _FAILURES_IN_A_ROW and name in self._probes:
            self._drop(name)

    def _drop(self, name: str) -> None:
        probe = self._probes.pop(name)
        try:
            probe.close()
        except Exception:  # noqa: BLE001
            return


def _merged(seen: Iterable[Seen]) -> tuple[Seen, ...]:
    """Each device once: the first name and uuid given, all metrics, and as missing what no probe has."""
    devices: dict[str, Seen] = {}
    for new in seen:
        old = devices.get(new.device, new)
        metrics = tuple(dict.fromkeys((*old.metrics, *new.metrics)))
        devices[new.device] = Seen(
            device=old.device,
            name=old.name,
            uuid=old.uuid or new.uuid,
            in_use=old.in_use or new.in_use,
            metrics=metrics,
            missing=tuple(m for m in dict.fromkeys((*old.missing, *new.missing)) if m not in metrics),
        )
    return tuple(devices.values())


def _narrowed(device: Seen, devices: int | None) -> Seen:
    kind, _, number = device.device.partition(":")
    beyond = devices is not None and kind == "cuda" and int(number) >= devices
    return device._replace(in_use=False) if beyond else device


def _reason(error: BaseException) -> str:
    """Why a probe is not there; the kind of error too unless the probe chose its words."""
    return str(error) if isinstance(error, ProbeUnavailableError) else f"{type(error).__name__}: {error}"
