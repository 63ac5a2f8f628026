"""Masking of tokens for masked language models.

Shape letter: N all rows' tokens, one after another.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchbench.errors import UnsupportedError
from benchbench.workload.examples import IGNORED, Examples, Ints, Mask, Ragged
from benchbench.workload.vocabulary import Vocabulary

# Devlin et al. 2019, section 3.1: the share of the tokens that are to be predicted, and what stands in their places.
CHOSEN = 0.15
AS_MASK = 0.8
AS_RANDOM = 0.1


def check_mask(vocabulary: Vocabulary) -> None:
    """Looks whether there is a token to mask with.

    Raises:
        UnsupportedError: a foreign vocabulary has none.
    """
    if vocabulary.mask < 0:
        raise UnsupportedError(
            "the pretrained vocabulary has no mask token; choose a model that was trained with one, or task: causal-lm",
            key="model.pretrained",
        )


def masked(ids: Ragged, vocabulary: Vocabulary, generator: np.random.Generator) -> tuple[Ragged, Ragged]:
    """Masks rows by the rule of Devlin et al. 2019.

    Each token that is not special is chosen with a probability of 15 %. Of the chosen ones 80 % become the mask,
    10 % a random token that is not special, and 10 % stay as they are.

    Args:
        ids: the rows.
        vocabulary: which tokens are special.
        generator: decides.

    Returns:
        The ids that a model reads, and the labels: the true ids of the chosen tokens, `IGNORED` at the others.
    """
    count = len(ids.values)
    special = np.isin(ids.values, vocabulary.special)
    chosen: Mask = (generator.random(count, dtype=np.float32) < CHOSEN) & ~special
    fate = generator.random(count, dtype=np.float32)
    values = np.where(chosen & (fate < AS_MASK), np.int32(vocabulary.mask), ids.values)
    random = chosen & (fate >= AS_MASK) & (fate < AS_MASK + AS_RANDOM)
    values[random] = _ordinary(int(random.sum()), vocabulary, generator)
    labels = np.where(chosen, ids.values, np.int32(IGNORED))
    return Ragged(values=values, offsets=ids.offsets), Ragged(values=labels, offsets=ids.offsets)


def with_masks(examples: Examples, vocabulary: Vocabulary, generator: np.random.Generator) -> Examples:
    """Rows with their `ids` masked and with `labels` (see `masked`)."""
    ids, labels = masked(examples.columns["ids"], vocabulary, generator)
    return replace(examples, columns={**examples.columns, "ids": ids, "labels": labels})


def _ordinary(count: int, vocabulary: Vocabulary, generator: np.random.Generator) -> Ints:
    """Random ids of tokens that are not special: drawn from as many numbers, then moved past each special one."""
    special = vocabulary.special
    found = generator.integers(0, vocabulary.size - len(special), size=count, dtype=np.int32)
    for number in special:
        found += found >= number
    return found
