"""The pages of a folder -> its `index.html`: one self-contained list, the newest first.

A page says what it is in a label of its own head, so that a folder of pages needs nothing beside them.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from benchbench.errors import StoreError
from benchbench.record.store import write_atomic
from benchbench.report.content import Answer
from benchbench.report.html_page import Article, environment, guarded
from benchbench.report.language import LANGUAGES, Language, Told, told, tr
from benchbench.report.rendering import Document
from benchbench.report.wording import clean, commas, counted

INDEX = "index.html"
_MARK = "benchbench-label"
_INDEX_MARK = '<meta name="benchbench-index"'
_HEAD_BYTES = 65_536
_LONGEST = 300
_LABEL = re.compile(rf'<meta name="{_MARK}" content="([^"]*)">')
_TITLE = re.compile(r"<title[^>]*>([^<]*)</title>")
_LANGUAGE = re.compile(r'<html lang="(\w+)"')
_SCRIPTS = ("switches.js", "tables.js")
_FILTERED_FROM = 10
_WORDS = {
    "title": tr("Reports"),
    "none": tr("There is none yet; benchbench run, tune, compare and report write them."),
    "foot": tr("Made from what each page says of itself; it needs no network."),
    "heads": (tr("report"), tr("kind"), tr("time (UTC)"), tr("answer")),
}


@dataclass(frozen=True, kw_only=True)
class Label:
    """What the index says of a page, in every language.

    Attributes:
        name: its title.
        kind: run, study, comparison, history; several when they are mixed.
        made_at: `2026-01-31 23:59 UTC`, of the newest record on it.
        answer: what it finds, in one sentence.
    """

    name: str
    kind: str
    made_at: str
    answer: str

    @classmethod
    def of(cls, document: Document) -> Self:
        """The label of a document's page."""
        articles = document.articles
        kind = commas(dict.fromkeys(article.kind for article in articles))
        many = len(document.subjects) > 1
        return cls(
            name=_short(document.title),
            kind=counted(len(document.subjects), "result") if many and not document.is_history else kind,
            made_at=max(article.made_at for article in articles),
            answer=_short("" if many else _answer_of(articles[0])),
        )

    @classmethod
    def read(cls, document: Any) -> Self:
        """The label that a page's head holds; raises as reading something else does."""
        return cls(**{f.name: Told(str(document[f.name]), _others(document, f.name)) for f in fields(cls)})

    def tag(self) -> str:
        """The label as it stands in a page's head."""
        every = {one: {f.name: told(getattr(self, f.name), one) for f in fields(self)} for one in LANGUAGES}
        english = every.pop("en")
        return f'<meta name="{_MARK}" content="{html.escape(json.dumps({**english, **every}))}">'


def _others(document: Any, name: str) -> dict[Language, str]:
    """A field in the other languages, as far as the page's head has them."""
    known = {one: document.get(one) for one in LANGUAGES if one != "en"}
    return {one: str(texts[name]) for one, texts in known.items() if isinstance(texts, dict) and name in texts}


def _short(text: str) -> str:
    return Told(_cut(text), {one: _cut(told(text, one)) for one in LANGUAGES})


def _cut(text: str) -> str:
    line = " ".join(clean(text).split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _answer_of(article: Article) -> str:
    blocks = (block for section in article.sections for block in section.blocks)
    return next((block.text for block in blocks if isinstance(block, Answer)), "")


def labelled(page: str, label: Label) -> str:
    """A page with its label at the end of its head."""
    return page.replace("</head>", f"{label.tag()}\n</head>", 1)


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A page of a folder."""

    file: str
    label: Label


def entries(folder: Path) -> list[Entry]:
    """The pages of a folder, the newest first; a page without a label goes by its title and the file's date."""
    found = []
    for file in folder.glob("*.html") if folder.is_dir() else ():
        if file.name == INDEX or file.name.startswith("."):
            continue
        try:
            head = _head(file)
            written_s = file.stat().st_mtime
        except OSError:  # gone, or not for us to read: then it cannot be listed either
            continue
        found.append(Entry(file=file.name, label=_label_of(head, file.stem, written_s)))
    return sorted(sorted(found, key=lambda entry: entry.file), key=lambda entry: entry.label.made_at, reverse=True)


def _label_of(head: str, name: str, written_s: float) -> Label:
    label = _LABEL.search(head)
    if label is not None:
        try:
            return Label.read(json.loads(html.unescape(label[1])))
        except (ValueError, KeyError, TypeError, AttributeError):  # written by another version: its title will do
            pass
    title = _TITLE.search(head)
    written = datetime.fromtimestamp(written_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return Label(name=html.unescape(title[1]) if title else name, kind=tr("page"), made_at=written, answer="")


def write_index(folder: Path, language: Language = "en") -> Path:
    """Writes the index of a folder, in place of the one that stood there.

    Args:
        folder: of the pages.
        language: which it opens in; a switch on it leads to the other one.

    Returns:
        The index.

    Raises:
        StoreError: it cannot be written, or a file of that name is none of ours.
    """
    file = folder / INDEX
    if file.exists() and not _is_index(file):
        raise StoreError("exists and is no index of reports; move it away", file=str(file))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"cannot be made: {error.strerror or error}", file=str(folder)) from error
    write_atomic(file, index(entries(folder), language))
    return file


def refresh(folder: Path) -> None:
    """Brings the index of a folder up to date, in the language that it has; makes none where there is none."""
    file = folder / INDEX
    if _is_index(file):
        found = _LANGUAGE.search(_head(file))
        write_index(folder, next((one for one in LANGUAGES if found is not None and one == found[1]), "en"))


def index(found: Sequence[Entry], language: Language = "en") -> str:
    """The index as text."""
    count = counted(len(found), "page")
    return (
        environment(language)
        .get_template("index.html.j2")
        .render(
            entries=found,
            index_words=_WORDS,
            count=tr("{pages} in this folder, the newest first", pages=count),
            filtered=len(found) >= _FILTERED_FROM,
            **guarded(_SCRIPTS),
        )
    )


def _is_index(file: Path) -> bool:
    try:
        return _INDEX_MARK in _head(file)
    except OSError:
        return False


def _head(file: Path) -> str:
    with file.open("rb") as opened:
        return opened.read(_HEAD_BYTES).decode("utf-8", errors="replace")
