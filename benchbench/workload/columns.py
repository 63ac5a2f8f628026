"""Which column of a file holds each role, and what may stand in it."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence

from benchbench.errors import ScenarioError, closest
from benchbench.scenario.types import Data
from benchbench.workload.files import Place
from benchbench.workload.rows import Rows, Value

SHARD_ROWS = 10_000
SHARD_CHARACTERS = 1 << 24
MAY_BE_EMPTY = ("answer", "answer_start")  # a question without one is unanswerable
_SHOWN = 12


def mapping(data: Data, roles: Sequence[str]) -> dict[str, str]:
    """The column of each role: the one that the scenario names, else the role's own name."""
    return {role: getattr(data, f"{role}_column", None) or role for role in roles}


def check(columns: Mapping[str, str], there: Sequence[str], place: Place, line: int | None = None) -> None:
    """Whether every column is there, once; a name with dots reaches into the column before the first dot.

    Args:
        columns: by role.
        there: what the file, or a line of it, has.
        place: the file.
        line: of the file, from 1, where lines have columns of their own.

    Raises:
        ScenarioError: names the column and those that are there.
    """
    for role, column in columns.items():
        name = column if column in there else column.partition(".")[0]
        if list(there).count(name) > 1:
            raise _misplaced(place.problem(f"two columns are called {name!r}", line), role)
        if name not in there:
            shown = ", ".join(map(repr, there[:_SHOWN])) + (", ..." if len(there) > _SHOWN else "")
            near = closest(name, there)
            hint = "" if near is None else f"; did you mean {near!r}?"
            what = f"there is no column {name!r} for the {role}; it has {shown or 'none'}{hint}"
            raise _misplaced(place.problem(what, line), role)


def _misplaced(error: ScenarioError, role: str) -> ScenarioError:
    error.key = f"data.{role}_column" if f"{role}_column" in Data.model_fields else error.key
    return error


def picked(row: Mapping[str, object], column: str) -> object:
    """What a row has in a column; a name with dots reaches into an object, None where that has no such field."""
    if column in row:
        return row[column]
    found: object = row
    for part in column.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def value(raw: object, role: str, place: Place, line: int) -> Value:
    """A column's entry as a text or as words.

    Numbers and truth values become texts, as JSON has them; NaN is what tables write where nothing stands. Several
    answers are the first of them.

    Args:
        raw: what stands there.
        role: what it is for.
        place: the file.
        line: or row, from 1, for the message.

    Raises:
        ScenarioError: it is empty or no text.
    """
    if isinstance(raw, (list, tuple)):
        if role not in MAY_BE_EMPTY:
            words = [_plain(entry, role, place, line) for entry in raw]
            return words if words and all(map(str.strip, words)) else _empty(role, place, line)
        raw = raw[0] if raw else None
    text = _plain(raw, role, place, line)
    return text if text and not text.isspace() else _empty(role, place, line)


def _plain(raw: object, role: str, place: Place, line: int) -> str:
    if isinstance(raw, str):
        return raw
    if raw is None or (isinstance(raw, float) and math.isnan(raw)):
        return ""
    if isinstance(raw, (bool, int, float)):
        return json.dumps(raw)
    raise place.problem(f"the {role} is a {type(raw).__name__}; expected a text or a list of words", line)


def _empty(role: str, place: Place, line: int) -> str:
    if role in MAY_BE_EMPTY:
        return ""
    what = f"the {role} is empty, or a word of it; null and NaN count as empty: fill it, or leave the row out"
    raise place.problem(what, line)


def in_shards(rows: Iterator[Sequence[Value]], roles: Sequence[str]) -> Iterator[Rows]:
    """Rows a shard at a time: at most 10,000, or the first that bring it to 16 million characters.

    Args:
        rows: the values of each, in the order of the roles.
        roles: their names.
    """
    first, size, values = 0, 0, list[Sequence[Value]]()
    for row in rows:
        values.append(row)
        size += sum(map(len, row))
        if len(values) == SHARD_ROWS or size >= SHARD_CHARACTERS:
            yield _rows(values, roles, first)
            first, size, values = first + len(values), 0, []
    if values:
        yield _rows(values, roles, first)


def _rows(values: Sequence[Sequence[Value]], roles: Sequence[str], first: int) -> Rows:
    return Rows.of(dict(zip(roles, zip(*values, strict=True), strict=True)), first)
