"""Which GPUs torch sees, and in which order: what CUDA makes of `CUDA_VISIBLE_DEVICES`.

The rules are those of the CUDA programming guide (environment variables), of the MIG user guide (device
enumeration) and of `torch.cuda`'s own reading of the variable. The GPUs are in NVML's order, which is CUDA's too
under `CUDA_DEVICE_ORDER=PCI_BUS_ID`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_ORDINAL = re.compile(r"\+?\d+")  # CUDA reads the number that an entry begins with


class Gpu(NamedTuple):
    """One GPU as NVML tells of it.

    Attributes:
        uuid: None where the driver does not tell.
        instances: the uuids of its MIG instances by slot; None when MIG is off.
    """

    uuid: str | None
    instances: dict[int, str | None] | None = None


class Place(NamedTuple):
    """A CUDA device: a GPU by its NVML index, or one MIG instance of it by its slot."""

    gpu: int
    instance: int | None = None


def torch_order(gpus: Sequence[Gpu], setting: str | None) -> list[Place]:
    """The devices that torch numbers 0, 1, ...

    Args:
        gpus: every GPU, in NVML's order.
        setting: the value of `CUDA_VISIBLE_DEVICES`; None when it is unset.
    """
    if setting is None:
        found = [place for index in range(len(gpus)) if (place := _usable(gpus, index)) is not None]
    else:
        found = _listed(gpus, [entry.strip() for entry in setting.split(",")])
    # One process gets one MIG instance, and no whole GPU beside it.
    instance = next((place for place in found if place.instance is not None), None)
    return found if instance is None else [instance]


def _listed(gpus: Sequence[Gpu], entries: Sequence[str]) -> list[Place]:
    """The list ends at its first invalid entry or at one of another kind; a device that is named twice empties it."""
    resolve = _by_uuid if entries[0].startswith(("GPU-", "MIG-")) else _by_ordinal
    found: list[Place] = []
    for entry in entries:
        place = resolve(gpus, entry)
        if place is None:
            break
        if place in found:
            return []
        found.append(place)
    return found


def _by_ordinal(gpus: Sequence[Gpu], entry: str) -> Place | None:
    number = _ORDINAL.match(entry)
    return _usable(gpus, int(number.group())) if number else None


def _by_uuid(gpus: Sequence[Gpu], entry: str) -> Place | None:
    """The device of that uuid, or the only one whose uuid begins so."""
    uuids = {Place(index): gpu.uuid for index, gpu in enumerate(gpus)}
    for index, gpu in enumerate(gpus):
        uuids |= {Place(index, slot): uuid for slot, uuid in (gpu.instances or {}).items()}
    exact = [place for place, uuid in uuids.items() if uuid == entry]
    begun = [place for place, uuid in uuids.items() if uuid is not None and entry != "" and uuid.startswith(entry)]
    matches = exact or begun
    if len(matches) != 1:
        return None
    place = matches[0]
    return place if place.instance is not None else _usable(gpus, place.gpu)


def _usable(gpus: Sequence[Gpu], index: int) -> Place | None:
    """A whole GPU; its first instance when MIG is on; None when there is neither."""
    if index >= len(gpus):
        return None
    instances = gpus[index].instances
    if instances is None:
        return Place(index)
    return Place(index, min(instances)) if instances else None
