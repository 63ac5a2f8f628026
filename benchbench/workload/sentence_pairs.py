"""Pairs of segments for next-sentence prediction (Devlin et al. 2019, section 3.1, task 2).

Shape letter: S the entries of a segment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from benchbench.workload.documents import pieces

NEGATIVES = 0.5  # of the second segments, the share that is of another document
Document = Sequence[Sequence[int]]


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two segments, as token ids without special tokens.

    Attributes:
        first: what is read first. Shape (S,).
        second: what follows it, or is of another document. Shape (S,).
        not_next: whether it is of another document.
    """

    first: Sequence[int]
    second: Sequence[int]
    not_next: bool


def sentence_pairs(documents: Sequence[Document], room: int, generator: np.random.Generator) -> Iterator[Pair]:
    """Reads through documents, as many sentences at a time as have room, and cuts each stretch in two.

    A second segment of another document is as long as the true one would have been (or as that document has
    tokens), so that its length does not give it away; the true one is then read again. A sentence that is alone at
    its document's end is left out, and one of more than half the room is cut.

    Args:
        documents: the token ids of each sentence. At least two documents have sentences.
        room: tokens of both segments together, at least 2.
        generator: decides.
    """
    shortened = [[part for sentence in document for part in pieces(sentence, room // 2)] for document in documents]
    filled = [document for document in shortened if document]
    for number, document in enumerate(filled):
        begin = 0
        while begin + 1 < len(document):
            end = _end(document, begin, room)
            cut = begin + int(generator.integers(1, end - begin))
            first, second = _joined(document[begin:cut]), _joined(document[cut:end])
            if generator.random() < NEGATIVES:
                begin = cut
                yield Pair(first=first, second=_elsewhere(filled, number, len(second), generator), not_next=True)
            else:
                begin = end
                yield Pair(first=first, second=second, not_next=False)


def _end(document: Document, begin: int, room: int) -> int:
    """Where a stretch of sentences ends: behind the last that has room."""
    end = begin
    while end < len(document) and len(document[end]) <= room:
        room -= len(document[end])
        end += 1
    return end


def _elsewhere(documents: Sequence[Document], own: int, longest: int, generator: np.random.Generator) -> list[int]:
    """Tokens of another document, from the beginning of any of its sentences."""
    other = int(generator.integers(0, len(documents) - 1))
    document = documents[other + (other >= own)]
    begin = int(generator.integers(0, len(document)))
    return list(islice(chain.from_iterable(islice(document, begin, None)), longest))


def _joined(sentences: Document) -> list[int]:
    return list(chain.from_iterable(sentences))
