"""A tokenizer with the numbers of its special tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Encoding, Tokenizer

from benchbench.workload.examples import Ragged
from benchbench.workload.rows import Value

# The special tokens stand at the start of every vocabulary made here. A row ends with `[SEP]`: some families read it.
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD_ID, UNKNOWN_ID, CLS_ID, SEP_ID, MASK_ID = range(len(SPECIAL))


def kept(encoding: Encoding, longest: int) -> list[int]:
    """The places of a row's tokens that stay; what is too long loses its end, but not the special token there.

    Args:
        encoding: the row.
        longest: tokens, those at the ends too.
    """
    count = len(encoding.ids)
    if count <= longest:
        return list(range(count))
    tail = sum(encoding.special_tokens_mask[-1:])
    return [*range(longest - tail), *range(count - tail, count)]


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """What turns texts into ids and back.

    Attributes:
        tokenizer: without truncation and padding of its own; None for rows that were never text.
        size: ids run from 0 to this, exclusive.
        pad, unknown, begin, end, mask: the special tokens' ids (`begin` is [CLS] or <s>, `end` is [SEP] or </s>);
            a foreign vocabulary that lacks one has another in its place, or -1 for the mask.
        decoder_start: what the decoder of an encoder-decoder begins with.
        pairs: whether a second text of a row has token types of its own (BERT's `token_type_ids`).
    """

    tokenizer: Tokenizer | None
    size: int
    pad: int = PAD_ID
    unknown: int = UNKNOWN_ID
    begin: int = CLS_ID
    end: int = SEP_ID
    mask: int = MASK_ID
    decoder_start: int = PAD_ID
    pairs: bool = True

    def encode(
        self, texts: Sequence[Value], seconds: Sequence[str] | None = None, *, special: bool = True, words: bool = False
    ) -> list[Encoding]:
        """Encodes rows, in parallel, whole.

        Args:
            texts: one a row.
            seconds: a second text for each row.
            special: whether to put the special tokens in.
            words: whether each text is a list of words.
        """
        assert self.tokenizer is not None
        rows = list(texts) if seconds is None else list(zip(texts, seconds, strict=True))
        found: list[Encoding] = self.tokenizer.encode_batch(rows, is_pretokenized=words, add_special_tokens=special)
        return found

    def rows(self, texts: Sequence[str], longest: int) -> Ragged:
        """Encodes rows of one text each, special tokens at both ends; what is too long loses its end.

        Args:
            texts: one a row.
            longest: tokens, those at the ends too.
        """
        found = []
        for encoding in self.encode(texts):
            ids = encoding.ids
            found.append(ids if len(ids) <= longest else [ids[place] for place in kept(encoding, longest)])
        return Ragged.of(found)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of some ids, special tokens left out; ids that were never text are written as numbers."""
        if self.tokenizer is None:
            return " ".join(str(i) for i in ids if i not in self.special)
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))

    @property
    def special(self) -> tuple[int, ...]:
        """The special tokens' ids, those that there are."""
        return tuple(sorted({i for i in (self.pad, self.unknown, self.begin, self.end, self.mask) if i >= 0}))
