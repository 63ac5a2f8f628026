"""Sequences that share a row learn what they would learn alone."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchbench import registry
from benchbench.errors import UnsupportedError
from benchbench.scenario.types import Model
from benchbench.workload import models, packing
from benchbench.workload.batches import Blocks, padded
from benchbench.workload.examples import IGNORED, Examples, Longs, Ragged
from benchbench.workload.task import Encoding, Objective, Task
from benchbench.workload.vocabulary import Vocabulary
from tests.training.small import CPU, loop_of, losses, prepared, scenario

ROOM, LABELS, WIDTH = 60, ("a", "b", "c"), 16
ENCODERS = ("albert", "bert", "camembert", "distilbert", "electra", "roberta", "xlm-roberta")
DECODERS = ("gpt2", "llama", "qwen2")
ENCODING = Encoding(vocabulary=Vocabulary(tokenizer=None, size=ROOM), labels=LABELS, sequence_length=WIDTH)


def task_of(name: str) -> Task:
    return cast(Task, registry.load(registry.TASKS, name))


def model_of(family: str, task: Task, attention: str = "sdpa", **more: Any) -> torch.nn.Module:
    torch.manual_seed(0)
    tiny = Model.model_validate(
        {"family": family, "layers": 2, "hidden": 16, "heads": 2, "ffn": 32, "vocab": ROOM, **more}
    )
    model = models.build(models.configuration(tiny, 0.0, len(LABELS)), task.head, attention)
    with torch.no_grad():
        for p in model.parameters():  # far from the initial weights, whose attention is nearly uniform
            p.add_(torch.randn_like(p) * 0.3)
    return model.eval()  # some heads have a dropout that no setting of their configuration names


def examples_of(task: Task, count: int = 13) -> Examples:
    generator = np.random.default_rng(4)
    ids = Ragged.of([generator.integers(5, ROOM, size=n).tolist() for n in generator.integers(3, 11, size=count)])
    return task.afresh(task.synthetic(ids, ENCODING, generator), ENCODING, generator)


def loss_and_gradients(
    model: torch.nn.Module, task: Task, examples: Examples, layout: packing.Packed | None
) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
    rows: Longs = np.arange(len(examples), dtype=np.int64)
    batch = (layout or padded)(examples, rows, 0).to(CPU)
    model.zero_grad()
    sums = task.loss_sums(model, batch, Objective())
    torch.stack(list(sums.values())).sum().backward()  # type: ignore[no-untyped-call]
    gradients = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return {name: part.item() for name, part in sums.items()}, gradients


def cases() -> Iterator[tuple[str, str]]:
    for family in ENCODERS:
        yield family, "masked-lm"
        yield family, "token-classification"
        yield family, "sequence-classification"
    for family in DECODERS:
        yield family, "causal-lm"
        yield family, "token-classification"


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize(("family", "name"), [*cases()])
def test_packed_rows_have_the_losses_and_gradients_of_padded_ones(family: str, name: str, attention: str) -> None:
    task = task_of(name)
    model = packing.fitted(model_of(family, task, attention), task)
    examples = examples_of(task)
    layout = packing.layout(model, WIDTH)
    plain, plain_gradients = loss_and_gradients(model, task, examples, None)
    packed, gradients = loss_and_gradients(model, task, examples, layout)
    assert packed == pytest.approx(plain, rel=1e-5)
    largest = max(float(g.abs().max()) for g in plain_gradients.values())
    for parameter, gradient in plain_gradients.items():
        torch.testing.assert_close(gradients[parameter], gradient, rtol=1e-4, atol=1e-5 * largest, msg=parameter)
    batch = layout(examples, np.arange(len(examples), dtype=np.int64), 0)
    assert batch.inputs["input_ids"].shape[0] < len(examples), "several did share a row"
    assert batch.inputs["input_ids"].shape[1] <= WIDTH


@pytest.mark.parametrize("lever", ["blocks", "positions"])
@pytest.mark.parametrize(("family", "name"), [("bert", "masked-lm"), ("gpt2", "causal-lm"), ("roberta", "masked-lm")])
def test_without_mask_or_positions_the_losses_would_differ(family: str, name: str, lever: str) -> None:
    """What the comparison above would see, were packing to do half its work."""
    task = task_of(name)
    model = model_of(family, task)
    examples = examples_of(task)
    batch = packing.layout(model, WIDTH)(examples, np.arange(len(examples), dtype=np.int64), 0).to(CPU)
    inputs = dict(batch.inputs)
    if lever == "blocks":
        inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
    else:
        del inputs["position_ids"]
    plain, _ = loss_and_gradients(model, task, examples, None)
    spoiled = task.loss_sums(model, replace(batch, inputs=inputs), Objective())
    assert {n: part.item() for n, part in spoiled.items()} != pytest.approx(plain, rel=1e-3)


def test_the_layout_by_hand() -> None:
    examples = Examples(
        columns={"ids": Ragged.of([[5, 6], [7, 8, 9, 10], [11], [12, 13, 14]]),
                 "labels": Ragged.of([[1, IGNORED], [2, 2, 2, 2], [IGNORED], [0, 1, 2]])},
        scalars={"label": np.asarray([3, 4, 5, 6])},
    )  # fmt: skip
    layout = packing.Packed(width=6, first_position=2, blocks=Blocks(causal=False, additive=False))
    batch = layout(examples, np.asarray([40, 41, 42, 43]), 0)
    assert batch.inputs["input_ids"].tolist() == [[7, 8, 9, 10, 5, 6], [12, 13, 14, 11, 0, 0]]
    assert batch.inputs["position_ids"].tolist() == [[2, 3, 4, 5, 2, 3], [2, 3, 4, 2, 2, 2]]
    assert batch.inputs["attention_mask"].tolist() == [[2, 2, 2, 2, 1, 1], [4, 4, 4, 3, 0, 0]]
    assert batch.inputs["firsts"].tolist() == [4, 0, 9, 6]
    assert batch.labels["label"].tolist() == [3, 4, 5, 6]
    assert batch.labels["labels"].tolist() == [[2, 2, 2, 2, 1, IGNORED], [0, 1, 2, IGNORED, IGNORED, IGNORED]]
    assert batch.counts == {"labels": 8, "label": 4}
    assert (batch.samples, batch.tokens, batch.rows.tolist()) == (4, 10, [40, 41, 42, 43])
    mask = batch.to(CPU).inputs["attention_mask"]
    assert mask.shape == (2, 1, 6, 6)
    assert mask[0, 0, 0].tolist() == [True] * 4 + [False] * 2
    assert mask[1, 0, 5].tolist() == [False] * 4 + [True] * 2


def test_the_mask_of_pairs() -> None:
    sequences = torch.tensor([[1, 1, 2, 0]])
    seen = Blocks(causal=True, additive=False).mask(sequences)[0, 0]
    assert seen.tolist() == [
        [True, False, False, False], [True, True, False, False], [False, False, True, False],
        [False, False, False, True],
    ]  # fmt: skip
    added = Blocks(causal=True, additive=True).mask(sequences)[0, 0]
    assert torch.equal(added == 0, seen)
    assert set(added[~seen].tolist()) == {torch.finfo(torch.float32).min}


lengths_of = st.lists(st.integers(1, 20), min_size=1, max_size=40).map(lambda found: np.asarray(found, dtype=np.int64))


@settings(deadline=None)
@given(lengths=lengths_of, extra=st.integers(0, 20))
def test_first_fit_overfills_no_row_and_leaves_no_overlap(lengths: Longs, extra: int) -> None:
    width = int(lengths.max()) + extra
    row, begin = packing.first_fit(lengths, width)
    taken = [(r, p) for r, b, n in zip(row, begin, lengths, strict=True) for p in range(b, b + n)]
    assert len(taken) == len(set(taken))
    assert max(p for _, p in taken) < width
    fewest = -(-int(lengths.sum()) // width)
    assert set(row.tolist()) == set(range(int(row.max()) + 1))
    assert fewest <= int(row.max()) + 1 <= 11 / 9 * len(lengths) + 6 / 9
    fills = np.bincount(row, weights=lengths)
    assert sorted(fills)[0] + min(sorted(fills)[1:], default=width + 1) > width or len(fills) == 1


def test_first_fit_decreasing_by_hand() -> None:
    row, begin = packing.first_fit(np.asarray([4, 8, 1, 4, 2, 1]), 10)
    assert row.tolist() == [1, 0, 1, 1, 0, 1]
    assert begin.tolist() == [0, 0, 8, 4, 8, 9]


@pytest.mark.parametrize(
    ("family", "name", "says"),
    [
        ("t5", "sequence-classification", "t5 is not known to keep sequences apart"),
        ("bart", "token-classification", "bart"),
        ("bloom", "causal-lm", "bloom"),
        ("gpt2", "sequence-classification", "looks at the last token"),
        ("bert", "question-answering", "as a whole"),
        ("bert", "bert-pretraining", "as a whole"),
        ("t5", "seq2seq-lm", "as a whole"),
    ],
)
def test_what_cannot_be_packed_is_refused(family: str, name: str, says: str) -> None:
    task = task_of(name)
    tiny = Model.model_validate({"family": family, "layers": 1, "hidden": 16, "heads": 2, "vocab": ROOM})
    with torch.device("meta"):
        if name == "token-classification" and family == "bart":
            model = models.build(models.configuration(tiny, 0.0, 3), "AutoModelForSequenceClassification", "auto")
        else:
            model = models.build(models.configuration(tiny, 0.0, 3), task.head, "auto")
    with pytest.raises(UnsupportedError, match=says) as caught:
        packing.fitted(model, task)
    assert caught.value.key == "data.batching"


def test_a_packed_training_has_the_losses_of_a_padded_one() -> None:
    packed = losses(scenario(data={"batching": "pack", "sequence_length": 24}))
    np.testing.assert_allclose(packed, losses(scenario()), rtol=2e-3)


def test_packing_takes_fewer_rows_and_keeps_what_is_counted() -> None:
    plain, packed = (
        next(loop_of(scenario(data={"batching": b, "sequence_length": 24}))[0].parts.batches) for b in ("pad", "pack")
    )
    assert plain[0].inputs["input_ids"].shape[0] == 8
    assert packed[0].inputs["input_ids"].shape[0] < 8
    assert (packed[0].samples, packed[0].tokens, packed[0].counts) == (8, plain[0].tokens, plain[0].counts)
    assert packed[0].rows.tolist() == plain[0].rows.tolist()


def test_a_packed_classifier_is_the_model_that_it_was() -> None:
    task = task_of("sequence-classification")
    model = model_of("bert", task)
    names = list(model.state_dict())
    fitted = packing.fitted(model, task)
    assert list(fitted.state_dict()) == names
    copied = copy.deepcopy(fitted)
    rows = prepared().validation
    batch = padded(rows, np.arange(len(rows), dtype=np.int64), 0)
    torch.testing.assert_close(copied(**batch.inputs).logits, model(**batch.inputs).logits)
