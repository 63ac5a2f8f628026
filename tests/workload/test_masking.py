"""The masking rule, by its shares."""

import numpy as np
import pytest

from benchbench.workload.examples import IGNORED, Ragged
from benchbench.workload.masking import masked
from benchbench.workload.vocabulary import CLS_ID, MASK_ID, SEP_ID, SPECIAL, UNKNOWN_ID, Vocabulary

SIZE = 1000
VOCABULARY = Vocabulary(tokenizer=None, size=SIZE)
ROWS, LENGTH = 4000, 52


def rows() -> Ragged:
    """[CLS], 50 ordinary tokens of which one is unknown, [SEP]."""
    ids = np.random.default_rng(0).integers(len(SPECIAL), SIZE, size=(ROWS, LENGTH), dtype=np.int32)
    ids[:, 0], ids[:, 7], ids[:, -1] = CLS_ID, UNKNOWN_ID, SEP_ID
    return Ragged(values=ids.reshape(-1), offsets=np.arange(0, ids.size + 1, LENGTH, dtype=np.int64))


def within(found: float, share: float, draws: int) -> bool:
    """Four standard errors of a share."""
    return abs(found - share) < 4 * (share * (1 - share) / draws) ** 0.5


def test_the_shares_of_devlin_et_al() -> None:
    true = rows()
    seen, labels = masked(true, VOCABULARY, np.random.default_rng(1))
    ordinary = true.values >= len(SPECIAL)
    chosen = labels.values != IGNORED
    assert not chosen[~ordinary].any()
    assert within(chosen[ordinary].mean(), 0.15, int(ordinary.sum()))
    count = int(chosen.sum())
    hidden = seen.values[chosen] == MASK_ID
    kept = seen.values[chosen] == true.values[chosen]
    assert within(hidden.mean(), 0.8, count)
    assert within(kept.mean(), 0.1 + 0.1 / (SIZE - len(SPECIAL)), count)
    assert within((~hidden & ~kept).mean(), 0.1, count)


def test_what_is_not_chosen_stays_and_the_labels_are_the_truth() -> None:
    true = rows()
    seen, labels = masked(true, VOCABULARY, np.random.default_rng(1))
    chosen = labels.values != IGNORED
    np.testing.assert_array_equal(seen.values[~chosen], true.values[~chosen])
    np.testing.assert_array_equal(labels.values[chosen], true.values[chosen])
    np.testing.assert_array_equal(seen.offsets, true.offsets)
    assert (true.values == rows().values).all(), "the rows themselves stay as they are"


@pytest.mark.parametrize("special", [{}, {"pad": 3, "begin": 998, "end": 999, "mask": 500}])
def test_random_tokens_are_any_that_are_not_special_and_equally_likely(special: dict[str, int]) -> None:
    vocabulary = Vocabulary(tokenizer=None, size=SIZE, **special)
    generator = np.random.default_rng(2)
    ids = Ragged(values=np.full(2_000_000, 40, np.int32), offsets=np.array([0, 2_000_000]))
    seen, labels = masked(ids, vocabulary, generator)
    chosen = labels.values != IGNORED
    drawn = seen.values[chosen & (seen.values != vocabulary.mask) & (seen.values != 40)]
    counts = np.bincount(drawn, minlength=SIZE)
    assert len(counts) == SIZE
    ordinary = np.setdiff1d(np.arange(SIZE), [*vocabulary.special, 40])
    assert counts[list(vocabulary.special)].sum() == 0
    expected = len(drawn) / len(ordinary)
    chi2 = float(((counts[ordinary] - expected) ** 2 / expected).sum())
    assert abs(chi2 - len(ordinary)) < 5 * (2 * len(ordinary)) ** 0.5


def test_the_generator_decides() -> None:
    first, again, other = (masked(rows(), VOCABULARY, np.random.default_rng(seed))[0].values for seed in (5, 5, 6))
    assert (first == again).all()
    assert (first != other).any()
