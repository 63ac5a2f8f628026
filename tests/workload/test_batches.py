"""How rows become tensors, against plain loops."""

from collections.abc import Sequence

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbench.workload.batches import Batch, held_out, label_counts, padded
from benchbench.workload.examples import IGNORED, Examples, Longs, Ragged
from tests.training.small import CPU, ENCODING

Texts = list[list[int]]


def encoded(texts: Texts) -> Examples:
    return Examples(columns={"ids": Ragged.of(texts)}, scalars={"label": np.arange(len(texts), dtype=np.int64)})


texts_of = st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=9), min_size=1, max_size=20)


@settings(deadline=None)
@given(texts=texts_of, data=st.data())
def test_a_layout_pads_each_row_to_the_longest(texts: Texts, data: st.DataObject) -> None:
    rows = np.asarray(data.draw(st.lists(st.integers(0, len(texts) - 1), min_size=1, max_size=12)), dtype=np.int64)
    batch = padded(encoded(texts).take(rows), rows, 0)
    width = max(len(texts[r]) for r in rows)
    assert batch.inputs["input_ids"].tolist() == [texts[r] + [0] * (width - len(texts[r])) for r in rows]
    mask = [[1] * len(texts[r]) + [0] * (width - len(texts[r])) for r in rows]
    assert batch.inputs["attention_mask"].tolist() == mask
    assert batch.labels["label"].tolist() == batch.rows.tolist() == rows.tolist()
    assert batch.counts == {"label": len(rows)}
    assert (batch.samples, batch.tokens) == (len(rows), sum(len(texts[r]) for r in rows))
    assert {t.dtype for t in (*batch.inputs.values(), *batch.labels.values())} == {torch.int64}


def test_every_column_has_its_name_and_its_filling() -> None:
    examples = Examples(
        columns={
            "ids": Ragged.of([[5, 6, 7], [8]]),
            "type_ids": Ragged.of([[0, 1, 1], [1]]),
            "labels": Ragged.of([[IGNORED, 2, 1], [0]]),
            "decoder_ids": Ragged.of([[9], [9, 9]]),
        },
        scalars={"next": np.asarray([1, IGNORED])},
    )
    batch = padded(examples, np.arange(2), 3)
    assert {name: tensor.tolist() for name, tensor in batch.inputs.items()} == {
        "input_ids": [[5, 6, 7], [8, 3, 3]], "attention_mask": [[1, 1, 1], [1, 0, 0]],
        "token_type_ids": [[0, 1, 1], [1, 0, 0]], "decoder_input_ids": [[9, 3], [9, 9]],
    }  # fmt: skip
    assert batch.labels["labels"].tolist() == [[IGNORED, 2, 1], [0, IGNORED, IGNORED]]
    assert batch.counts == label_counts(examples) == {"labels": 3, "next": 1}
    assert (batch.samples, batch.tokens) == (2, 4 + 3)


def labels(batches: Sequence[Batch]) -> list[int]:
    return [label for b in batches for label in b.labels["label"].tolist()]


@settings(deadline=None)
@given(texts=texts_of, batch=st.integers(1, 7))
def test_the_held_out_rows_all_come_once_and_hardly_padded(texts: Texts, batch: int) -> None:
    found = held_out(encoded(texts), ENCODING, CPU, batch)
    assert sorted(labels(found.batches)) == list(range(len(texts)))
    assert labels(found.batches) == np.concatenate([b.rows for b in found.batches]).tolist()
    assert all(b.samples <= batch for b in found.batches)
    widths = [b.inputs["input_ids"].shape[1] for b in found.batches]
    assert widths == sorted(widths)
    assert found.encoding.held_out


def test_a_batch_for_the_cpu_is_not_copied() -> None:
    rows: Longs = np.arange(2, dtype=np.int64)
    batch = padded(encoded([[1, 2], [3]]), rows, 0)
    assert batch.to(CPU) is batch
    moved = batch.to(torch.device("meta"))
    assert {t.device.type for t in (*moved.inputs.values(), *moved.labels.values())} == {"meta"}
    assert moved.tokens == 3
