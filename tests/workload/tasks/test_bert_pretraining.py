"""BERT's pretraining: pairs of a corpus, both losses, transformers' own loss over 20 steps."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchbench.errors import ScenarioError, UnsupportedError
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.types import Model
from benchbench.training.assembly import load_data
from benchbench.training.checking import problems
from benchbench.workload import models
from benchbench.workload.batches import held_out
from benchbench.workload.examples import IGNORED, Examples
from benchbench.workload.rows import Rows
from benchbench.workload.tasks.bert_pretraining import PLUGIN
from benchbench.workload.vocabulary import CLS_ID, MASK_ID, SEP_ID
from tests.training.small import CPU
from tests.workload.tasks.curves import collated, encoding_of, lists, measured, plain, sentences, wordpiece

TEXTS = sentences(120)
ROWS = Rows.of({"text": TEXTS, "document": [str(number // 10) for number in range(120)]})
VOCABULARY = wordpiece(TEXTS)


def transformers_loss(model: torch.nn.Module, rows: Examples) -> torch.Tensor:
    batch = collated(rows, {"ids": 0, "type_ids": 0, "labels": IGNORED})
    loss: torch.Tensor = model(
        input_ids=batch["ids"], attention_mask=batch["mask"], token_type_ids=batch["type_ids"],
        labels=batch["labels"], next_sentence_label=torch.from_numpy(rows.scalars["not_next"]),
    ).loss  # fmt: skip
    return loss


def tiny(family: str) -> torch.nn.Module:
    wanted = Model(family=family, layers=1, hidden=16, heads=2, ffn=32, vocab=VOCABULARY.size)
    torch.manual_seed(0)
    return models.build(models.configuration(wanted, 0.0, 2), PLUGIN.head, "auto").eval()


def test_the_loss_curve_is_that_of_a_plain_loop() -> None:
    curve = measured("bert-pretraining", "bert", ROWS, encoding_of(VOCABULARY))
    np.testing.assert_allclose(curve.losses, plain(curve, transformers_loss), rtol=2e-4)


def test_a_row_is_two_segments_with_types_of_their_own() -> None:
    examples = PLUGIN.encode(ROWS, encoding_of(VOCABULARY))
    assert len(examples) > 20
    for ids, types in zip(lists(examples, "ids"), lists(examples, "type_ids"), strict=True):
        assert ids[0] == CLS_ID
        assert ids.count(SEP_ID) == 2
        assert ids[-1] == SEP_ID
        first = ids.index(SEP_ID) + 1
        assert types == [0] * first + [1] * (len(ids) - first)
        assert 5 <= len(ids) <= 32


def test_half_of_the_rows_are_of_two_documents() -> None:
    rows = Rows.of({"text": sentences(4000, 1), "document": [str(number // 20) for number in range(4000)]})
    not_next = PLUGIN.encode(rows, encoding_of(VOCABULARY)).scalars["not_next"]
    assert set(not_next.tolist()) == {0, 1}
    assert abs(not_next.mean() - 0.5) < 4 * 0.5 / len(not_next) ** 0.5


def test_a_model_without_token_types_is_given_none() -> None:
    examples = PLUGIN.encode(ROWS, encoding_of(replace(VOCABULARY, pairs=False)))
    assert set(examples.columns) == {"ids"}


def scenario(family: str) -> Scenario:
    return Scenario.model_validate({
        "name": "pairs", "task": "bert-pretraining", "data": {"source": "synthetic", "sequence_length": 16},
        "model": {"family": family, "layers": 1, "hidden": 16, "heads": 2, "ffn": 32, "vocab": 200},
        "hardware": {"device": "cpu"},
    })  # fmt: skip


def test_the_family_says_whether_there_are_token_types() -> None:
    assert "type_ids" in load_data(scenario("bert")).train.columns
    assert "type_ids" not in load_data(scenario("distilbert")).train.columns


def test_the_head_is_looked_at_before_anything_runs() -> None:
    fine, without = problems([scenario("bert"), scenario("distilbert")])
    assert fine is None
    assert without is not None
    assert "no head for the next sentence" in without["message"]


def test_the_pairs_are_the_same_each_time_and_the_masks_of_training_rows_are_not() -> None:
    encoding = encoding_of(VOCABULARY)
    train, again = PLUGIN.encode(ROWS, encoding), PLUGIN.encode(ROWS, encoding)
    assert lists(train, "ids") == lists(again, "ids")
    assert MASK_ID not in train.columns["ids"].values
    first, second = (PLUGIN.afresh(train, encoding, np.random.default_rng(s)) for s in (1, 2))
    assert lists(first, "labels") != lists(second, "labels")
    assert lists(first, "type_ids") == lists(train, "type_ids")
    held = encoding_of(VOCABULARY, held_out=True)
    assert lists(PLUGIN.encode(ROWS, held), "labels") == lists(PLUGIN.encode(ROWS, held), "labels")


def test_the_scores_are_means_over_tokens_and_over_pairs() -> None:
    model = tiny("bert")
    held = encoding_of(VOCABULARY, held_out=True)
    examples = PLUGIN.encode(ROWS, held)
    losses, hits, next_losses, next_hits = [], [], [], []
    with torch.inference_mode():
        scores = PLUGIN.score(model, held_out(examples, held, CPU, 7))
        columns = (lists(examples, name) for name in ("ids", "type_ids", "labels"))
        for ids, types, labels, answer in zip(*columns, examples.scalars["not_next"].tolist(), strict=True):
            found = model(input_ids=torch.tensor([ids]), token_type_ids=torch.tensor([types]))
            logits, pair = found.prediction_logits[0].double(), found.seq_relationship_logits[0].double()
            for place, label in enumerate(labels):
                if label != IGNORED:
                    losses.append(-torch.log_softmax(logits[place], dim=0)[label].item())
                    hits.append(int(logits[place].argmax()) == label)
            next_losses.append(-torch.log_softmax(pair, dim=0)[answer].item())
            next_hits.append(int(pair.argmax()) == answer)
    assert scores["loss"] == pytest.approx(np.mean(losses) + np.mean(next_losses), rel=1e-5)
    assert scores["perplexity"] == pytest.approx(math.exp(np.mean(losses)), rel=1e-4)
    assert scores["accuracy"] == pytest.approx(np.mean(hits))
    assert scores["nsp_accuracy"] == pytest.approx(np.mean(next_hits))


@pytest.mark.parametrize(
    ("rows", "longest", "key", "message"),
    [
        (Rows.of({"text": ["A fox. A wolf. Ran."]}), 32, "data.source", "hold 1 document, .* blank lines"),
        (Rows.of({"text": ["a fox", "a wolf"], "document": ["x", "x"]}), 32, "data.source", "hold 1 document,"),
        (Rows.of({"text": ["", " "]}), 32, "data.source", "hold 0 documents"),
        (Rows.of({"text": ["a fox", "a wolf", "ran"]}), 32, "data.source", "no document .* has two sentences"),
        (ROWS, 4, "data.sequence_length", "takes 5 tokens"),
    ],
)
def test_too_little_to_make_pairs_of(rows: Rows, longest: int, key: str, message: str) -> None:
    with pytest.raises(ScenarioError, match=message) as caught:
        PLUGIN.encode(rows, encoding_of(VOCABULARY, longest=longest))
    assert caught.value.key == key


def test_held_out_rows_are_named_as_such() -> None:
    with pytest.raises(ScenarioError, match="the 1 held-out rows hold 1 document"):
        PLUGIN.encode(Rows.of({"text": ["A fox. A wolf."]}), encoding_of(VOCABULARY, held_out=True))


def test_no_row_no_example() -> None:
    assert len(PLUGIN.encode(Rows.of({"text": []}), encoding_of(VOCABULARY, held_out=True))) == 0


@pytest.mark.parametrize("family", ["roberta", "distilbert", "electra"])
def test_a_family_without_the_head_is_refused(family: str) -> None:
    with pytest.raises(UnsupportedError, match="no head for the next sentence") as caught:
        PLUGIN.check_model(tiny(family))
    assert caught.value.key == "model.family"


@pytest.mark.parametrize("family", ["bert", "ernie", "megatron-bert"])
def test_families_with_the_head_are_taken(family: str) -> None:
    PLUGIN.check_model(tiny(family))
