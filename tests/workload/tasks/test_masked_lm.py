"""Masked language modelling: pieces, dynamic masking, and transformers' own loss over 20 steps."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchbench.errors import UnsupportedError
from benchbench.scenario.types import Model
from benchbench.workload import models
from benchbench.workload.batches import held_out, padded
from benchbench.workload.examples import IGNORED, Examples
from benchbench.workload.rows import Rows
from benchbench.workload.tasks.masked_lm import PLUGIN
from benchbench.workload.vocabulary import CLS_ID, MASK_ID, SEP_ID, Vocabulary
from tests.training.small import CPU
from tests.workload.tasks.curves import collated, encoding_of, lists, measured, plain, sentences, wordpiece

TEXTS = sentences(60)
ROWS = Rows.of({"text": TEXTS})
VOCABULARY = wordpiece(TEXTS)


def transformers_loss(model: torch.nn.Module, rows: Examples) -> torch.Tensor:
    batch = collated(rows, {"ids": 0, "labels": IGNORED})
    loss: torch.Tensor = model(input_ids=batch["ids"], attention_mask=batch["mask"], labels=batch["labels"]).loss
    return loss


@pytest.mark.parametrize("family", ["bert", "roberta", "distilbert"])
def test_the_loss_curve_is_that_of_a_plain_loop(family: str) -> None:
    curve = measured("masked-lm", family, ROWS, encoding_of(VOCABULARY))
    counts = {int((values != IGNORED).sum()) for values in (column(curve.global_batch(0), r) for r in range(8))}
    assert len(counts) > 1, "rows differ in what is masked, so a mean of means would show"
    np.testing.assert_allclose(curve.losses, plain(curve, transformers_loss), rtol=2e-4)


def column(rows: Examples, row: int) -> np.ndarray:
    return rows.columns["labels"][row]


def test_a_long_text_is_cut_into_pieces_with_special_tokens_of_their_own() -> None:
    text = " ".join(["fox"] * 25)
    examples = PLUGIN.encode(Rows.of({"text": [text, "", "wolf"]}), encoding_of(VOCABULARY, longest=12))
    rows = lists(examples, "ids")
    assert [len(row) for row in rows] == [12, 12, 7, 3]
    assert all(row[0] == CLS_ID and row[-1] == SEP_ID for row in rows)
    assert [VOCABULARY.decode(row) for row in rows[:3]] == [" ".join(["fox"] * n) for n in (10, 10, 5)]


def test_training_rows_are_masked_anew_each_time_and_held_out_rows_once() -> None:
    train = PLUGIN.encode(ROWS, encoding_of(VOCABULARY))
    assert set(train.columns) == {"ids"}
    first, second = (PLUGIN.afresh(train, encoding_of(VOCABULARY), np.random.default_rng(s)) for s in (1, 2))
    assert lists(first, "labels") != lists(second, "labels")
    held = encoding_of(VOCABULARY, held_out=True)
    assert lists(PLUGIN.encode(ROWS, held), "ids") == lists(PLUGIN.encode(ROWS, held), "ids")
    assert MASK_ID in PLUGIN.encode(ROWS, held).columns["ids"].values


def test_the_scores_are_means_over_all_masked_tokens() -> None:
    tiny = Model(family="bert", layers=1, hidden=16, heads=2, ffn=32, vocab=VOCABULARY.size)
    torch.manual_seed(0)
    model = models.build(models.configuration(tiny, 0.0, 2), PLUGIN.head, "auto").eval()
    examples = PLUGIN.encode(ROWS, encoding_of(VOCABULARY, held_out=True))
    losses, hits = [], []
    with torch.inference_mode():
        scores = PLUGIN.score(model, held_out(examples, encoding_of(VOCABULARY), CPU, 7))
        for ids, labels in zip(lists(examples, "ids"), lists(examples, "labels"), strict=True):
            logits = model(input_ids=torch.tensor([ids])).logits[0].double()
            for place, label in enumerate(labels):
                if label != IGNORED:
                    losses.append(-torch.log_softmax(logits[place], dim=0)[label].item())
                    hits.append(int(logits[place].argmax()) == label)
    assert scores["loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert scores["perplexity"] == pytest.approx(math.exp(np.mean(losses)), rel=1e-4)
    assert scores["accuracy"] == pytest.approx(np.mean(hits))


def test_rows_without_a_masked_token_have_no_scores() -> None:
    tiny = Model(family="bert", layers=1, hidden=16, heads=2, ffn=32, vocab=VOCABULARY.size)
    model = models.build(models.configuration(tiny, 0.0, 2), PLUGIN.head, "auto").eval()
    examples = PLUGIN.encode(ROWS, encoding_of(VOCABULARY, held_out=True))
    bare = replace(examples, columns={**examples.columns, "labels": replace(
        examples.columns["labels"], values=np.full_like(examples.columns["labels"].values, IGNORED)
    )})  # fmt: skip
    with torch.inference_mode():
        scores = PLUGIN.score(model, held_out(bare, encoding_of(VOCABULARY), CPU))
    assert all(math.isnan(value) for value in scores.values())


def test_a_vocabulary_without_a_mask_is_refused() -> None:
    foreign = replace(VOCABULARY, mask=-1)
    with pytest.raises(UnsupportedError, match="no mask token"):
        PLUGIN.encode(ROWS, encoding_of(foreign))


def test_what_a_padded_batch_labels_is_what_was_masked() -> None:
    examples = PLUGIN.encode(ROWS, encoding_of(VOCABULARY, held_out=True))
    batch = padded(examples, np.arange(len(examples)), 0)
    assert batch.counts == {"labels": int((batch.labels["labels"] != IGNORED).sum())}
    assert set(batch.inputs) == {"input_ids", "attention_mask"}


def test_chinese_sentences_are_learned_by_their_characters() -> None:
    texts = ["我们今天去学校学习中文", "他们昨天在家里看书", "老师说明天有考试", "学生们都喜欢这本书"] * 8
    vocabulary = wordpiece(texts, 200)
    assert (
        vocabulary.unknown not in PLUGIN.encode(Rows.of({"text": texts}), encoding_of(vocabulary)).columns["ids"].values
    )
    losses = measured("masked-lm", "bert", Rows.of({"text": texts}), encoding_of(vocabulary)).losses
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.1


def test_no_row_no_example() -> None:
    assert len(PLUGIN.encode(Rows.of({"text": []}), encoding_of(VOCABULARY, held_out=True))) == 0


def test_a_vocabulary_is_needed_only_for_texts() -> None:
    bare = Vocabulary(tokenizer=None, size=50)
    ids = PLUGIN.encode(ROWS, encoding_of(VOCABULARY)).columns["ids"]
    assert set(PLUGIN.synthetic(ids, encoding_of(bare), np.random.default_rng(0)).columns) == {"ids"}
    assert "labels" in PLUGIN.synthetic(ids, encoding_of(VOCABULARY, held_out=True), np.random.default_rng(0)).columns
