"""The protocol of a telemetry probe. A probe is one file in `probes/`; its `PLUGIN` is a class that satisfies it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol


class ProbeUnavailableError(Exception):
    """This machine has nothing for the probe (no driver, no permission); the message says which."""


class Seen(NamedTuple):
    """A device that a probe sees, in use or not.

    Attributes:
        device: `cpu`; `cuda:N` where N is the index that torch gives it; `nvml:N` for a GPU that is hidden from torch.
        name: its product name.
        uuid: its identity, where it has one.
        in_use: whether the run may use it.
        metrics: names (see `record.metrics`) that this device answers here.
        missing: names that a device of this kind could have and this one does not.
    """

    device: str
    name: str
    uuid: str | None
    in_use: bool
    metrics: tuple[str, ...]
    missing: tuple[str, ...]


class Reading(NamedTuple):
    """One device's answer at one moment: `record.metrics` columns -> values; what failed this once is left out."""

    device: str
    values: Mapping[str, float]
    lost: bool = False


Later = Callable[[], Sequence[Reading]]
"""Works out what was looked at: one reading a device. Called once, after the looks before it."""


class Probe(Protocol):
    """One source of telemetry. Used by one thread of one process; `open` before anything else, `close` last."""

    def open(self) -> Sequence[Seen]:
        """Finds the devices and which metrics each answers.

        Raises:
            ProbeUnavailableError: there is nothing to probe here.
        """
        ...

    def look(self, tree: frozenset[int]) -> Later:
        """Looks at every device once. Never raises: a device that fell off answers once with `lost=True`, then no more.

        A look takes the CPU from the run that is measured, ten times a second, and finds no cache warm. So it takes
        down what the system says, and what that means is worked out later, for several looks at once.

        Args:
            tree: the process ids of the run.
        """
        ...

    def close(self) -> None:
        """Gives back what `open` took."""
        ...
