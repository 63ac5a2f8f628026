"""Setups as numbers: where each lies on each axis of the space, and what the model's formulas ask of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from benchbench.record.study import Overrides
from benchbench.scenario.engines import value_at
from benchbench.scenario.knobs import Factor, knobs_of
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.space import Axis, Listed, Ranged, Scalar, SearchSpace, identity, plain

Floats = NDArray[np.float64]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]

BATCH, MICRO = "training.global_batch", "training.micro_batch"
RATE, OPTIMIZER = "training.optimizer.learning_rate", "training.optimizer.name"
_LOGARITHMIC = 4.0  # a list of positive numbers whose largest is so many times the smallest is one of magnitudes


@dataclass(frozen=True, kw_only=True)
class Column:
    """How the values of one axis become numbers.

    Attributes:
        key: the axis's.
        moves: which factor of the time to target it moves.
        low, high: the axis's ends, in orders of magnitude if `logarithmic`; a coordinate runs from 0 to 1 between them.
        logarithmic: whether distance is one of magnitude.
        categories: by identity, where the values have no order; a coordinate is then a category's number.
    """

    key: str
    moves: Factor
    low: float = 0.0
    high: float = 1.0
    logarithmic: bool = False
    categories: tuple[str, ...] | None = None

    def coordinate(self, value: Scalar) -> float:
        """Where a value lies; one that the axis does not have lies outside its ends, or is a category of its own."""
        if self.categories is not None:
            name = identity(value)
            return float(self.categories.index(name)) if name in self.categories else float(len(self.categories))
        number = _number(value)
        if number is None or (self.logarithmic and number <= 0):
            return 0.5
        position = math.log(number) if self.logarithmic else number
        return (position - self.low) / (self.high - self.low)


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """Setups as numbers, one row a setup.

    Attributes:
        coordinates: shape (setups, axes).
        batch: sequences an optimizer step.
        micro: sequences a forward pass.
        rate: learning rates.
        optimizer: the number of each setup's optimizer in `Encoding.optimizers`.
    """

    coordinates: Floats
    batch: Floats
    micro: Floats
    rate: Floats
    optimizer: Whole

    def __len__(self) -> int:
        """How many setups there are."""
        return len(self.batch)

    def take(self, rows: Sequence[int] | Whole | Flags) -> Encoded:
        """Some of the setups."""
        chosen = np.asarray(rows)
        return Encoded(
            coordinates=self.coordinates[chosen],
            batch=self.batch[chosen],
            micro=self.micro[chosen],
            rate=self.rate[chosen],
            optimizer=self.optimizer[chosen],
        )

    def joined(self, other: Encoded) -> Encoded:
        """These, and others behind them."""
        return Encoded(
            coordinates=np.concatenate([self.coordinates, other.coordinates]),
            batch=np.concatenate([self.batch, other.batch]),
            micro=np.concatenate([self.micro, other.micro]),
            rate=np.concatenate([self.rate, other.rate]),
            optimizer=np.concatenate([self.optimizer, other.optimizer]),
        )


@dataclass(frozen=True)
class Encoding:
    """The numbers of a space's setups; what an axis does not vary is the scenario's."""

    scenario: Scenario
    space: SearchSpace

    @cached_property
    def columns(self) -> tuple[Column, ...]:
        """One an axis, in the space's order."""
        moves = {knob.key: knob.moves for knob in knobs_of(Scenario)}
        return tuple(_column(key, axis, moves.get(key, Factor.BOTH)) for key, axis in self.space.axes.items())

    @cached_property
    def optimizers(self) -> tuple[str, ...]:
        """The names of those that are searched, else the scenario's own."""
        axis = self.space.axes.get(OPTIMIZER)
        if isinstance(axis, Listed):
            return tuple(str(value) for value in axis.values)
        return (self.scenario.training.optimizer.name,)

    def encode(self, setups: Sequence[Overrides]) -> Encoded:
        """The setups' numbers."""
        coordinates = np.array(
            [[column.coordinate(setup[column.key]) for column in self.columns] for setup in setups], dtype=np.float64
        ).reshape(len(setups), len(self.columns))
        batch = self._numbers(BATCH, setups)
        micro = np.array([_number(value) or math.inf for value in self._values(MICRO, setups)], dtype=np.float64)
        names = [str(value) for value in self._values(OPTIMIZER, setups)]
        known = {name: number for number, name in enumerate(self.optimizers)}
        return Encoded(
            coordinates=coordinates,
            batch=batch,
            micro=np.minimum(micro, batch),
            rate=self._numbers(RATE, setups),
            optimizer=np.array([known.get(name, 0) for name in names], dtype=np.int64),
        )

    def step_signature(self, setup: Overrides) -> str:
        """Equal for setups whose steps take equally long."""
        keys = [column.key for column in self.columns if column.moves is not Factor.STEPS]
        return identity({key: setup[key] for key in keys})

    def _numbers(self, key: str, setups: Sequence[Overrides]) -> Floats:
        return np.array([_number(value) or 1.0 for value in self._values(key, setups)], dtype=np.float64)

    def _values(self, key: str, setups: Sequence[Overrides]) -> list[Scalar]:
        if key in self.space.axes:
            return [setup[key] for setup in setups]
        return [plain(value_at(self.scenario, key))] * len(setups)


def _number(value: Scalar) -> float | None:
    return None if isinstance(value, (bool, str)) or value is None else float(value)


def _column(key: str, axis: Axis, moves: Factor) -> Column:
    if isinstance(axis, Ranged):
        low, high = float(axis.range.low), float(axis.range.high)
        return _between(key, moves, low, high, logarithmic=axis.range.log or (low > 0 and high >= _LOGARITHMIC * low))
    assert isinstance(axis, Listed)
    numbers = [_number(value) for value in axis.values]
    known = [number for number in numbers if number is not None]
    if len(known) < len(numbers) or len(known) <= 2:
        return Column(key=key, moves=moves, categories=tuple(identity(value) for value in axis.values))
    low, high = min(known), max(known)
    return _between(key, moves, low, high, logarithmic=low > 0 and high >= _LOGARITHMIC * low)


def _between(key: str, moves: Factor, low: float, high: float, *, logarithmic: bool) -> Column:
    if logarithmic:
        low, high = math.log(low), math.log(high)
    return Column(key=key, moves=moves, low=low, high=high if high > low else low + 1.0, logarithmic=logarithmic)
