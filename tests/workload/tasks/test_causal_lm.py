"""Causal language modelling: documents as pieces, labels one ahead, transformers' own loss over 20 steps."""

import math
from itertools import chain
from typing import Any

import numpy as np
import pytest
import torch

from benchbench.errors import UnsupportedError
from benchbench.scenario.types import Model
from benchbench.workload import models
from benchbench.workload.batches import held_out
from benchbench.workload.examples import IGNORED, Examples
from benchbench.workload.rows import Rows
from benchbench.workload.tasks.causal_lm import PLUGIN
from benchbench.workload.vocabulary import CLS_ID, SEP_ID
from tests.training.small import CPU
from tests.workload.tasks.curves import byte_level, collated, encoding_of, lists, measured, plain, sentences, wordpiece

TEXTS = sentences(60)
ROWS = Rows.of({"text": TEXTS})
VOCABULARY = byte_level(TEXTS)


def tiny(family: str, **settings: Any) -> torch.nn.Module:
    wanted = Model(family=family, layers=1, hidden=16, heads=2, ffn=32, vocab=VOCABULARY.size)
    torch.manual_seed(0)
    config = models.configuration(wanted, 0.0, 2)
    config.update(settings)
    return models.build(config, PLUGIN.head, "auto").eval()


def transformers_loss(model: torch.nn.Module, rows: Examples) -> torch.Tensor:
    """transformers shifts the labels itself, so they are moved back, over one more position."""
    batch = collated(rows, {"ids": 0, "labels": IGNORED})
    ids, mask = (torch.nn.functional.pad(batch[name], (0, 1)) for name in ("ids", "mask"))
    labels = torch.nn.functional.pad(batch["labels"], (1, 0), value=IGNORED)
    loss: torch.Tensor = model(input_ids=ids, attention_mask=mask, labels=labels).loss
    return loss


@pytest.mark.parametrize("family", ["gpt2", "llama", "qwen2"])
def test_the_loss_curve_is_that_of_a_plain_loop(family: str) -> None:
    curve = measured("causal-lm", family, ROWS, encoding_of(VOCABULARY))
    assert len({len(row) for row in lists(curve.global_batch(0), "labels")}) > 1, "a mean of means would show"
    np.testing.assert_allclose(curve.losses, plain(curve, transformers_loss), rtol=2e-4)
    assert curve.losses[-1] < curve.losses[0] - 0.1


def test_every_token_but_the_first_is_predicted_once_across_the_borders_of_pieces() -> None:
    text = "the small red fox saw a wolf\n and ran"
    examples = PLUGIN.encode(Rows.of({"text": [text]}), encoding_of(VOCABULARY, longest=8))
    ids, labels = lists(examples, "ids"), lists(examples, "labels")
    assert [len(row) for row in ids] == [len(row) for row in labels]
    assert {len(row) for row in ids[:-1]} == {8}
    read, predicted = (list(chain.from_iterable(rows)) for rows in (ids, labels))
    assert read[0] == CLS_ID
    assert predicted[-1] == SEP_ID
    assert read[1:] == predicted[:-1]
    assert VOCABULARY.decode(predicted) == text


def test_the_rows_of_a_document_are_joined_by_line_ends_and_documents_are_kept_apart() -> None:
    rows = Rows.of({"text": ["a fox", "ran", "a wolf"], "document": ["x", "x", "y"]})
    examples = PLUGIN.encode(rows, encoding_of(VOCABULARY))
    assert [VOCABULARY.decode(row) for row in lists(examples, "labels")] == ["a fox\nran", "a wolf"]
    assert [row[0] for row in lists(examples, "ids")] == [CLS_ID, CLS_ID]


def test_empty_documents_give_no_example() -> None:
    rows = Rows.of({"text": ["", "fox", ""]})
    assert len(PLUGIN.encode(rows, encoding_of(VOCABULARY))) == 1
    assert len(PLUGIN.encode(Rows.of({"text": []}), encoding_of(VOCABULARY, held_out=True))) == 0


def test_the_scores_are_means_over_all_tokens_and_bits_over_all_bytes() -> None:
    texts = ["a fox, naïve", "狐狸 ran", "the end " * 20]
    rows = Rows.of({"text": texts, "document": ["x", "x", "y"]})
    held = encoding_of(VOCABULARY, held_out=True)
    examples = PLUGIN.encode(rows, held)
    model = tiny("gpt2")
    losses, hits = [], []
    with torch.inference_mode():
        scores = PLUGIN.score(model, held_out(examples, held, CPU, 2))
        for ids, labels in zip(lists(examples, "ids"), lists(examples, "labels"), strict=True):
            logits = model(input_ids=torch.tensor([ids])).logits[0].double()
            losses += (-torch.log_softmax(logits, dim=1)[range(len(labels)), labels]).tolist()
            hits += (logits.argmax(dim=1) == torch.tensor(labels)).tolist()
    size_bytes = len("a fox, naïve\n狐狸 ran".encode()) + len(texts[2].encode())
    assert int(examples.scalars["bytes"].sum()) == size_bytes
    assert scores["loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert scores["perplexity"] == pytest.approx(math.exp(np.mean(losses)), rel=1e-4)
    assert scores["accuracy"] == pytest.approx(np.mean(hits))
    assert scores["bits_per_byte"] == pytest.approx(np.sum(losses) / math.log(2) / size_bytes, rel=1e-5)


def test_bytes_are_those_of_the_piece_that_predicts_them() -> None:
    held = encoding_of(VOCABULARY, longest=4, held_out=True)
    examples = PLUGIN.encode(Rows.of({"text": ["the fox ran over two hills"]}), held)
    texts = [VOCABULARY.decode(row) for row in lists(examples, "labels")]
    assert examples.scalars["bytes"].tolist() == [len(text) for text in texts]


def test_bytes_that_a_vocabulary_drops_count_too() -> None:
    words = wordpiece(TEXTS)
    examples = PLUGIN.encode(Rows.of({"text": ["the   fox"]}), encoding_of(words, held_out=True))
    assert examples.scalars["bytes"].tolist() == [9]


def test_a_model_learns_what_follows_and_cannot_copy_it() -> None:
    """Random tokens cannot be predicted: a model that saw the next one would."""
    generator = np.random.default_rng(0)
    texts = [" ".join(generator.choice(TEXTS[0].split() + TEXTS[1].split(), size=12)) for _ in range(40)]
    curve = measured("causal-lm", "gpt2", Rows.of({"text": texts}), encoding_of(VOCABULARY), micro_batch=8)
    model = curve.model.eval()
    ids = torch.tensor([lists(curve.examples, "ids")[0]])
    with torch.inference_mode():
        whole, cut = model(input_ids=ids).logits, model(input_ids=ids[:, :5]).logits
    torch.testing.assert_close(whole[:, :5], cut)


@pytest.mark.parametrize("family", ["bert", "roberta", "electra"])
def test_a_family_that_attends_both_ways_is_refused(family: str, capfd: pytest.CaptureFixture[str]) -> None:
    model = tiny(family)
    capfd.readouterr()
    with pytest.raises(UnsupportedError, match=f"{family} attends to the tokens that follow"):
        PLUGIN.check_model(model)


@pytest.mark.parametrize("family", ["gpt2", "llama", "qwen2", "gpt_neox", "opt", "bart"])
def test_decoders_are_taken(family: str) -> None:
    PLUGIN.check_model(tiny(family))


def test_an_encoder_that_is_told_to_be_a_decoder_is_taken() -> None:
    PLUGIN.check_model(tiny("bert", is_decoder=True))
