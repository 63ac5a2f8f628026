"""Which micro-batches were found to fit, kept in the user's cache for this machine and all settings that matter."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path
from typing import Any

from benchbench.executors.machine_cache import MachineCache
from benchbench.record.machine import Machine
from benchbench.scenario.scenario import Scenario

_FORMAT = 1
_NEUTRAL = {"schema_version", "name", "question", "measure", "target", "search"}
_NEUTRAL_IN_TRAINING = {
    "micro_batch", "max_steps", "schedule", "seed", "gradient_clip", "label_smoothing", "checkpoint_every", "resume",
}  # fmt: skip
_LIKE = (0.8, 1.25)  # times the memory that there was: for more or less of it a size is looked for anew


class FitMemory:
    """Keeps micro-batches by scenario and machine, in files that outlive the command.

    Args of the constructor:
        folder: where; None for the user's cache folder, and for this process alone if the user has none.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._cache = MachineCache("micro_batches", folder)
        self._here: dict[str, dict[str, Any]] = {}

    def find(self, scenario: Scenario, machine: Machine, limit_bytes: int | None) -> int | None:
        """The micro-batch that was found for such a scenario in about as much memory; None if none was.

        Args:
            scenario: with an open micro-batch.
            machine: where it runs.
            limit_bytes: the memory that there is now; None where that is not known.
        """
        key = _key(scenario, machine)
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # a damaged file is no file
            entry = self._here.get(key) or json.loads(self._cache.read(key))
            found, then_bytes = entry["micro_batch"], entry["limit_bytes"]
            if isinstance(found, int) and found > 0 and _alike(then_bytes, limit_bytes):
                return found
        return None

    def keep(self, scenario: Scenario, machine: Machine, limit_bytes: int | None, micro_batch: int) -> None:
        """Notes what was found; a cache that cannot be written to forgets it when the process ends."""
        key = _key(scenario, machine)
        self._here[key] = {"micro_batch": micro_batch, "limit_bytes": limit_bytes, "scenario": scenario.name}
        self._cache.write(key, json.dumps(self._here[key]))


def _alike(then_bytes: int | None, now_bytes: int | None) -> bool:
    if then_bytes is None or now_bytes is None:
        return then_bytes is now_bytes
    return _LIKE[0] * then_bytes <= now_bytes <= _LIKE[1] * then_bytes


def _key(scenario: Scenario, machine: Machine) -> str:
    """Equal where memory is: the machine, its libraries, and every setting that could change what a step takes."""
    asked = scenario.model_dump(mode="json", exclude=_NEUTRAL)
    training = {name: value for name, value in asked["training"].items() if name not in _NEUTRAL_IN_TRAINING}
    training["optimizer"] = training["optimizer"]["name"]
    here = [machine.fingerprint, [device.memory_bytes for device in machine.devices], sorted(machine.versions.items())]
    canonical = json.dumps([_FORMAT, {**asked, "training": training}, here], sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()
