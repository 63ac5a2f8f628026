"""The file of a recorded surface -> `Records`, or one message that says what is wrong, where, and what to do."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

from benchbench.errors import RecordError, ScenarioError, nearest
from benchbench.executors.records import MEASURED, Configuration, Records, Row, comparable
from benchbench.record.types import Outcome
from benchbench.scenario.knobs import knobs_of
from benchbench.scenario.misfit import Misfit
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.search_check import setting_value
from benchbench.scenario.text import parse, parse_scalar, shown

_OUTCOMES = tuple(o.value for o in Outcome if o is not Outcome.INTERRUPTED)
_WHOLE = ("seed", "peak_memory_bytes")


def read(path: Path) -> Records:
    """Reads a table.

    Raises:
        RecordError: it is missing, no such table, or says two things of one training; names file, line and column.
    """
    file = str(path)
    lines = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    found: dict[Configuration, dict[int, tuple[Row, int]]] = {}
    try:
        keys, places = _header(next(lines, []), file)
        for cells in lines:
            if not cells:
                continue
            line = _Line(cells, places, file, lines.line_num)
            configuration = tuple(line.setting(key) for key in keys)
            row = line.row()
            rows = found.setdefault(configuration, {})
            before = rows.setdefault(row.seed, (row, lines.line_num))
            if before[0] != row:
                raise line.error(
                    f"another row of this configuration with seed {row.seed} stands on line {before[1]} and says "
                    "something else; keep one of them",
                    "seed",
                )
    except csv.Error as error:
        raise RecordError(f"not a CSV table: {error}", file=file, line=lines.line_num) from None
    if not found:
        raise RecordError("has no rows, so there is nothing to replay", file=file)
    ordered = {c: tuple(rows[seed][0] for seed in sorted(rows)) for c, rows in found.items()}
    return Records(name=path.name, keys=keys, rows=ordered)


def _text(path: Path) -> str:
    file = str(path)
    if path.exists() and not path.is_file():
        raise RecordError("not a regular file; name a CSV table of recorded measurements", file=file)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise RecordError("there is no such file", file=file) from None
    except UnicodeDecodeError:
        raise RecordError("not UTF-8 text; a recorded surface is a CSV table", file=file) from None
    except (OSError, ValueError) as error:
        raise RecordError(f"cannot be read: {getattr(error, 'strerror', None) or error}", file=file) from None
    if "\0" in text:
        raise RecordError("a binary file; a recorded surface is a CSV table", file=file)
    return text


def _header(names: Sequence[str], file: str) -> tuple[tuple[str, ...], Mapping[str, int]]:
    """The keys, and where each column stands."""
    names = [name.strip() for name in names]
    if not any(names):
        raise RecordError("empty; a recorded surface is a CSV table with a line of column names", file=file)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RecordError("the column stands twice; keep one of them", file=file, line=1, key=twice)
    missing = [name for name in MEASURED if name not in names]
    if missing:
        raise RecordError(f"missing columns: {', '.join(missing)}", file=file, line=1)
    known = {knob.key for knob in knobs_of(Scenario)}
    keys = tuple(name for name in names if name not in MEASURED)
    unknown = next((key for key in keys if key not in known), None)
    if unknown is not None:
        hint = nearest(unknown, known | set(MEASURED))
        raise RecordError(f"no setting that can be searched, and nothing measured: {hint}", file=file, line=1,
                          key=unknown)  # fmt: skip
    if not keys:
        raise RecordError("no column is a setting, such as training.global_batch", file=file, line=1)
    return keys, {name: index for index, name in enumerate(names)}


class _Line:
    """One line of the table."""

    def __init__(self, cells: Sequence[str], places: Mapping[str, int], file: str, number: int) -> None:
        self._cells = cells
        self._places = places
        self._file = file
        self._number = number
        if len(cells) != len(places):
            raise self.error(f"{len(cells)} cells, and the table has {len(places)} columns")

    def error(self, message: str, column: str | None = None) -> RecordError:
        """What is wrong in this line."""
        return RecordError(message, file=self._file, line=self._number, key=column)

    def setting(self, key: str) -> object:
        """The value of a key, comparable."""
        try:
            return _setting(key, self._cell(key))
        except (Misfit, ScenarioError) as error:
            raise self.error(error.message, key) from None

    def row(self) -> Row:
        """What was measured."""
        outcome = self._cell("outcome")
        if outcome not in _OUTCOMES:
            raise self.error(f"unknown outcome {outcome!r}: {nearest(outcome, _OUTCOMES)}", "outcome")
        seed, startup_s = self._number_of("seed"), self._number_of("startup_s")
        for name, value in (("seed", seed), ("startup_s", startup_s)):
            if value is None:
                raise self.error("expected a number, and the cell is empty", name)
        numbers = {name: self._number_of(name) for name in MEASURED[2:]}
        for column, message in _problems(outcome, numbers):
            raise self.error(message, column)
        return Row(seed=seed, outcome=Outcome(outcome), **numbers)  # type: ignore[arg-type]

    def _cell(self, column: str) -> str:
        return self._cells[self._places[column]].strip()

    def _number_of(self, column: str) -> float | int | None:
        text = self._cell(column)
        value = parse_scalar(text)
        if value is None:
            return None
        if isinstance(value, (bool, str)) or not math.isfinite(value):
            raise self.error(f"expected a number, not {shown(value)}", column)
        if value < 0 and column != "seed":
            raise self.error(f"{text} is below zero", column)
        if column not in _WHOLE:
            return float(value)
        if value != int(value):
            raise self.error(f"expected a whole number, not {text}", column)
        return int(value)


def _problems(outcome: str, numbers: Mapping[str, float | int | None]) -> Iterator[tuple[str, str]]:
    """What does not go together in a row: a column and why."""
    steps, time_s = numbers["steps_to_target"], numbers["time_to_target_s"]
    if (steps is None) != (time_s is None):
        yield "time_to_target_s", "steps_to_target and time_to_target_s stand together, or neither does"
    if time_s is not None and outcome != Outcome.OK.value:
        yield "outcome", f"{outcome}, and yet it has a time to target"
    if numbers["probe_cost_s"] is None and numbers["train_cost_s"] is None:
        yield "train_cost_s", "neither a training's cost nor a probe's, so it can answer nothing"
    if time_s is not None and numbers["train_cost_s"] is None:
        yield "train_cost_s", "expected a number, for the target was reached"
    if outcome == Outcome.OK.value and not numbers["step_s"]:
        yield "step_s", "expected a number above zero, for the outcome is ok"
    if outcome == Outcome.OK.value and numbers["warmup_s"] is None:
        yield "warmup_s", "expected a number, for the outcome is ok"


@cache
def _setting(key: str, text: str) -> object:
    value = parse(text).data if text[:1] in ('"', "'") else parse_scalar(text)
    if isinstance(value, float) and value.is_integer():
        value = int(value)  # a whole number that some program wrote with a point
    return comparable(setting_value(key, value, Scenario))
