"""Numbers, intervals, settings and outcomes in words: one wording for the page and the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from benchbench.record.types import Outcome
from benchbench.report.content import Cell, Quantity, Tone
from benchbench.stats.estimate import Estimate
from benchbench.units import human

Setting = bool | int | float | str | None
UNKNOWN = "\N{EN DASH}"
OUTCOMES: dict[Outcome, str] = {
    Outcome.OK: "ended well",
    Outcome.DIVERGED: "diverged",
    Outcome.REFUSED: "was refused",
    Outcome.TIMEOUT: "ran past its deadline",
    Outcome.OOM: "ran out of memory",
    Outcome.CRASHED: "crashed",
    Outcome.INVALID: "gave impossible numbers",
    Outcome.INTERRUPTED: "was interrupted",
}
_TEXT_LIMIT = 50_000
_COUNTED = frozenset({"", "steps", "processes", "samples", "trials", "trainings", "bits"})
_TERMINAL_CODES = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|.)|[\x00-\x08\x0b-\x1f\x7f-\x9f]|[\ud800-\udfff]"
)


def clean(text: str) -> str:
    """Text from a record, without what would steer a terminal or break a file: escapes, control codes, half pairs."""
    shown = text if len(text) <= _TEXT_LIMIT else text[:_TEXT_LIMIT] + "\n(cut here)"
    return _TERMINAL_CODES.sub("", shown.replace("\r\n", "\n").replace("\r", "\n"))


def quantity(value: float | None, unit: str) -> str:
    """A number with its unit, as `units.human` writes it; a dash for the unknown."""
    if value is None:
        return UNKNOWN
    if unit == "fraction":
        return human(value, "%")
    if unit == "x":
        return f"{human(value)}\N{MULTIPLICATION SIGN}"
    if unit == "MHz":
        return human(value * 1e6, "Hz")
    if unit in _COUNTED and float(value).is_integer():
        return f"{value:,.0f} {unit}".rstrip()
    return f"{human(value)} {unit}" if "/" in unit else human(value, unit)


def value_of(estimate: Estimate) -> str:
    """The value alone."""
    return quantity(estimate.value, estimate.unit)


def interval(estimate: Estimate) -> str:
    """The interval alone: `12.1 to 12.5 ms`; an open side is said."""
    low, high = (None if b is None else quantity(b, estimate.unit) for b in (estimate.low, estimate.high))
    if low is None and high is None:
        return "no interval"
    if high is None:
        return f"{low} or more"
    if low is None:
        return f"{high} or less"
    number, _, unit = low.partition(" ")
    shared = high.partition(" ")[2] == unit and not re.search(r"\d", unit)
    return f"{number} to {high}" if shared and unit else f"{low} to {high}"


def basis(estimate: Estimate) -> str:
    """What the interval rests on: `95 %, 3 repeats`, or `95 %, within 1 repeat`."""
    repeats = counted(estimate.n, "repeat")
    if estimate.low is None and estimate.high is None:
        return repeats
    return f"{human(estimate.confidence, '%', 2)}, {'within ' if estimate.n == 1 else ''}{repeats}"


def common_basis(values: Iterable[Cell]) -> str | None:
    """What the intervals among some values rest on where they all rest on the same, so that it is said once."""
    said = {basis(v) for v in values if isinstance(v, Estimate) and (v.low is not None or v.high is not None)}
    return said.pop() if len(said) == 1 else None


def detail(value: Cell, common: str | None) -> str:
    """The small print of a figure: its interval, and what that rests on where it is not the `common_basis`."""
    if not isinstance(value, Estimate):
        return ""
    bare = value.low is None and value.high is None
    if common is not None:
        return "" if bare else interval(value)
    return basis(value) if bare else f"{interval(value)}, {basis(value)}"


def with_interval(estimate: Estimate) -> str:
    """`12.3 ms (12.1 to 12.5 ms)`."""
    bare = estimate.low is None and estimate.high is None
    return value_of(estimate) if bare else f"{value_of(estimate)} ({interval(estimate)})"


def counted(count: int, noun: str) -> str:
    """`1 repeat`, `3 repeats`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listed(words: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)


def setting(value: Setting) -> str:
    """A setting's value as YAML has it, so that it can be copied."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def settings(overrides: Mapping[str, Setting]) -> str:
    """`precision = bf16, learning_rate = 0.001407`, for a sentence: four digits are enough to read."""
    return ", ".join(f"{key} = {_brief(value)}" for key, value in overrides.items())


def _brief(value: Setting) -> str:
    return f"{value:.4g}" if isinstance(value, float) else setting(value)


def cell(value: Cell, unit: str = "") -> str:
    """A table's cell or a fact; `unit` is that of a bare number."""
    if value is None:
        return UNKNOWN
    if isinstance(value, Estimate):
        return with_interval(value)
    if isinstance(value, Quantity):
        return quantity(value.value, value.unit)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return clean(value) if isinstance(value, str) else quantity(value, unit)


def tone_of(outcome: Outcome) -> Tone:
    """How an outcome is coloured."""
    if outcome is Outcome.OK:
        return "plain"
    return "muted" if outcome in (Outcome.REFUSED, Outcome.INTERRUPTED) else "bad"
