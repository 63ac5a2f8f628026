"""The cleaning steps that a scenario names in `data.clean`, in its order.

Every step but `dedupe` changes one text without looking at another; `STEPS` holds them. `dedupe` keeps the first of
rows whose texts are equal as far as the steps before it have changed them.
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser

import numpy as np
import numpy.typing as npt

from benchbench.workload.columns import MAY_BE_EMPTY
from benchbench.workload.examples import Longs
from benchbench.workload.rows import Rows, Value

DEDUPE = "dedupe"
_DIGEST_BYTES = 16
_KEPT_CONTROLS = "\t\n"
_BLOCK_NAMES = (
    "address article aside blockquote br dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 head "
    "header hr li main nav ol option p pre section table tbody td tfoot th thead title tr ul"
)
_BLOCK = frozenset(_BLOCK_NAMES.split())
_UNSEEN = frozenset({"script", "style", "template"})
# The closed classes of English words (articles, pronouns, prepositions, conjunctions, auxiliaries, particles), listed
# for this project and under its licence, Apache-2.0. `no`, `not` and `nor` stay: they turn a meaning round.
_CLOSED_CLASSES = (
    "a about above after again against all am an and any are as at be because been before being below between both "
    "but by can could did do does doing down during each few for from further had has have having he her here hers "
    "herself him himself his how i if in into is it its itself just me more most my myself of off on once only or "
    "other our ours ourselves out over own same shall she should so some such than that the their theirs them "
    "themselves then there these they this those through to too under until up upon very was we were what when where "
    "which while who whom whose why will with would you your yours yourself yourselves"
)
STOP_WORDS = frozenset(_CLOSED_CLASSES.split())
_STOPPED = re.compile(rf"(?<![\w'\u2019])(?:{'|'.join(sorted(STOP_WORDS))})(?![\w'\u2019])\s?", re.IGNORECASE)


def _unicode(text: str) -> str:
    """Compatibility forms composed (NFKC), control characters but tabs and line ends left out."""
    normal = unicodedata.normalize("NFKC", text)
    if normal.isprintable():
        return normal
    return "".join(c for c in normal if c in _KEPT_CONTROLS or unicodedata.category(c) != "Cc")


class _Text(HTMLParser):
    """Collects the text of a page; a tag that breaks the line becomes a space."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        del attrs
        self._unseen += tag in _UNSEEN
        if tag in _BLOCK:
            self.parts.append(" ")

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        del attrs
        if tag in _BLOCK:
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._unseen -= tag in _UNSEEN and self._unseen > 0
        if tag in _BLOCK:
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if not self._unseen:
            self.parts.append(data)


def _html(text: str) -> str:
    """Tags, comments, scripts and styles left out, entities read."""
    if "<" not in text:
        return html.unescape(text) if "&" in text else text
    page = _Text()
    page.feed(text)
    page.close()
    return "".join(page.parts)


def _whitespace(text: str) -> str:
    """Every stretch of blanks, tabs and line ends a single blank; none at the ends."""
    return " ".join(text.split())


def _stop_words(text: str) -> str:
    """English words that carry little meaning left out, with the blank behind each."""
    return _STOPPED.sub("", text)


STEPS: Mapping[str, Callable[[str], str]] = {
    "unicode": _unicode,
    "html": _html,
    "whitespace": _whitespace,
    "lowercase": str.lower,
    "stop-words": _stop_words,
}


@dataclass(frozen=True, kw_only=True)
class Cleaned:
    """A shard after all steps.

    Attributes:
        rows: the same rows, cleaned.
        empty: whether cleaning left a text of the row empty. Shape (R,).
        digests: of the texts, where `dedupe` stands in the order, as two numbers; None without that step. Shape (R, 2).
    """

    rows: Rows
    empty: npt.NDArray[np.bool_]
    digests: npt.NDArray[np.uint64] | None


def clean(rows: Rows, steps: Sequence[str], roles: Sequence[str], labels: str | None = None) -> Cleaned:
    """Takes the steps on some rows; which of them to leave out is for `first_of_each` to say, over all rows.

    Args:
        rows: as the source gave them.
        steps: by name, in order.
        roles: the columns to clean.
        labels: a column with an entry for each word of the lists in `roles`: it loses what its word loses.
    """
    columns = {role: list(values) for role, values in rows.columns.items()}
    digests = None
    for step in steps:
        if step == DEDUPE:
            digests = _digests(columns, roles)
            continue
        change = STEPS[step]
        for role in roles:
            columns[role] = [_changed(value, change) for value in columns[role]]
    if labels is not None:
        _drop_empty_words(columns, roles, labels)
    needed = [columns[role] for role in roles if role not in MAY_BE_EMPTY]
    empty = np.array([not all(map(_says_something, row)) for row in zip(*needed, strict=True)], dtype=bool)
    return Cleaned(rows=Rows(columns=columns, numbers=rows.numbers), empty=empty, digests=digests)


def _says_something(value: Value) -> bool:
    return any(word and not word.isspace() for word in ([value] if isinstance(value, str) else value))


def _changed(value: Value, change: Callable[[str], str]) -> Value:
    return change(value) if isinstance(value, str) else [change(word) for word in value]


def _drop_empty_words(columns: dict[str, list[Value]], roles: Sequence[str], labels: str) -> None:
    """Leaves out the words that are empty now, and their labels where there are as many as words."""
    for role in roles:
        for row, words in enumerate(columns[role]):
            tags = columns[labels][row]
            if isinstance(words, str) or isinstance(tags, str) or all(words) or len(words) != len(tags):
                continue
            stay = [place for place, word in enumerate(words) if word.strip()]
            columns[role][row] = [words[place] for place in stay]
            columns[labels][row] = [tags[place] for place in stay]


def _digests(columns: Mapping[str, Sequence[Value]], roles: Sequence[str]) -> npt.NDArray[np.uint64]:
    rows = zip(*(columns[role] for role in roles), strict=True)
    joined = b"".join(hashlib.blake2b(repr(row).encode(), digest_size=_DIGEST_BYTES).digest() for row in rows)
    return np.frombuffer(joined, dtype=np.uint64).reshape(-1, 2)


def first_of_each(digests: npt.NDArray[np.uint64]) -> Longs:
    """The numbers of the rows of which no earlier one has the same digest, rising. Shape (K,).

    Args:
        digests: shape (R, 2).
    """
    _, first = np.unique(np.ascontiguousarray(digests).view([("high", "u8"), ("low", "u8")]), return_index=True)
    return np.sort(first).astype(np.int64)
