"""What a search may change: one axis a key of `search.space`. Values are the space's own, their types included."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from benchbench.errors import InputError
from benchbench.record.study import Overrides
from benchbench.scenario.engines import value_at
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.search_types import Range

Scalar = bool | int | float | str | None
_SNAP = 1e-6
_EMPTY = """the scenario has no search.space, so there is nothing to tune; say what may change, such as
search:
  space:
    precision: [fp32, bf16]
    training.global_batch: [16, 32, 64]
    training.optimizer.learning_rate: {low: 1.0e-5, high: 1.0e-3, log: true}"""


class Axis(Protocol):
    """The values of one key; `count` is None where there is a continuum of them."""

    @property
    def count(self) -> int | None:
        """How many values there are."""
        ...

    def at(self, index: int) -> Scalar:
        """The value of an index below `count`."""
        ...

    def find(self, value: object) -> tuple[Scalar] | None:
        """The axis's own value that equals `value` (alone in a tuple, for it may be None), or None."""
        ...


@dataclass(frozen=True)
class Listed:
    """A list of values, each once."""

    values: tuple[Scalar, ...]

    @property
    def count(self) -> int:
        """See `Axis`."""
        return len(self.values)

    def at(self, index: int) -> Scalar:
        """See `Axis`."""
        return self.values[index]

    def find(self, value: object) -> tuple[Scalar] | None:
        """See `Axis`."""
        return next(((own,) for own in self.values if _equal(own, value)), None)


@dataclass(frozen=True)
class Ranged:
    """A range: whole numbers, a grid of numbers, or a continuum."""

    range: Range

    @property
    def step(self) -> Decimal | None:
        """Between neighbours; None in a continuum."""
        if self.range.step is not None:
            return Decimal(str(self.range.step))
        return Decimal(1) if self.range.whole else None

    @property
    def count(self) -> int | None:
        """See `Axis`."""
        if self.step is None:
            return None
        low, high = (Decimal(str(bound)) for bound in (self.range.low, self.range.high))
        return int((high - low) // self.step) + 1

    def at(self, index: int) -> int | float:
        """See `Axis`."""
        assert self.step is not None
        exact = Decimal(str(self.range.low)) + index * self.step
        return int(exact) if self.range.whole else float(exact)

    @property
    def last(self) -> int | float:
        """The largest value on the axis: `high`, or the last one that the step reaches."""
        return float(self.range.high) if self.count is None else self.at(self.count - 1)

    def find(self, value: object) -> tuple[Scalar] | None:
        """See `Axis`."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        if self.step is None or self.count is None:
            return (float(value),) if self.range.low <= value <= self.range.high else None
        index = round((float(value) - self.range.low) / float(self.step))
        on_grid = abs(self.range.low + index * float(self.step) - value) <= _SNAP * float(self.step)
        return (self.at(index),) if on_grid and 0 <= index < self.count else None


def _equal(own: Scalar, value: object) -> bool:
    return isinstance(own, bool) == isinstance(value, bool) and own == value


@dataclass(frozen=True)
class SearchSpace:
    """The axes by their dotted keys, in the scenario's order."""

    axes: Mapping[str, Axis]

    @cached_property
    def size(self) -> int | None:
        """How many setups there are; None where an axis is a continuum."""
        counts = [axis.count for axis in self.axes.values()]
        return None if None in counts else math.prod(c for c in counts if c is not None)

    def own(self, values: Mapping[str, object]) -> Overrides:
        """The space's own values for those given, and those given where the space has none."""
        found: Overrides = {}
        for key, axis in self.axes.items():
            own = axis.find(values[key])
            found[key] = own[0] if own is not None else plain(values[key])
        return found

    def of(self, scenario: Scenario) -> Overrides:
        """A scenario's settings for every key of the space."""
        return self.own({key: value_at(scenario, key) for key in self.axes})

    def holds(self, key: str, value: object) -> bool:
        """Whether a key's axis has a value."""
        return self.axes[key].find(value) is not None

    def setup(self, index: int) -> Overrides:
        """The setup of an index below `size`: the index read as a number whose digits are the axes."""
        found: Overrides = {}
        for key, axis in self.axes.items():
            assert axis.count is not None
            index, digit = divmod(index, axis.count)
            found[key] = axis.at(digit)
        return found

    def drawn(self, random: np.random.Generator) -> Overrides:
        """A setup at random: each axis evenly, a logarithmic continuum in orders of magnitude."""
        return {key: _drawn(axis, random) for key, axis in self.axes.items()}

    def some(self, most: int) -> Iterator[Overrides]:
        """Every setup, or as many at random (the same each time) where there are more than `most`."""
        if self.size is not None and self.size <= most:
            return (self.setup(index) for index in range(self.size))
        random = np.random.default_rng(0)
        return (self.drawn(random) for _ in range(most))

    def first_new(self, start: int, seen: Callable[[Overrides], bool]) -> Overrides | None:
        """The first setup from an index on, round about, that was not seen; None when all were."""
        assert self.size is not None
        every = (self.setup((start + offset) % self.size) for offset in range(self.size))
        return next((setup for setup in every if not seen(setup)), None)


def _drawn(axis: Axis, random: np.random.Generator) -> Scalar:
    if axis.count is not None:
        return axis.at(int(random.integers(axis.count)))
    assert isinstance(axis, Ranged)
    low, high = float(axis.range.low), float(axis.range.high)
    if not axis.range.log:
        return random.uniform(low, high)
    return min(high, max(low, math.exp(random.uniform(math.log(low), math.log(high)))))


def identity(overrides: Overrides | Scalar) -> str:
    """Equal for equal setups, or equal values, and for them alone."""
    return json.dumps(overrides, sort_keys=True)


def plain(value: Any) -> Scalar:
    """A setting as a record's overrides hold it: a section (an adapter) goes by its name."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return str(getattr(value, "name", value))


def space_of(scenario: Scenario) -> SearchSpace:
    """The search space of a scenario.

    Raises:
        InputError: it has none; the message says what to write.
    """
    if not scenario.search.space:
        raise InputError(_EMPTY, key="search.space")
    return SearchSpace({key: _axis(values) for key, values in scenario.search.space.items()})


def _axis(values: Range | tuple[Scalar, ...]) -> Axis:
    return Ranged(values) if isinstance(values, Range) else Listed(values)
