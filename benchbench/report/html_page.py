"""Sections -> one self-contained page: no request leaves it, and nothing in a record can add to it.

Texts are escaped by Jinja2; charts are data beside it. The content-security policy names the scripts and the style
sheet by their hashes, so that nothing else can run or style, and no source at all but for images of its own making.
Each text that is a `Message` stands on the page in both languages, one of them in an attribute: a switch swaps them.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from benchbench.report import drawn, figure, glossary, wording
from benchbench.report.content import Block, Cell, Chart, Drawable, Facts, Section, Table
from benchbench.report.language import LANGUAGES, Language, told, tr
from benchbench.stats.estimate import Estimate

POINTS_A_PAGE = 45_000
_PACKAGE = "benchbench.report"
_SCRIPTS = ("switches.js", "tables.js", "terms.js", "charts.js")
_SORTED_FROM, _FILTERED_FROM = 3, 10
_EMPTY_STYLE = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="  # Plotly adds an empty sheet, and rules to it
# The library's maps, which no page has, would bring a style sheet of their own unless an element has its id already.
_STYLED = re.compile(r'getElementById\("([0-9a-f]{64})"\)')
_OUTCOME = tr("outcome")
_WORDS = {
    "filter": tr("Filter rows"),
    "failed_only": tr("Failed only"),
    "whole": tr("Whole range"),
    "data": tr("Data (CSV)"),
    "linked": tr("The panels share one axis: a zoom in one holds for all."),
    "appearance": tr("Appearance"),
    "dark": tr("Dark"),
    "language": tr("\N{CJK UNIFIED IDEOGRAPH-4E2D}\N{CJK UNIFIED IDEOGRAPH-6587}"),
    "contents": tr("On this page"),
    "terms": tr("Terms"),
    "foot": tr(
        "Made from the records alone; it needs no network. Lines of many points are thinned: each stretch keeps its "
        "lowest and highest value. All values are in the result folders\N{RIGHT SINGLE QUOTATION MARK} Parquet files."
    ),
    "no_script": tr("The charts need JavaScript; every number stands in the tables."),
}


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


def page(
    articles: Sequence[Article],
    overview: Section | None,
    title: str,
    left_out: int = 0,
    *,
    language: Language = "en",
) -> str:
    """The whole page as text.

    Args:
        articles: what stands on it, in order.
        overview: what compares several articles; None for one.
        title: of the window.
        left_out: how many articles found no room.
        language: which the page opens in; a switch on it leads to the other one.
    """
    blocks = [b for s in (*filter(None, [overview]), *(s for a in articles for s in a.sections)) for b in s.blocks]
    limit = figure.limit_of([b for b in blocks if isinstance(b, Chart)], POINTS_A_PAGE)
    library = plotly_js() if any(isinstance(b, Drawable) for b in blocks) else ""
    return (
        environment(language)
        .get_template("page.html.j2")
        .render(
            title=title,
            articles=articles,
            overview=overview,
            left_out=left_out,
            terms=glossary.used(_labels(blocks)),
            drawing=lambda block: drawn.drawing(block, limit),
            **guarded(_SCRIPTS, library),
            styled=_STYLED.findall(library),
            library=Markup(library),  # noqa: S704 - the library's own file
        )
    )


def guarded(scripts: Sequence[str], library: str = "") -> dict[str, str]:
    """The style sheet and scripts of a page, and the policy that lets these very ones run and nothing else.

    Args:
        scripts: names of our own files.
        library: the text of one that is not ours; empty for none.
    """
    style, script = _text("page.css"), "".join(_text(name) for name in scripts)
    return {
        "policy": _policy([script, *filter(None, [library])], style),
        "style": Markup(style),  # noqa: S704 - our own file
        "script": Markup(script),  # noqa: S704 - our own file
    }


@cache
def plotly_js() -> str:
    """The one library on the page, from the installed package."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


@cache
def environment(language: Language = "en") -> Environment:
    """Jinja2, escaping everything, with our own words for values in a language."""
    made = Environment(
        loader=PackageLoader(_PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: _finalize(value, language),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "cell": wording.cell,
        "value": _value,
        "number": wording.number_of,
        "detail": wording.detail,
        "interval": _interval,
        "say": lambda text: _say(text, language),
        "term_id": glossary.anchor,
        "definition": glossary.definition,
        "sortable": _sortable,
        "filterable": lambda table: len(table.rows) >= _FILTERED_FROM,
        "failures": _failures,
    }
    made.policies["json.dumps_kwargs"] = {"separators": (",", ":")}
    made.globals |= {
        "language": language,
        "other_language": _other(language),
        "other": lambda name, text: _in_other(name, text, language),
        "attribute": lambda name, text: _attribute(name, text, language),
        "words": _WORDS,
        "intervals": lambda common: tr("Intervals: {common}.", common=common),
        "no_room": lambda count: tr(
            "{count} more found no room on one page; make a page of their own for them.", count=count
        ),
        "height_px": drawn.height_px,
        "legend": drawn.legend,
        "block_kind": _block_kind,
        "common_basis": wording.common_basis,
    }
    return made


def _other(language: Language) -> Language:
    return next(one for one in LANGUAGES if one != language)


def _finalize(value: object, language: Language) -> object:
    return wording.clean(told(value, language)) if isinstance(value, str) and not isinstance(value, Markup) else value


def _say(text: str, language: Language) -> Markup:
    """A text among the page's own; it keeps itself in the other language where that has one."""
    here, there = (_shown(text, one) for one in (language, _other(language)))
    if here == there:
        return escape(here)
    return Markup('<span data-other="{}">{}</span>').format(there, here)


def _shown(text: str, language: Language) -> str:
    """A text as it is set: a percent sign stays with its number."""
    return wording.clean(told(text, language)).replace(" %", "\N{NO-BREAK SPACE}%")


def _in_other(name: str, text: str, language: Language) -> Markup:
    """The attribute in which a text keeps itself in the other language; empty where both are the same."""
    here, there = (wording.clean(told(text, one)) for one in (language, _other(language)))
    kept = f"data-other-{name}" if name else "data-other"
    return Markup(' {}="{}"').format(Markup(kept), there) if here != there else Markup("")  # noqa: S704 - our own name


def _attribute(name: str, text: str, language: Language) -> Markup:
    """An attribute with a text for people, in both languages."""
    here = wording.clean(told(text, language))
    return Markup(' {}="{}"').format(Markup(name), here) + _in_other(name, text, language)  # noqa: S704 - our own name


def _labels(blocks: Iterable[Block]) -> list[str]:
    """What stands beside values and above columns."""
    found: list[str] = []
    for block in blocks:
        if isinstance(block, Facts):
            found += [label for label, _ in block.items]
        elif isinstance(block, Table):
            found += [column.title for column in block.columns]
    return found


def _sortable(table: Table) -> bool:
    return len(table.rows) >= _SORTED_FROM and sum(bool(column.title) for column in table.columns) > 2


def _failures(table: Table) -> int:
    """How many rows tell of something that did not end well; only where rows tell how they ended."""
    tells = any(column.title == _OUTCOME for column in table.columns)
    return sum(row.tone in ("bad", "muted", "warning") for row in table.rows) if tells else 0


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


def _policy(scripts: Sequence[str], style: str) -> str:
    """Sources by hash: https://www.w3.org/TR/CSP3/#framework-directive-source-list."""
    allowed = " ".join(f"'{_digest(script)}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src '{_digest(style)}' '{_EMPTY_STYLE}'; "
        "img-src data: blob:; base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


@cache
def _text(name: str) -> str:
    from importlib.resources import files

    return (files(_PACKAGE) / "templates" / name).read_text(encoding="utf-8")
