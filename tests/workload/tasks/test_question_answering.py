"""Extractive question answering: labels, transformers' own loss over 20 steps, and a small model that learns."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchbench.errors import ScenarioError
from benchbench.scenario.types import Model
from benchbench.workload import models
from benchbench.workload.batches import held_out, padded
from benchbench.workload.examples import IGNORED, Examples
from benchbench.workload.rows import Rows
from benchbench.workload.task import Objective
from benchbench.workload.tasks.question_answering import PLUGIN
from tests.training.small import CPU
from tests.workload.tasks.curves import encoding_of, lists, measured, plain, sentences, wordpiece

CONTEXTS = sentences(60)
ANSWERS = [" ".join(text.split()[number % 2 : 2]) * (number % 7 > 0) for number, text in enumerate(CONTEXTS)]
ROWS = Rows.of({"question": sentences(60, seed=1), "context": CONTEXTS, "answer": ANSWERS})
VOCABULARY = wordpiece(CONTEXTS)


def transformers_loss(model: torch.nn.Module, rows: Examples) -> torch.Tensor:
    """Of each row on its own, so that nothing is filled up; then the mean."""
    losses = []
    for row in range(len(rows)):
        inputs = {"input_ids": torch.tensor([lists(rows, "ids")[row]])}
        if "type_ids" in rows.columns:
            inputs["token_type_ids"] = torch.tensor([lists(rows, "type_ids")[row]])
        start, end = (torch.from_numpy(rows.scalars[name][row : row + 1]) for name in ("start", "end"))
        losses.append(model(**inputs, start_positions=start, end_positions=end).loss)
    return torch.stack(losses).mean()


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert", "gpt2", "t5"])
def test_the_loss_curve_is_that_of_a_plain_loop(family: str) -> None:
    vocabulary = replace(VOCABULARY, pairs=family == "bert")
    curve = measured("question-answering", family, ROWS, encoding_of(vocabulary))
    first = curve.global_batch(0)
    assert len(set(first.lengths.tolist())) > 1, "rows are filled up"
    assert 0 in first.scalars["start"], "some have no answer"
    np.testing.assert_allclose(curve.losses, plain(curve, transformers_loss), rtol=2e-4)
    assert curve.losses[-1] < curve.losses[0]


def test_the_labels_are_the_tokens_of_the_answer() -> None:
    rows = Rows.of({"question": ["fox ?"], "context": ["The red fox saw the old wolf"], "answer": ["old wolf"]})
    examples = PLUGIN.encode(rows, encoding_of(VOCABULARY))
    start, end = int(examples.scalars["start"][0]), int(examples.scalars["end"][0])
    ids = lists(examples, "ids")[0]
    assert VOCABULARY.decode(ids[start : end + 1]) == "old wolf"
    assert (examples.columns.keys(), examples.texts) == ({"ids", "type_ids"}, {})
    assert lists(examples, "type_ids")[0][start] == 1
    batch = padded(examples, np.arange(1), 0)
    assert batch.inputs["token_type_ids"].tolist() == lists(examples, "type_ids")
    assert batch.counts == {"start": 1, "end": 1}


def test_a_model_without_token_types_gets_none() -> None:
    examples = PLUGIN.encode(ROWS, encoding_of(replace(VOCABULARY, pairs=False)))
    assert set(padded(examples.take(np.arange(3)), np.arange(3), 0).inputs) == {"input_ids", "attention_mask"}


def test_windows_without_the_answer_point_at_the_first_token() -> None:
    context = "the " * 40 + "old wolf " + "the " * 40
    rows = Rows.of({"question": ["fox"] * 2, "context": [context] * 2, "answer": ["old wolf", ""]}, first=4)
    examples = PLUGIN.encode(rows, encoding_of(VOCABULARY, longest=24, held_out=True))
    of_first = examples.scalars["example"] == 4
    assert set(examples.scalars["example"].tolist()) == {4, 5}
    starts, ends = examples.scalars["start"], examples.scalars["end"]
    assert not starts[~of_first].any()
    assert 1 <= (starts[of_first] > 0).sum() < of_first.sum()
    for row in starts.nonzero()[0]:
        ids = lists(examples, "ids")[row]
        assert VOCABULARY.decode(ids[starts[row] : ends[row] + 1]) == "old wolf"
        begin, end = (lists(examples, name)[row] for name in ("begins", "ends"))
        assert context[begin[starts[row]] : end[ends[row]]] == "old wolf"
    assert not ends[starts == 0].any()
    assert examples.texts["answer"] == ["old wolf" if first else "" for first in of_first]


def test_where_an_answer_begins_can_be_said() -> None:
    columns = {"question": ["fox"], "context": ["wolf the wolf"], "answer": ["wolf"]}
    starts = [
        int(PLUGIN.encode(Rows.of({**columns, **more}), encoding_of(VOCABULARY)).scalars["start"][0])
        for more in ({}, {"answer_start": ["9"]})
    ]
    assert starts[1] == starts[0] + 2


def test_an_answer_that_is_not_in_its_context_is_refused() -> None:
    rows = Rows.of({"question": ["fox"] * 2, "context": ["the wolf"] * 2, "answer": ["wolf", "tree"]})
    with pytest.raises(ScenarioError, match="the answer of row 2, 'tree'"):
        PLUGIN.encode(rows, encoding_of(VOCABULARY))


def test_held_out_columns_are_filled_up_as_no_context() -> None:
    examples = PLUGIN.encode(ROWS, encoding_of(VOCABULARY, held_out=True))
    batch = padded(examples.take(np.arange(20)), np.arange(20), 0)
    filled = batch.inputs["attention_mask"] == 0
    assert filled.any()
    assert (batch.labels["begins"][filled] == IGNORED).all()


STEPS = 60
COLOURS, SIZES = ("red", "grey", "brown"), ("big", "small", "tall")
FACTS = [(c, s, f"The {' '.join(pair)} fox ran.") for c in COLOURS for s in SIZES for pair in ((c, s), (s, c))]


def test_a_tiny_model_learns_to_answer() -> None:
    rows = Rows.of({
        "question": ["What colour is it?"] * len(FACTS),
        "context": [context for *_, context in FACTS],
        "answer": [colour for colour, *_ in FACTS],
    })  # fmt: skip
    encoding = encoding_of(wordpiece([*rows.texts("question"), *rows.texts("context")]), held_out=True)
    torch.manual_seed(0)
    tiny = Model(family="bert", layers=1, hidden=32, heads=2, ffn=64, vocab=encoding.vocabulary.size)
    model = models.build(models.configuration(tiny, 0.0, 2), PLUGIN.head, "auto")
    examples = PLUGIN.encode(rows, encoding)
    found = held_out(examples, encoding, CPU)
    batch = padded(examples.take(np.arange(len(examples))), np.arange(len(examples)), 0)
    with torch.inference_mode():
        before = PLUGIN.score(model.eval(), found)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(STEPS):
        optimizer.zero_grad()
        sums = PLUGIN.loss_sums(model, batch, Objective())
        (torch.stack([*sums.values()]).sum() / len(examples)).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    with torch.inference_mode():
        after = PLUGIN.score(model.eval(), found)
    assert before["exact_match"] < 0.5
    assert after["exact_match"] > 0.95
    assert after["f1"] > 0.95
