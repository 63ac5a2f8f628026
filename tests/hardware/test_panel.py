"""Several probes read as one, and none of them able to hurt another."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from benchbench import registry
from benchbench.hardware.panel import Panel
from benchbench.hardware.probe import Later, ProbeUnavailableError, Reading, Seen

CPU = Seen("cpu", "A CPU", None, in_use=True, metrics=("utilization",), missing=("power", "energy"))
GPU = Seen("cuda:0", "A GPU", "GPU-1", in_use=True, metrics=("power",), missing=())
NOBODY: frozenset[int] = frozenset()


class Fake:
    """A probe that answers what it was given, or raises it."""

    def __init__(
        self,
        seen: Sequence[Seen] | BaseException,
        readings: Sequence[Reading] | BaseException = (),
        *,
        later: bool = False,
    ) -> None:
        self.seen = seen
        self.later = later
        self.readings = readings
        self.looks = 0
        self.closed = 0

    def open(self) -> Sequence[Seen]:
        if isinstance(self.seen, BaseException):
            raise self.seen
        return self.seen

    def look(self, tree: frozenset[int]) -> Later:
        self.looks += 1
        if isinstance(self.readings, BaseException) and not self.later:
            raise self.readings
        return self._read

    def _read(self) -> Sequence[Reading]:
        if isinstance(self.readings, BaseException):
            raise self.readings
        return self.readings

    def close(self) -> None:
        self.closed += 1
        raise RuntimeError("cannot be closed either")


def test_probes_of_one_device_are_merged() -> None:
    rapl = Seen("cpu", "CPU", "U", in_use=False, metrics=("energy",), missing=("temperature",))
    panel = Panel(
        {
            "cpu": Fake([CPU], [Reading("cpu", {"utilization": 0.5})]),
            "nvml": Fake([GPU], [Reading("cuda:0", {}, lost=True)]),
            "rapl": Fake([rapl], [Reading("cpu", {"energy_j": 3.0, "power_w": math.nan})]),
        }
    )
    panel.open()
    assert panel.devices == (
        Seen("cpu", "A CPU", "U", True, ("utilization", "energy"), ("power", "temperature")),
        GPU,
    )
    assert panel.look(NOBODY)() == [
        Reading("cpu", {"utilization": 0.5, "energy_j": 3.0}),
        Reading("cuda:0", {}, lost=True),
    ]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ProbeUnavailableError("no driver"), "no driver"),
        (OSError("no luck"), "OSError: no luck"),
        (SystemExit(3), "SystemExit: 3"),
    ],
)
def test_a_probe_that_cannot_be_opened_is_told_of_and_left(error: BaseException, reason: str) -> None:
    bad, good = Fake(error), Fake([CPU], [Reading("cpu", {"utilization": 1.0})])
    panel = Panel({"bad": bad, "good": good}, {"worse": "ImportError: x"})
    panel.open()
    assert panel.unavailable == {"worse": "ImportError: x", "bad": reason}
    assert panel.devices == (CPU,)
    assert len(panel.look(NOBODY)()) == 1
    assert (bad.looks, bad.closed) == (0, 1)
    panel.close()
    assert good.closed == 1


@pytest.mark.parametrize("later", [False, True])
def test_a_probe_that_goes_on_failing_is_given_up(later: bool) -> None:
    bad, good = Fake([GPU], ValueError("bad"), later=later), Fake([CPU], [Reading("cpu", {"utilization": 1.0})])
    panel = Panel({"bad": bad, "good": good})
    panel.open()
    assert [len(panel.look(NOBODY)()) for _ in range(5)] == [1] * 5
    assert (bad.looks, good.looks) == (3, 5)


def test_a_run_may_use_fewer_gpus_than_torch_sees() -> None:
    seen = [CPU, GPU, GPU._replace(device="cuda:1"), GPU._replace(device="nvml:2", in_use=False)]
    for devices, used in (
        (None, [True, True, True, False]),
        (1, [True, True, False, False]),
        (0, [True, *[False] * 3]),
    ):
        panel = Panel({"all": Fake(seen)})
        panel.open(devices)
        assert [device.in_use for device in panel.devices] == used


def test_a_plugin_that_cannot_be_loaded_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(kind: str, name: str) -> object:
        if name == "cpu":
            raise ImportError("broken")
        return lambda: Fake([GPU])

    monkeypatch.setattr(registry, "load", load)
    panel = Panel.of_plugins()
    panel.open()
    assert panel.unavailable == {"cpu": "ImportError: broken"}
    assert panel.devices == (GPU,)
