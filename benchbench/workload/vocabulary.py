"""A tokenizer with the numbers of its special tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Encoding, Tokenizer

from benchbench.workload.examples import Ragged

# The special tokens stand at the start of every vocabulary made here. A row ends with `[SEP]`: some families read it.
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD_ID, UNKNOWN_ID, CLS_ID, SEP_ID, MASK_ID = range(len(SPECIAL))


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """What turns texts into ids and back.

    Attributes:
        tokenizer: without truncation and padding of its own; None for rows that were never text.
        size: ids run from 0 to this, exclusive.
        pad, unknown, begin, end, mask: the special tokens' ids (`begin` is [CLS] or <s>, `end` is [SEP] or </s>);
            a foreign vocabulary that lacks one has another in its place, or -1 for the mask.
        pairs: whether a second text of a row has token types of its own (BERT's `token_type_ids`).
    """

    tokenizer: Tokenizer | None
    size: int
    pad: int = PAD_ID
    unknown: int = UNKNOWN_ID
    begin: int = CLS_ID
    end: int = SEP_ID
    mask: int = MASK_ID
    pairs: bool = True

    def encode(
        self, texts: Sequence[str], seconds: Sequence[str] | None = None, *, special: bool = True
    ) -> list[Encoding]:
        """Encodes rows, in parallel, whole.

        Args:
            texts: one a row.
            seconds: a second text for each row.
            special: whether to put the special tokens in.
        """
        assert self.tokenizer is not None
        rows = list(texts) if seconds is None else list(zip(texts, seconds, strict=True))
        found: list[Encoding] = self.tokenizer.encode_batch(rows, add_special_tokens=special)
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
            if len(ids) > longest:
                tail = sum(encoding.special_tokens_mask[-1:])
                ids = ids[: longest - tail] + ids[len(ids) - tail :]
            found.append(ids)
        return Ragged.of(found)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of some ids, special tokens left out."""
        assert self.tokenizer is not None
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=True))

    @property
    def special(self) -> tuple[int, ...]:
        """The special tokens' ids, those that there are."""
        return tuple(sorted({i for i in (self.pad, self.unknown, self.begin, self.end, self.mask) if i >= 0}))
