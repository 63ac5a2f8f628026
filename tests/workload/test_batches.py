"""The sequence of global batches and how rows become tensors, against plain loops."""

from itertools import islice

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbench.workload.batches import Batch, MicroBatches, collate, global_batches, held_out
from benchbench.workload.source import Encoded

Texts = list[list[int]]


def encoded(texts: Texts) -> Encoded:
    return Encoded(
        ids=np.asarray([i for text in texts for i in text], dtype=np.int32),
        offsets=np.concatenate(([0], np.cumsum([len(t) for t in texts]))).astype(np.int64),
        labels=np.arange(len(texts), dtype=np.int64),
    )


texts_of = st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=9), min_size=1, max_size=20)


@settings(deadline=None)
@given(texts=texts_of, data=st.data())
def test_collating_pads_each_row_to_the_longest(texts: Texts, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1, max_size=12))
    batch = collate(encoded(texts), np.asarray(rows, dtype=np.int64), pad_id=0)
    width = max(len(texts[r]) for r in rows)
    assert batch.ids_bs.tolist() == [texts[r] + [0] * (width - len(texts[r])) for r in rows]
    assert batch.mask_bs.tolist() == [[1] * len(texts[r]) + [0] * (width - len(texts[r])) for r in rows]
    assert batch.labels_b.tolist() == rows
    assert batch.tokens == sum(len(texts[r]) for r in rows)
    assert {batch.ids_bs.dtype, batch.mask_bs.dtype, batch.labels_b.dtype} == {torch.int64}


@settings(deadline=None)
@given(rows=st.integers(1, 60), batch=st.integers(1, 90), seed=st.integers(0, 2**31 - 1))
def test_every_row_comes_once_an_epoch(rows: int, batch: int, seed: int) -> None:
    epochs = 3
    taken = list(islice(global_batches(rows, batch, seed), -(-epochs * rows // batch)))
    assert all(len(numbers) == batch for numbers in taken)
    stream = np.concatenate(taken)
    for epoch in range(epochs):
        assert sorted(stream[epoch * rows : (epoch + 1) * rows].tolist()) == list(range(rows))


def test_the_order_is_the_seeds() -> None:
    def first(seed: int) -> list[list[int]]:
        return [b.tolist() for b in islice(global_batches(100, 16, seed), 20)]

    assert first(1) == first(1)
    assert first(1) != first(2)
    epochs = np.concatenate(list(islice(global_batches(64, 64, 3), 2))).reshape(2, 64)
    assert not np.array_equal(epochs[0], epochs[1])


def test_the_order_of_a_seed_never_changes_from_version_to_version() -> None:
    assert next(global_batches(10, 10, 0)).tolist() == [4, 6, 2, 7, 3, 5, 9, 0, 8, 1]


def micro(micro_batch: int | None, global_batch: int = 12) -> MicroBatches:
    texts = [[n + 1] * (1 + n % 5) for n in range(40)]
    return MicroBatches(encoded(texts), 0, global_batch=global_batch, micro_batch=micro_batch, seed=1)


def labels(batches: list[Batch]) -> list[int]:
    return [label for b in batches for label in b.labels_b.tolist()]


@pytest.mark.parametrize("micro_batch", [1, 2, 3, 4, 6, 12])
def test_micro_batches_divide_the_same_global_batches(micro_batch: int) -> None:
    whole, parts = micro(None), micro(micro_batch)
    for _ in range(10):
        one, many = next(whole), next(parts)
        assert len(one) == 1
        assert [len(b.labels_b) for b in many] == [micro_batch] * (12 // micro_batch)
        assert labels(one) == labels(many)
        assert sum(b.tokens for b in many) == one[0].tokens


def test_an_open_micro_batch_shrinks_from_divisor_to_divisor_and_keeps_its_rows() -> None:
    batches = micro(None)
    rows = labels(next(batches))
    sizes = []
    while (smaller := batches.smaller()) is not None:
        sizes.append(batches.micro_batch)
        assert labels(smaller) == rows
    assert sizes == [6, 3, 1]
    assert [len(b.labels_b) for b in next(batches)] == [1] * 12
    assert micro(4).smaller() is None, "a size that was asked for stays"


@settings(deadline=None)
@given(texts=texts_of, batch=st.integers(1, 7))
def test_the_held_out_rows_all_come_once_and_hardly_padded(texts: Texts, batch: int) -> None:
    batches = held_out(encoded(texts), 0, batch)
    assert sorted(labels(batches)) == list(range(len(texts)))
    assert all(len(b.labels_b) <= batch for b in batches)
    widths = [b.ids_bs.shape[1] for b in batches]
    assert widths == sorted(widths)


def test_a_batch_for_the_cpu_is_not_copied() -> None:
    batch = collate(encoded([[1, 2], [3]]), np.asarray([0, 1]), 0)
    assert batch.to(torch.device("cpu")) is batch
    moved = batch.to(torch.device("meta"))
    assert moved.ids_bs.device.type == moved.labels_b.device.type == "meta"
    assert moved.tokens == 3
