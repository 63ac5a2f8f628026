"""Quantities as people write them, and the one formatter that writes them back.

`100ms`, `10m`, `2h` are durations in seconds; `16GiB`, `512MB` are sizes in bytes. Parsing and exact
formatting are inverse: `parse_duration(exact_duration(s)) == s`.
"""

from __future__ import annotations

import math
import re
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

_DURATIONS_S = {"ms": 1e-3, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SIZES_BYTES = {
    "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12,
    "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40,
}  # fmt: skip
_QUANTITY = re.compile(r"\s*([0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?)\s*([A-Za-z]+)\s*")
_UNIT_BELOW = 10_000


def parse_duration(text: object) -> float:
    """Seconds of `100ms`, `1.5s`, `10m`, `2h`, `1h30m`, `1d`, or of a plain positive number (seconds).

    Raises:
        ValueError: not a positive, finite duration.
    """
    if isinstance(text, bool) or not isinstance(text, (str, int, float)):
        raise ValueError(f"expected a duration such as 100ms, 30s, 10m or 2h, not {text!r}")
    if isinstance(text, str):
        seconds = sum(_parts(text, _DURATIONS_S, "a duration such as 100ms, 30s, 10m, 2h or 1h30m"))
    else:
        seconds = float(text)
    if not (math.isfinite(seconds) and seconds > 0):
        raise ValueError(f"expected a duration above zero, not {text!r}")
    return seconds


def parse_size(text: object) -> int:
    """Bytes of `16GiB`, `512MB`, or of a plain positive whole number (bytes).

    Raises:
        ValueError: not a positive size.
    """
    if isinstance(text, bool) or not isinstance(text, (str, int)):
        raise ValueError(f"expected a size such as 16GiB or 512MB, not {text!r}")
    size = round(sum(_parts(text, _SIZES_BYTES, "a size such as 16GiB or 512MB"))) if isinstance(text, str) else text
    if size <= 0:
        raise ValueError(f"expected a size above zero, not {text!r}")
    return size


def _parts(text: str, units: dict[str, float] | dict[str, int], expected: str) -> list[float]:
    parts: list[float] = []
    position = 0
    while position < len(text):
        match = _QUANTITY.match(text, position)
        if match is None or match[2] not in units:
            raise ValueError(f"expected {expected}, not {text!r}")
        parts.append(float(match[1]) * units[match[2]])
        position = match.end()
    if not parts:
        raise ValueError(f"expected {expected}, not an empty text")
    return parts


def exact_duration(seconds: float) -> str:
    """The shortest text that parses back to exactly `seconds`."""
    for unit in ("h", "m", "s", "ms"):
        count = seconds / _DURATIONS_S[unit]
        if count >= 1 and abs(count - round(count)) < 1e-9 and float(round(count)) * _DURATIONS_S[unit] == seconds:
            return f"{round(count)}{unit}"
    return f"{seconds!r}s"


def exact_size(size_bytes: int) -> str:
    """The shortest text that parses back to exactly `size_bytes`."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size_bytes % _SIZES_BYTES[unit] == 0:
            return f"{size_bytes // _SIZES_BYTES[unit]}{unit}"
    return f"{size_bytes}B"


Duration = Annotated[float, BeforeValidator(parse_duration), PlainSerializer(exact_duration, return_type=str)]
Size = Annotated[int, BeforeValidator(parse_size), PlainSerializer(exact_size, return_type=str)]


def human(value: float | None, unit: str = "", digits: int = 3) -> str:
    """A value for people: sensible digits, a prefix where it helps, `unknown` for None.

    Args:
        value: in the base unit.
        unit: `s`, `bytes`, `J`, `W`, `samples/s`, ... or nothing for a bare number.
        digits: significant digits.
    """
    if value is None:
        return "unknown"
    if not math.isfinite(value):
        return "never" if unit == "s" else "unbounded"
    if unit == "s":
        return _human_seconds(value, digits)
    if unit == "bytes":
        return _scaled(value, ("B", "KiB", "MiB", "GiB", "TiB"), 1024, digits)
    if unit == "%":
        return f"{_significant(100 * value, digits)} %"
    if abs(value) >= _UNIT_BELOW:
        return _scaled(value, (unit, "k" + unit, "M" + unit, "G" + unit, "T" + unit), 1000, digits)
    return f"{_significant(value, digits)} {unit}".rstrip()


def _human_seconds(seconds: float, digits: int) -> str:
    if seconds != 0 and abs(seconds) < 1e-3:
        return f"{_significant(seconds * 1e6, digits)} µs"
    if seconds != 0 and abs(seconds) < 1:
        return f"{_significant(seconds * 1e3, digits)} ms"
    if abs(seconds) < 120:
        return f"{_significant(seconds, digits)} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def _scaled(value: float, units: tuple[str, ...], base: int, digits: int) -> str:
    index = 0
    while abs(value) >= base and index < len(units) - 1:
        value /= base
        index += 1
    return f"{_significant(value, digits)} {units[index]}".rstrip()


def _significant(value: float, digits: int) -> str:
    if value == 0:
        return "0"
    magnitude = math.floor(math.log10(abs(value)))
    return f"{value:,.{max(0, digits - 1 - magnitude)}f}"
