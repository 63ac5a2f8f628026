"""Where trainings ran out of memory, kept in the user's cache for this machine and model."""

from __future__ import annotations

import contextlib
import hashlib
import json

from pydantic import TypeAdapter

from benchbench.executors.machine_cache import MachineCache
from benchbench.record.machine import Machine
from benchbench.scenario.scenario import Scenario
from benchbench.values import Observed

_FORMAT = 1
# Settings of a training that memory does not depend on, or not beyond the sequences of a forward pass.
_NEUTRAL = {
    "global_batch", "micro_batch", "max_steps", "schedule", "seed", "gradient_clip", "label_smoothing",
    "checkpoint_every", "resume",
}  # fmt: skip


class RanOut(Observed):
    """A training that ran out of memory.

    Attributes:
        settings: a digest of all settings that memory depends on, the sequences of a forward pass left out.
        rows: those sequences.
        room_bytes: the memory that there was; None where nobody knew.
        expected_bytes: what the memory model says that it takes; None where the model knows nothing of it.
    """

    settings: str
    rows: int
    room_bytes: int | None
    expected_bytes: int | None


_KEPT = TypeAdapter(tuple[RanOut, ...])


class MemoryBoundary:
    """Keeps what ran out of memory, by machine and model; a cache that cannot be written to lasts as long as this.

    Args of the constructor:
        cache: where; None for the user's cache folder.
    """

    def __init__(self, cache: MachineCache | None = None) -> None:
        self._cache = cache or MachineCache("out_of_memory")
        self._here: dict[str, tuple[RanOut, ...]] = {}

    def of(self, scenario: Scenario, machine: Machine) -> tuple[RanOut, ...]:
        """What ran out on this machine with the scenario's model and task."""
        key = _key(scenario, machine)
        if key not in self._here:
            self._here[key] = ()
            with contextlib.suppress(OSError, ValueError):  # a damaged file is no file
                self._here[key] = _KEPT.validate_json(self._cache.read(key))
        return self._here[key]

    def add(self, scenario: Scenario, machine: Machine, ran_out: RanOut) -> None:
        """Notes one; of those with equal settings and room the smallest is kept."""
        others = [one for one in self.of(scenario, machine) if not _covers(ran_out, one)]
        if any(_covers(one, ran_out) for one in others):
            return
        key = _key(scenario, machine)
        self._here[key] = (*others, ran_out)
        self._cache.write(key, _KEPT.dump_json(self._here[key]).decode())


def settings_of(scenario: Scenario) -> str:
    """Equal for scenarios whose memory differs by the sequences of a forward pass alone."""
    asked = scenario.model_dump(mode="json", include={"model", "task", "data", "precision", "parallelism", "training"})
    training = {name: value for name, value in asked["training"].items() if name not in _NEUTRAL}
    training["optimizer"] = training["optimizer"]["name"]
    return _digest([{**asked, "training": training}, scenario.hardware.device])


def _covers(one: RanOut, other: RanOut) -> bool:
    """Whether the first says all that the second does."""
    same = (one.settings, one.room_bytes) == (other.settings, other.room_bytes)
    return same and one.rows <= other.rows


def _key(scenario: Scenario, machine: Machine) -> str:
    asked = scenario.model_dump(mode="json", include={"model", "task", "trainer"})
    devices = [device.memory_bytes for device in machine.devices]
    return _digest([_FORMAT, asked, machine.fingerprint, devices, sorted(machine.versions.items())])


def _digest(data: object) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
