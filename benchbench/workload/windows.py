"""Questions with their contexts, a long context cut into stretches that overlap.

Shape letter: S the tokens of a window.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from benchbench.errors import ScenarioError
from benchbench.workload.answers import Place
from benchbench.workload.examples import IGNORED
from benchbench.workload.task import Encoding
from benchbench.workload.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True)
class Window:
    """A question and a stretch of its context.

    Attributes:
        row: of the question, from 0.
        ids: of the tokens. Shape (S,).
        type_ids: 0 for the question, 1 for the context. Shape (S,).
        begins: the context's character that each token begins with; `IGNORED` outside of the context. Shape (S,).
        ends: the one behind each token's last. Shape (S,).
    """

    row: int
    ids: Sequence[int]
    type_ids: Sequence[int]
    begins: Sequence[int]
    ends: Sequence[int]

    def tokens(self, place: Place | None) -> tuple[int, int]:
        """The first and the last token of an answer; 0 and 0, the window's first token, if it is not all in here."""
        inside = [token for token, begin in enumerate(self.begins) if begin != IGNORED]
        if place is None or not inside:
            return 0, 0
        begin, end = place
        if begin < self.begins[inside[0]] or end > self.ends[inside[-1]]:
            return 0, 0
        first = next(token for token in inside if self.ends[token] > begin)
        last = next(token for token in reversed(inside) if self.begins[token] < end)
        return (first, last) if first <= last else (0, 0)


def windows(questions: Sequence[str], contexts: Sequence[str], encoding: Encoding) -> Iterator[Window]:
    """Every window of some rows, in their order.

    A question takes at most half of the room that the special tokens leave, and loses its end beyond that. Windows
    of one context overlap by a quarter of that room.

    Args:
        questions: one a row.
        contexts: one a row.
        encoding: the tokenizer, and how long a window may be.

    Raises:
        ScenarioError: the sequence length leaves no room for a question and a context.
    """
    vocabulary = encoding.vocabulary
    special = len(vocabulary.encode([""], [""])[0].ids)
    room = encoding.sequence_length - special
    if room < 2:
        raise ScenarioError(
            f"{encoding.sequence_length} tokens leave no room for a question and a context beside {special} special "
            f"tokens; set data.sequence_length to {special + 2} at the very least",
            key="data.sequence_length",
        )
    cutting = _cutting(vocabulary, encoding.sequence_length, overlap=(room - room // 2) // 2)
    for row, found in enumerate(cutting.encode(_shortened(questions, room // 2, vocabulary), contexts)):
        for part in (found, *found.overflowing):
            places = [
                place if sequence == 1 else (IGNORED, IGNORED)
                for place, sequence in zip(part.offsets, part.sequence_ids, strict=True)
            ]
            begins, ends = zip(*places, strict=True)
            yield Window(row=row, ids=part.ids, type_ids=part.type_ids, begins=begins, ends=ends)


def _cutting(vocabulary: Vocabulary, longest: int, overlap: int) -> Vocabulary:
    """The same vocabulary, with a tokenizer that cuts second texts into windows."""
    assert vocabulary.tokenizer is not None
    tokenizer = Tokenizer.from_str(vocabulary.tokenizer.to_str())
    tokenizer.enable_truncation(longest, stride=overlap, strategy="only_second")
    return dataclasses.replace(vocabulary, tokenizer=tokenizer)


def _shortened(texts: Sequence[str], longest: int, vocabulary: Vocabulary) -> list[str]:
    """Texts without what their tokens beyond `longest` stand for."""
    found = list(texts)
    long = list(range(len(found)))
    while long:
        encoded = vocabulary.encode([found[row] for row in long], special=False)
        over = [(row, tokens) for row, tokens in zip(long, encoded, strict=True) if len(tokens.ids) > longest]
        for row, tokens in over:
            found[row] = found[row][: tokens.offsets[longest][0]]
        long = [row for row, _ in over]
    return found
