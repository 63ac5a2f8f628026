"""Which rows make up each global batch."""

from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbench.workload.examples import Examples, Longs, Ragged
from benchbench.workload.orders import WINDOW, Bucketed, Order, Oversampled, Shuffled, order

MAKE: dict[str, Callable[[int, int, int], Order]] = {
    "shuffled": Shuffled,
    "bucketed": lambda count, batch, seed: Bucketed(Shuffled(count, batch, seed), lengths_of(count)),
}


def lengths_of(count: int) -> Longs:
    return np.random.default_rng(count).integers(1, 200, size=count)


@pytest.fixture(params=MAKE)
def make(request: pytest.FixtureRequest) -> Callable[[int, int, int], Order]:
    return MAKE[request.param]


@pytest.mark.parametrize("kind", MAKE)
@settings(deadline=None)
@given(rows=st.integers(1, 60), batch=st.integers(1, 90), seed=st.integers(0, 2**31 - 1))
def test_every_row_comes_once_an_epoch(kind: str, rows: int, batch: int, seed: int) -> None:
    epochs = 3
    found = MAKE[kind](rows, batch, seed)
    taken = [found.rows(number) for number in range(-(-epochs * rows // batch))]
    assert all(len(numbers) == batch for numbers in taken)
    stream = np.concatenate(taken)
    for epoch in range(epochs):
        assert sorted(stream[epoch * rows : (epoch + 1) * rows].tolist()) == list(range(rows))


def test_the_order_is_the_seeds(make: Callable[[int, int, int], Order]) -> None:
    def first(seed: int) -> list[list[int]]:
        found = make(100, 16, seed)
        return [found.rows(number).tolist() for number in range(20)]

    assert first(1) == first(1)
    assert first(1) != first(2)
    epochs = make(64, 16, 3)
    assert [epochs.rows(n).tolist() for n in range(4)] != [epochs.rows(n).tolist() for n in range(4, 8)]


def test_any_batch_can_be_asked_for_in_any_order(make: Callable[[int, int, int], Order]) -> None:
    inorder = make(70, 16, 1)
    taken = {number: inorder.rows(number).tolist() for number in range(30)}
    for number in (29, 3, 4, 17, 0, 29):
        assert make(70, 16, 1).rows(number).tolist() == taken[number]
    jumping = make(70, 16, 1)
    assert {number: jumping.rows(number).tolist() for number in reversed(range(30))} == taken


def test_the_order_of_a_seed_never_changes_from_version_to_version() -> None:
    assert Shuffled(10, 10, 0).rows(0).tolist() == [4, 6, 2, 7, 3, 5, 9, 0, 8, 1]
    lengths = np.arange(10, dtype=np.int64)
    bucketed = Bucketed(Shuffled(10, 2, 0), lengths)
    assert [bucketed.rows(n).tolist() for n in range(5)] == [[2, 3], [6, 7], [8, 9], [4, 5], [0, 1]]


def test_buckets_hold_rows_of_like_length_in_an_order_that_is_none() -> None:
    lengths = lengths_of(4000)
    plain, bucketed = Shuffled(4000, 16, 0), Bucketed(Shuffled(4000, 16, 0), lengths)

    def padding(found: Order) -> float:
        batches = [lengths[found.rows(number)] for number in range(250)]
        return 1 - sum(int(b.sum()) for b in batches) / sum(int(b.max()) * len(b) for b in batches)

    assert padding(plain) > 0.4
    assert padding(bucketed) < 0.05
    longest = np.asarray([lengths[bucketed.rows(number)].max() for number in range(250)])
    assert abs(np.corrcoef(longest, np.arange(250))[0, 1]) < 0.2, "short and long batches come as they fall"
    other_epoch = [sorted(bucketed.rows(number).tolist()) for number in range(250, 500)]
    assert not {tuple(b) for b in other_epoch} & {tuple(sorted(bucketed.rows(n).tolist())) for n in range(250)}


def test_rows_are_sorted_within_a_window_alone() -> None:
    batch, count = 4, 4 * WINDOW * 3
    lengths = lengths_of(count)
    inner = Shuffled(count, batch, 5)
    bucketed = Bucketed(inner, lengths)
    place = {int(row): number for number, row in enumerate(inner.epoch(0))}
    for number in range(3 * WINDOW):
        windows = {place[int(row)] // (batch * WINDOW) for row in bucketed.rows(number)}
        assert len(windows) == 1


def test_a_batch_that_two_epochs_share_is_left_as_it_was() -> None:
    inner, bucketed = Shuffled(70, 16, 1), Bucketed(Shuffled(70, 16, 1), lengths_of(70))
    shared = [number for number in range(35) if number * 16 // 70 != ((number + 1) * 16 - 1) // 70]
    assert len(shared) == 7
    for number in shared:
        assert bucketed.rows(number).tolist() == inner.rows(number).tolist()


@settings(deadline=None)
@given(
    counts=st.lists(st.integers(1, 12), min_size=1, max_size=5),
    batch=st.integers(1, 20),
    seed=st.integers(0, 2**31 - 1),
)
def test_oversampling_shows_every_class_equally_often(counts: list[int], batch: int, seed: int) -> None:
    classes = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)) * 3, counts))
    found = Oversampled(classes, batch, seed)
    each = max(counts)
    assert found.count == each * len(counts)
    for epoch in range(2):
        rows = found.epoch(epoch)
        assert Counter(classes[rows].tolist()) == {3 * k: each for k in range(len(counts))}
        seen = Counter(rows.tolist())
        for k, members in enumerate(counts):
            times = [seen[int(row)] for row in np.flatnonzero(classes == 3 * k)]
            assert min(times) >= each // members
            assert max(times) <= -(-each // members)
    assert found.epoch(0).tolist() == Oversampled(classes, batch, seed).epoch(0).tolist()


def test_oversampling_mixes_the_classes() -> None:
    classes = np.repeat([0, 1], [950, 50])
    found = Oversampled(classes, 100, 0)
    shares = [float(classes[found.rows(number)].mean()) for number in range(19)]
    assert 0.3 < min(shares) <= max(shares) < 0.7


def test_oversampled_rows_can_be_bucketed() -> None:
    classes, lengths = np.repeat([0, 1], [300, 20]), lengths_of(320)
    examples = Examples(
        columns={"ids": Ragged.of([[1] * int(n) for n in lengths])}, scalars={"label": classes.astype(np.int64)}
    )
    both = order(examples, 10, 0, oversample=True, bucket=True)
    rows = np.concatenate([both.rows(number) for number in range(60)])
    assert Counter(classes[rows].tolist()) == {0: 300, 1: 300}
    assert np.mean([np.ptp(lengths[both.rows(number)]) for number in range(60)]) < 20
    assert isinstance(order(examples, 10, 0), Shuffled)
    assert type(order(examples, 10, 0, oversample=True)) is Oversampled
    assert type(order(examples, 10, 0, bucket=True)) is Bucketed
