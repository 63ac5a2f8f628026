"""Which setups cannot fit into the memory: refused before they run, with a reason, at no cost.

A setup is refused where even the low end of what the memory model expects is more than there is, or where it needs no
less than one that ran out of memory. What the model expects is corrected by this search's own runs: the logarithm of
measured over predicted is taken to be alike for runs of like size, with a prior that the model is right up to its
published error (benchmarks/memory_model.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import psutil

from benchbench.executors import trainer_answers
from benchbench.executors.memory_boundary import MemoryBoundary, RanOut, settings_of
from benchbench.executors.memory_room import on_gpu, room_bytes
from benchbench.record.machine import Machine
from benchbench.record.types import Outcome, Repeat
from benchbench.scenario.scenario import Scenario
from benchbench.theory.memory import Memory, ModelShape, expected_bytes, memory
from benchbench.units import exact_size, human

_MODEL_ERROR = 0.12  # of the logarithm, one standard deviation: 0.08 was found on one machine
_RUN_ERROR = 0.03  # between two runs of one setup
_ALIKE = math.log(1.5)  # runs that differ by so much in size tell of each other with weight exp(-1/2)
_SURE = 2.0  # standard deviations
_WORDS = {
    "weights_bytes": "weights", "gradients_bytes": "gradients", "optimizer_bytes": "the optimizer's state",
    "averages_bytes": "averages", "activations_bytes": "activations", "temporary_bytes": "temporary tensors",
    "update_bytes": "temporary tensors",
}  # fmt: skip


class Range(NamedTuple):
    """A number of bytes, and the low end of it."""

    bytes: float
    low_bytes: float


@dataclass
class Calibration:
    """How the memory model errs, learned from runs."""

    _seen: list[tuple[float, float]] = field(default_factory=list)

    def add(self, expected_bytes: int, measured_bytes: int) -> None:
        """Takes a run in."""
        self._seen.append((math.log(expected_bytes), math.log(measured_bytes / expected_bytes)))

    def corrected(self, expected_bytes: int) -> Range:
        """What a run will take, by what the model expects: a normal mean with known errors, runs weighed by size."""
        size, prior = math.log(expected_bytes), (_RUN_ERROR / _MODEL_ERROR) ** 2
        weights = [math.exp(-(((size - other) / _ALIKE) ** 2) / 2) for other, _ in self._seen]
        total = sum(weights) + prior
        mean = sum(w * error for w, (_, error) in zip(weights, self._seen, strict=True)) / total
        spread = _RUN_ERROR * math.sqrt(1 + 1 / total)
        return Range(expected_bytes * math.exp(mean), expected_bytes * math.exp(mean - _SURE * spread))


class Feasible:
    """Says which setups cannot fit, and learns from each that ran.

    Args of the constructor:
        machine: where they run.
        boundary: what ran out of memory before.
        shape_of: what a scenario's model and rows are like; None where that is not known.
        available_bytes: memory of the host that nobody uses.
    """

    def __init__(
        self,
        machine: Machine,
        boundary: MemoryBoundary | None = None,
        shape_of: Callable[[Scenario], ModelShape | None] = trainer_answers.shape_of,
        available_bytes: Callable[[], int] = lambda: psutil.virtual_memory().available,
    ) -> None:
        self._machine = machine
        self._boundary = boundary or MemoryBoundary()
        self._shape_of = shape_of
        self._available_bytes = available_bytes
        self._calibration = Calibration()

    def refusal(self, scenario: Scenario) -> str | None:
        """Why a setup cannot fit; None where it may. An open micro-batch fits if a single sequence does."""
        room, rows = self._allowed_bytes(scenario), _rows(scenario)
        if room is None:
            return None
        expected = self._expected(scenario, rows)
        corrected = None if expected is None else self._calibration.corrected(expected)
        if corrected is not None and corrected.low_bytes > room:
            return (
                f"it needs about {human(corrected.bytes, 'B', 2)} of memory, at the least "
                f"{human(corrected.low_bytes, 'B', 2)}, and {self._allows(scenario)}{self._most(scenario, rows)}"
            )
        for one in self._boundary.of(scenario, self._machine):
            if one.room_bytes is not None and room <= one.room_bytes and _needs_no_less(scenario, rows, corrected, one):
                sequences = "one sequence" if one.rows == 1 else f"{one.rows} sequences"
                return (
                    f"it needs no less than what ran out of {human(one.room_bytes, 'B', 2)} with {sequences} at a time"
                )
        return None

    def saw(self, scenario: Scenario, repeat: Repeat) -> None:
        """Learns from a setup that was measured."""
        if scenario.model is None:
            return
        rows = _rows(scenario, repeat)
        expected = self._expected(scenario, rows)
        if repeat.outcome is Outcome.OOM:
            ran_out = RanOut(
                settings=settings_of(scenario),
                rows=rows,
                room_bytes=self._room_bytes(scenario),
                expected_bytes=expected,
            )
            self._boundary.add(scenario, self._machine, ran_out)
        peak = repeat.figures.peak_memory_bytes if repeat.figures is not None else None
        if repeat.outcome is Outcome.OK and peak and expected:
            self._calibration.add(expected, peak)

    def _expected(self, scenario: Scenario, rows: int) -> int | None:
        shape = self._shape_of(scenario) if scenario.model is not None else None
        if shape is None:
            return None
        return expected_bytes(scenario, shape, rows, on_gpu=on_gpu(scenario, self._machine))

    def _most(self, scenario: Scenario, rows: int) -> str:
        """What takes the most of it, in words."""
        shape = self._shape_of(scenario)
        assert shape is not None
        parts: Memory = memory(scenario, shape, rows, on_gpu=on_gpu(scenario, self._machine))
        name, most = max(parts._asdict().items(), key=lambda part: part[1])
        return f" ({human(most, 'B', 2)} of it for {_WORDS[name]})"

    def _allowed_bytes(self, scenario: Scenario) -> int | None:
        """What there is, or what the scenario's constraint leaves of it."""
        most = (self._room_bytes(scenario), scenario.search.constraints.peak_memory)
        return min((size for size in most if size is not None), default=None)

    def _allows(self, scenario: Scenario) -> str:
        """The bound, in words."""
        room, most = self._allowed_bytes(scenario), scenario.search.constraints.peak_memory
        if most is not None and room == most:
            return f"search.constraints.peak_memory allows {exact_size(most)}"
        return f"there is {human(room, 'B', 2)}"

    def _room_bytes(self, scenario: Scenario) -> int | None:
        return room_bytes(scenario, self._machine, self._available_bytes())


def _rows(scenario: Scenario, repeat: Repeat | None = None) -> int:
    """Sequences of a forward pass: as asked, else as they were found, else a single one."""
    asked = scenario.training.micro_batch
    found = repeat.facts.get("micro_batch") if repeat is not None else None
    return asked if asked != "auto" else found if isinstance(found, int) else 1


def _needs_no_less(scenario: Scenario, rows: int, corrected: Range | None, one: RanOut) -> bool:
    """Whether a setup surely needs as much as one that ran out: it is the same with no fewer rows, or far larger."""
    if one.settings == settings_of(scenario):
        return rows >= one.rows
    return corrected is not None and one.expected_bytes is not None and corrected.low_bytes >= one.expected_bytes
