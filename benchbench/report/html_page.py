"""Sections -> one self-contained page: no request leaves it, and nothing in a record can add to it.

Texts are escaped by Jinja2; charts are data beside it. The content-security policy names the two scripts by their
hashes, so that nothing else can run, and no source at all for anything but inline styles and inline images.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from benchbench.report import figure, wording
from benchbench.report.content import Block, Cell, Chart, Section
from benchbench.stats.estimate import Estimate

POINTS_A_PAGE = 45_000
_PACKAGE = "benchbench.report"


@dataclass(frozen=True, kw_only=True, eq=False)
class Article:
    """One run or study on a page."""

    anchor: str
    kind: str
    title: str
    settings: str
    question: str
    made_at: str
    id: str
    sections: tuple[Section, ...]


def page(articles: Sequence[Article], overview: Section | None, title: str, left_out: int = 0) -> str:
    """The whole page as text.

    Args:
        articles: what stands on it, in order.
        overview: what compares several articles; None for one.
        title: of the window.
        left_out: how many articles found no room.
    """
    charts = [b for a in articles for s in a.sections for b in s.blocks if isinstance(b, Chart)]
    limit = figure.limit_of(charts, POINTS_A_PAGE)
    script, library = _text("page.js"), plotly_js()
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            title=title,
            articles=articles,
            overview=overview,
            left_out=left_out,
            drawing=lambda chart: figure.drawing(chart, limit),
            policy=_policy(library, script),
            style=Markup(_text("page.css")),  # noqa: S704 - our own file
            script=Markup(script),  # noqa: S704 - our own file
            library=Markup(library) if charts else "",  # noqa: S704 - the library's own file
        )
    )


@cache
def plotly_js() -> str:
    """The one library on the page, from the installed package."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


@cache
def environment() -> Environment:
    """Jinja2, escaping everything, with our own words for values."""
    made = Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"cell": wording.cell, "value": _value, "detail": wording.detail, "interval": _interval}
    made.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    made.globals |= {
        "height_px": figure.height_px,
        "legend": figure.legend,
        "block_kind": _block_kind,
        "common_basis": wording.common_basis,
    }
    return made


def _finalize(value: object) -> object:
    return wording.clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _block_kind(block: Block) -> str:
    return type(block).__name__.lower()


def _value(cell: Cell) -> str:
    """The large print of a figure."""
    return wording.value_of(cell) if isinstance(cell, Estimate) else wording.cell(cell)


def _interval(cell: Cell) -> str:
    """The interval of an estimate that has one."""
    if not isinstance(cell, Estimate) or (cell.low is None and cell.high is None):
        return ""
    return wording.interval(cell)


def _policy(*scripts: str) -> str:
    """`script-src` by hash: https://www.w3.org/TR/CSP3/#framework-directive-source-list."""
    digests = (base64.b64encode(hashlib.sha256(s.encode()).digest()).decode() for s in scripts)
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
        "form-action 'none'"
    )


@cache
def _text(name: str) -> str:
    from importlib.resources import files

    return (files(_PACKAGE) / "templates" / name).read_text(encoding="utf-8")
