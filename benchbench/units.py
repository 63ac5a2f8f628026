"""Quantities as people write them, and the one formatter that writes them back.

`100ms`, `10m`, `2h` are durations in seconds; `16GiB`, `512MB` are sizes in bytes. Parsing and exact
formatting are inverse: `parse_duration(exact_duration(s)) == s`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

DURATION = "a duration such as 100ms, 30s, 10m, 2h or 1h30m"
SIZE = "a size such as 16GiB or 512MB"
LONGEST_S = 1e9  # 31 years: what the operating system's timers take
LARGEST_BYTES = 2**60  # a million TiB

_DURATIONS_S = {"ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SIZES_BYTES = {
    "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip
_NUMBER = r"([0-9]{0,30}\.?[0-9]{1,30}(?:[eE][-+]?[0-9]{1,3})?)"
_QUANTITY = re.compile(rf"{_NUMBER}\s{{0,9}}([A-Za-z]+)\s{{0,9}}")
_TEXT_LIMIT = 100
_UNIT_BELOW = 10_000
_YEAR_S = 365.25 * 86400
_YEARS_FROM_S = 2 * _YEAR_S

Factor = TypeVar("Factor", int, float)


def parse_duration(text: object) -> float:
    """Seconds of `100ms`, `1.5s`, `10m`, `2h`, `1h30m`, `1d`, or of a plain positive number (seconds).

    Raises:
        ValueError: not a positive duration of at most `LONGEST_S`.
    """
    if isinstance(text, bool) or not isinstance(text, (str, int, float)):
        raise ValueError(f"expected {DURATION}, not {_shown(text)}")
    if isinstance(text, str):
        seconds = sum(float(number) * unit_s for number, unit_s in _parts(text, _DURATIONS_S, DURATION))
    else:
        seconds = float(text) if abs(text) <= LARGEST_BYTES else math.inf
    if not 0 < seconds <= LONGEST_S:
        raise ValueError(f"expected a duration above zero and of at most {LONGEST_S:.0f}s, not {_shown(text)}")
    return seconds


def parse_size(text: object) -> int:
    """Bytes of `16GiB`, `512MB`, or of a plain positive whole number (bytes).

    Raises:
        ValueError: not a positive size of at most `LARGEST_BYTES`.
    """
    if isinstance(text, bool) or not isinstance(text, (str, int)):
        raise ValueError(f"expected {SIZE}, not {_shown(text)}")
    exact = Decimal(0)
    if isinstance(text, str):
        exact = sum((Decimal(number) * unit for number, unit in _parts(text, _SIZES_BYTES, SIZE)), exact)
    size = text if isinstance(text, int) else round(min(exact, Decimal(LARGEST_BYTES + 1)))
    if not 0 < size <= LARGEST_BYTES:
        raise ValueError(f"expected a size above zero and of at most {exact_size(LARGEST_BYTES)}, not {_shown(text)}")
    return size


def _parts(text: str, units: Mapping[str, Factor], expected: str) -> Iterator[tuple[str, Factor]]:
    stripped = text.strip()
    position = 0
    while position < len(stripped) or not stripped:
        match = _QUANTITY.match(stripped, position) if len(stripped) <= _TEXT_LIMIT else None
        if match is None or match[2] not in units:
            raise ValueError(f"expected {expected}, not {_shown(text)}")
        yield match[1], units[match[2]]
        position = match.end()


def _shown(value: object) -> str:
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, int) and abs(value) > LARGEST_BYTES:
        return "a number that large"
    text = repr(value)
    return text if len(text) <= _TEXT_LIMIT else text[:57] + "..."


def exact_duration(seconds: float) -> str:
    """The shortest text that parses back to exactly `seconds`."""
    for unit in ("h", "m", "s", "ms"):
        count = round(seconds / _DURATIONS_S[unit])
        if count >= 1 and count * _DURATIONS_S[unit] == seconds:
            return f"{count}{unit}"
    return f"{seconds!r}s"


def exact_size(size_bytes: int) -> str:
    """The shortest text that parses back to exactly `size_bytes`."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size_bytes % _SIZES_BYTES[unit] == 0:
            return f"{size_bytes // _SIZES_BYTES[unit]}{unit}"
    return f"{size_bytes}B"


def _quantity_schema(number: str, units: Mapping[str, Factor], expects: str) -> dict[str, object]:
    part = r"[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?\s*(" + "|".join(units) + ")"
    text = {"type": "string", "pattern": rf"^\s*({part}\s*)+$"}
    return {"anyOf": [text, {"type": number, "exclusiveMinimum": 0}], "expects": expects}


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(exact_duration, return_type=str),
    WithJsonSchema(_quantity_schema("number", _DURATIONS_S, DURATION)),
]
Size = Annotated[
    int,
    BeforeValidator(parse_size),
    PlainSerializer(exact_size, return_type=str),
    WithJsonSchema(_quantity_schema("integer", _SIZES_BYTES, SIZE)),
]


def human(value: float | None, unit: str = "", digits: int = 3) -> str:
    """A value for people: sensible digits, a prefix where it helps, `unknown` for None.

    Args:
        value: in the base unit.
        unit: `s`, `bytes`, `%` (of a fraction), `J`, `W`, `samples/s`, ... or nothing for a bare number.
        digits: significant digits.
    """
    if value is None or math.isnan(value):
        return "unknown"
    if value < 0:
        return "-" + human(-value, unit, digits)
    if math.isinf(100 * value if unit == "%" else value):
        return "never" if unit == "s" else "unbounded"
    if unit == "s":
        return _human_seconds(value, digits)
    if unit == "%":
        return f"{_significant(100 * value, digits)} %"
    prefixed, base = (("", "k", "M", "G", "T"), 1000) if unit != "bytes" else (("", "Ki", "Mi", "Gi", "Ti"), 1024)
    return _scaled(value, [prefix + unit.replace("bytes", "B") for prefix in prefixed], base, digits)


def _human_seconds(seconds: float, digits: int) -> str:
    rounded = _rounded(seconds, digits)
    if rounded == 0 or 1 <= rounded < 120:
        return f"{_significant(seconds, digits)} s"
    if rounded < 1:
        below_s, unit = next(row for row in ((1e-6, "ns"), (1e-3, "µs"), (1.0, "ms")) if rounded < row[0])
        return f"{_significant(seconds * 1e3 / below_s, digits)} {unit}"
    if rounded >= _YEARS_FROM_S:
        return f"{_significant(seconds / _YEAR_S, digits)} years"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:,} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def _scaled(value: float, units: list[str], base: int, digits: int) -> str:
    index = 0
    if base == 1024 or value >= _UNIT_BELOW:
        while value >= base * (1 - 0.5 * 10**-digits) and index < len(units) - 1:
            value /= base
            index += 1
    return f"{_significant(value, digits)} {units[index]}".rstrip()


def _rounded(value: float, digits: int) -> float:
    """To significant digits; a number so large that rounding leaves the floats stays as it is."""
    rounded = float(f"{value:.{digits - 1}e}")
    return value if math.isinf(rounded) else rounded


def _significant(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(_rounded(value, digits)))
    if not -9 <= magnitude <= 15:
        return f"{value:.{digits - 1}e}"
    return f"{value:,.{max(0, digits - 1 - magnitude)}f}"
