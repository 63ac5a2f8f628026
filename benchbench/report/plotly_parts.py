"""The small parts of what Plotly reads: texts, numbers, lines and notes. Colours are names, resolved by the page."""

from __future__ import annotations

import html
from collections.abc import Mapping

import numpy as np

from benchbench.report.content import Array
from benchbench.report.language import LANGUAGES, Language, told
from benchbench.report.wording import clean

Drawing = dict[str, object]
"""JSON-ready data for Plotly, whose schema is its own."""

HUES = 8
_DIGITS = 5


def text(words: str, around: str = "{}") -> str | dict[Language, str]:
    """A text for Plotly, which reads tags: a record's are shown as they stand.

    Args:
        words: the text; one that is told differently in other languages becomes a text a language.
        around: Plotly's own markup, with `{}` where the text belongs.
    """
    every = {one: around.replace("{}", html.escape(clean(told(words, one)), quote=False)) for one in LANGUAGES}
    return every if len(set(every.values())) > 1 else every["en"]


def numbers(values: Array) -> list[float | int | None]:
    """JSON has no nan: a gap is null."""
    return [short(float(v)) if np.isfinite(v) else None for v in values]


def short(value: float) -> float | int:
    """Digits enough to draw with: pages are made of these."""
    if not np.isfinite(value):
        return 0
    rounded = float(f"{value:.{_DIGITS}g}") if abs(value) < 10**_DIGITS else round(value)
    return int(rounded) if rounded == int(rounded) else rounded


def line(place: Mapping[str, object]) -> Drawing:
    """A dotted line across a chart or a panel."""
    return {"type": "line", "line": {"width": 1, "dash": "dot", "color": "@ink"}, **place}


def note(words: str, place: Mapping[str, object]) -> Drawing:
    """A text on a chart."""
    return {"text": text(words), "showarrow": False, **place}
