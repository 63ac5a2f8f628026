"""Numbers, intervals, settings and outcomes in words: one wording for the page and the terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import reduce

from benchbench.record.types import Outcome
from benchbench.report.content import Cell, Quantity, Tone
from benchbench.report.language import Message, tr
from benchbench.stats.estimate import Estimate
from benchbench.units import human

Setting = bool | int | float | str | None
UNKNOWN = "\N{EN DASH}"
OUTCOMES: dict[Outcome, str] = {
    Outcome.OK: tr("ended well"),
    Outcome.DIVERGED: tr("diverged"),
    Outcome.REFUSED: tr("was refused"),
    Outcome.TIMEOUT: tr("ran past its deadline"),
    Outcome.OOM: tr("ran out of memory"),
    Outcome.CRASHED: tr("crashed"),
    Outcome.INVALID: tr("gave impossible numbers"),
    Outcome.INTERRUPTED: tr("was interrupted"),
}
ROLES: dict[str, str] = {
    "baseline": tr("baseline"),
    "candidate": tr("candidate"),
    "probe": tr("probe"),
    "confirmation": tr("confirmation"),
    "explanation": tr("explanation"),
    "neighbour": tr("neighbour"),
}
NOUNS = ("steps", "processes", "samples", "trials", "trainings", "bits")
"""Units that are words: `3 steps`."""
VERDICTS: dict[str, str] = {
    "faster": tr("faster"),
    "slower": tr("slower"),
    "equivalent": tr("equivalent"),
    "inconclusive": tr("inconclusive"),
    "tie": tr("tie"),
    "insufficient-evidence": tr("insufficient evidence"),
    "target-not-reached": tr("target not reached"),
}
_PREFIXED = ("FLOP/s", "bytes/s")  # units that take a prefix: TFLOP/s
_WORDS = {"unknown": tr("unknown"), "never": tr("never"), "unbounded": tr("unbounded")}

_TEXT_LIMIT = 50_000
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
        return _human(value, "%")
    if unit == "x":
        return f"{human(value)}\N{MULTIPLICATION SIGN}"
    if unit == "MHz":
        return _human(value * 1e6, "Hz")
    if unit == "" or unit in NOUNS:
        number = f"{value:,.0f}" if float(value).is_integer() else _human(value, "")
        return tr("{count} " + unit, count=number) if unit else number
    is_rate_of_words = "/" in unit and not unit.startswith(_PREFIXED)
    return f"{human(value)} {unit}" if is_rate_of_words else _human(value, unit)


def _human(value: float, unit: str) -> str:
    text = human(value, unit)
    return _WORDS.get(text, text)


def value_of(estimate: Estimate) -> str:
    """The value alone."""
    return quantity(estimate.value, estimate.unit)


def interval(estimate: Estimate) -> str:
    """The interval alone: `12.1 to 12.5 ms`; an open side is said."""
    low, high = (None if b is None else quantity(b, estimate.unit) for b in (estimate.low, estimate.high))
    if low is None and high is None:
        return tr("no interval")
    if high is None:
        return tr("{low} or more", low=low)
    if low is None:
        return tr("{high} or less", high=high)
    number, _, unit = low.partition(" ")
    shared = high.partition(" ")[2] == unit and not re.search(r"\d", unit)
    return tr("{low} to {high}", low=number if shared and unit else low, high=high)


def basis(estimate: Estimate) -> str:
    """What the interval rests on: `95 %, 3 repeats`, or `95 %, within 1 repeat`."""
    repeats = counted(estimate.n, "repeat")
    if estimate.low is None and estimate.high is None:
        return repeats
    share = human(estimate.confidence, "%", 2)
    if estimate.n == 1:
        return tr("{share}, within {repeats}", share=share, repeats=repeats)
    return tr("{share}, {repeats}", share=share, repeats=repeats)


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
    return basis(value) if bare else tr("{interval}, {basis}", interval=interval(value), basis=basis(value))


def with_interval(estimate: Estimate) -> str:
    """`12.3 ms (12.1 to 12.5 ms)`."""
    bare = estimate.low is None and estimate.high is None
    value = value_of(estimate)
    return value if bare else tr("{value} ({interval})", value=value, interval=interval(estimate))


def counted(count: int, noun: str) -> str:
    """`1 repeat`, `3 repeats`."""
    return tr("{count} " + (noun if count == 1 else f"{noun}s"), count=f"{count:,}")


def sentences(parts: Iterable[str]) -> str:
    """Those of some sentences that are not empty, one behind the other."""
    return _folded(parts, "{before} {after}")


def commas(parts: Iterable[str]) -> str:
    """Those of some words that are not empty, with commas between them: `a, b, c`."""
    return _folded(parts, "{before}, {after}")


def semicolons(parts: Iterable[str]) -> str:
    """Those of some phrases that are not empty, with semicolons between them: `a; b`."""
    return _folded(parts, "{before}; {after}")


def listed(parts: Iterable[str]) -> str:
    """`a, b and c`."""
    *first, last = [*parts] or [""]
    return tr("{before} and {after}", before=commas(first), after=last) if first else last


def _folded(parts: Iterable[str], template: str) -> str:
    known = [part for part in parts if part]
    return reduce(lambda before, after: tr(template, before=before, after=after), known) if known else ""


def setting(value: Setting) -> str:
    """A setting's value as YAML has it, so that it can be copied."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def settings(overrides: Mapping[str, Setting]) -> str:
    """`precision = bf16, learning_rate = 0.001407`, for a sentence: four digits are enough to read."""
    return ", ".join(f"{key} = {brief(value)}" for key, value in overrides.items())


def brief(value: Setting) -> str:
    """A setting's value for people: a long fraction in four digits."""
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
        return tr("yes") if value else tr("no")
    if isinstance(value, str):
        return value if isinstance(value, Message) else clean(value)
    return quantity(value, unit)


def number_of(value: Cell) -> float | None:
    """What a cell is sorted by; None for a text and for the unknown."""
    if isinstance(value, (Quantity, Estimate)):
        return value.value
    return None if value is None or isinstance(value, str) else float(value)


def tone_of(outcome: Outcome) -> Tone:
    """How an outcome is coloured."""
    if outcome is Outcome.OK:
        return "plain"
    return "muted" if outcome in (Outcome.REFUSED, Outcome.INTERRUPTED) else "bad"
