"""The catalog of accelerators: what the vendors say of a device, found by its exact name (`accelerators.yaml`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources

import yaml
from pydantic import Field

from benchbench.values import Observed

_FILE = "accelerators.yaml"


class Accelerator(Observed):
    """One row: a device as its vendor describes it. None is what no source tells.

    Attributes:
        name: short, such as `H100-SXM-80GB`.
        device_names: what drivers call it, to the letter.
        architecture: the vendor's name for its generation.
        memory_gb: memory in 1e9 bytes.
        bandwidth_gb_per_s: of that memory, in 1e9 bytes a second.
        tflops: dense peak of matrix products by precision, in 1e12 FLOPs a second.
        power_w: the vendor's power limit, in watts.
        sources: where each of these figures is from, in words.
    """

    name: str
    device_names: tuple[str, ...]
    architecture: str
    memory_gb: float | None = None
    bandwidth_gb_per_s: float | None = None
    tflops: dict[str, float] = Field({})
    power_w: float | None = None
    sources: dict[str, tuple[str, ...]]

    def flops_per_s(self, precision: str) -> float | None:
        """The dense peak in a precision (`fp32` is without tensor cores; with them it is `tf32`); None if unknown."""
        tflops = self.tflops.get(precision)
        return None if tflops is None else tflops * 1e12

    @property
    def bytes_per_s(self) -> float | None:
        """The memory's bandwidth; None if unknown."""
        return None if self.bandwidth_gb_per_s is None else self.bandwidth_gb_per_s * 1e9


@cache
def accelerators() -> tuple[Accelerator, ...]:
    """Every row, in the file's order."""
    text = resources.files("benchbench.theory").joinpath(_FILE).read_text(encoding="utf-8")
    document = yaml.safe_load(text)
    return tuple(Accelerator.model_validate(_told(row, document["sources"])) for row in document["accelerators"])


def of_device(name: str) -> Accelerator | None:
    """The row of a device by the exact name that its driver gives; None where there is none: nothing is guessed."""
    return next((row for row in accelerators() if name in row.device_names), None)


def _told(row: Mapping[str, object], sources: Mapping[str, str]) -> dict[str, object]:
    """A row with its sources in words."""
    named = row["sources"]
    assert isinstance(named, dict)
    return {**row, "sources": {figure: [sources[key] for key in keys] for figure, keys in named.items()}}
