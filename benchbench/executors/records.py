"""Recorded surfaces: one row a training or probe of a configuration, in a CSV file that a search can be replayed on.

A column for every dotted scenario key that was varied, values as YAML 1.2 scalars, then the columns of `MEASURED`.
Several rows of one configuration are its repeats. An empty cell is unknown. `warmup_s` is what compilation and warming
up cost beyond steady steps, so `time_to_target_s = warmup_s + steps_to_target x step_s`; a training takes `startup_s`
more.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel

from benchbench.record.types import Outcome
from benchbench.scenario.engines import value_at
from benchbench.scenario.knobs import knobs_of
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.text import parse_scalar

MEASURED = (
    "seed", "outcome", "step_s", "probe_cost_s", "startup_s", "warmup_s", "steps_to_target", "time_to_target_s",
    "train_cost_s", "peak_memory_bytes",
)  # fmt: skip
_DIGITS = 12  # more differ between two ways of writing the same float

Scalar = bool | int | float | str | None
Configuration = tuple[object, ...]


@dataclass(frozen=True, kw_only=True)
class Row:
    """What was measured of one configuration with one seed; None where nobody did.

    Attributes:
        seed: of the training; the order of a configuration's rows.
        outcome: of the training, else of the probe.
        step_s: a steady step.
        probe_cost_s: a probe of the throughput, start-up inside.
        startup_s: all of a training that is outside its training clock.
        warmup_s: what compiling and warming up took beyond steady steps.
        steps_to_target: None for a miss.
        time_to_target_s: on the training clock; None for a miss.
        train_cost_s: a training, start-up inside.
        peak_memory_bytes: the most that it took.
    """

    seed: int
    outcome: Outcome
    startup_s: float
    step_s: float | None = None
    probe_cost_s: float | None = None
    warmup_s: float | None = None
    steps_to_target: float | None = None
    time_to_target_s: float | None = None
    train_cost_s: float | None = None
    peak_memory_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class Records:
    """A table.

    Attributes:
        name: of its file, for messages.
        keys: the dotted keys that it tells apart.
        rows: of each configuration, in the order of seed.
    """

    name: str
    keys: tuple[str, ...]
    rows: Mapping[Configuration, Sequence[Row]]

    def of(self, scenario: Scenario) -> Sequence[Row]:
        """The rows of a scenario's configuration; none where it is not in the table."""
        return self.rows.get(self.configuration(scenario), ())

    @property
    def least_s(self) -> float:
        """Seconds of the cheapest probe; 0 where the table has none."""
        costs = (row.probe_cost_s for rows in self.rows.values() for row in rows)
        return min((cost for cost in costs if cost is not None), default=0.0)

    def configuration(self, scenario: Scenario) -> Configuration:
        """A scenario's values for the table's keys, comparable with the table's own."""
        return tuple(comparable(value_at(scenario, key)) for key in self.keys)

    def others(self, scenario: Scenario) -> Mapping[str, object]:
        """A scenario's values for the knobs that the table does not know."""
        keys = (knob.key for knob in knobs_of(Scenario) if knob.key not in self.keys)
        return {key: value_at(scenario, key) for key in keys}


def comparable(value: object) -> object:
    """Equal for values that mean the same: 1 and 1.0, a float and itself written to fewer digits; never 1 and true."""
    if isinstance(value, BaseModel):
        value = getattr(value, "name", value)
    if isinstance(value, bool):
        return ("bool", value)
    if isinstance(value, float):
        return float(f"{value:.{_DIGITS}g}")
    return value


def cell(value: Scalar) -> str:
    """A value as a YAML 1.2 scalar that reads back as the same."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if not isinstance(value, str):
        return repr(value)
    plain = parse_scalar(value) == value and value == value.strip() and value[:1] not in ('"', "'")
    return value if plain else json.dumps(value, ensure_ascii=False)


def to_csv(keys: Sequence[str], rows: Sequence[tuple[Sequence[Scalar], Row]]) -> str:
    """A table's text.

    Args:
        keys: the dotted keys.
        rows: of each, the values of the keys and what was measured.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*keys, *MEASURED])
    for values, row in rows:
        measured = [getattr(row, name) for name in MEASURED]
        writer.writerow([*map(cell, values), *("" if m is None else m for m in measured)])
    return text.getvalue()
