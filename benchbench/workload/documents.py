"""Documents: neighbouring rows that belong together, and the pieces that long texts are cut into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchbench.workload.rows import Rows

_SENTENCE_END = ". "


def documents(rows: Rows) -> list[list[str]]:
    """The texts of each document's rows.

    Rows are of one document as long as the role `document` does not change; without that role each row is one.
    """
    texts = rows.texts("text")
    if "document" not in rows.columns:
        return [[text] for text in texts]
    found: list[list[str]] = []
    last: object = None
    for text, name in zip(texts, rows.columns["document"], strict=True):
        if not found or name != last:
            found.append([])
        found[-1].append(text)
        last = name
    return found


def sentences(rows: Rows) -> list[list[str]]:
    """The sentences of each document, none of them blank: its lines, or, in one line, what ends with `. `."""
    found = [_sentences(document) for document in documents(rows)]
    return [[sentence for sentence in document if sentence.strip()] for document in found]


def _sentences(document: Sequence[str]) -> list[str]:
    lines = [line for text in document for line in text.splitlines()]
    if len(lines) != 1:
        return lines
    *ended, rest = lines[0].split(_SENTENCE_END)
    return [*(sentence + _SENTENCE_END.rstrip() for sentence in ended), rest]


def pieces(ids: Sequence[int], longest: int) -> Iterator[Sequence[int]]:
    """Cuts tokens into pieces of `longest`; the last is what is left over."""
    for begin in range(0, len(ids), longest):
        yield ids[begin : begin + longest]
