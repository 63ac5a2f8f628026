"""Sequence to sequence: what the decoder reads, transformers' own loss over 20 steps, and texts that are written."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchbench.scenario.scenario import Scenario
from benchbench.scenario.types import Model
from benchbench.training.assembly import assemble
from benchbench.training.procedures import time_to_target
from benchbench.workload import models
from benchbench.workload.batches import held_out
from benchbench.workload.costs import Costs
from benchbench.workload.examples import IGNORED, Examples
from benchbench.workload.preparing import Prepared
from benchbench.workload.rows import Rows
from benchbench.workload.task import Encoding
from benchbench.workload.tasks.seq2seq_lm import PLUGIN
from benchbench.workload.text_scores import TEXT_METRICS
from benchbench.workload.vocabulary import CLS_ID, PAD_ID, SEP_ID, Vocabulary
from tests.training.small import CPU, Recorder
from tests.workload.tasks.curves import byte_level, encoding_of, lists, measured, plain, sentences

SOURCES = sentences(60)
TARGETS = [" ".join(reversed(text.split()[: 1 + number % 9])) for number, text in enumerate(SOURCES)]
ROWS = Rows.of({"source": SOURCES, "target": TARGETS})
VOCABULARY = byte_level(SOURCES)
BEGINS = {"t5": PAD_ID, "bart": SEP_ID}


def rectangle(rows: list[list[int]], fill: int) -> torch.Tensor:
    width = max(map(len, rows))
    return torch.tensor([row + [fill] * (width - len(row)) for row in rows])


def transformers_loss(model: torch.nn.Module, rows: Examples) -> torch.Tensor:
    ids, labels = rectangle(lists(rows, "ids"), PAD_ID), rectangle(lists(rows, "labels"), IGNORED)
    loss: torch.Tensor = model(input_ids=ids, attention_mask=(ids != PAD_ID).long(), labels=labels).loss
    return loss


@pytest.mark.parametrize("family", BEGINS)
def test_the_loss_curve_is_that_of_a_plain_loop(family: str) -> None:
    curve = measured("seq2seq-lm", family, ROWS, encoding_of(replace(VOCABULARY, decoder_start=BEGINS[family])))
    assert len({len(row) for row in lists(curve.global_batch(0), "labels")}) > 1, "a mean of means would show"
    np.testing.assert_allclose(curve.losses, plain(curve, transformers_loss), rtol=2e-4)
    assert curve.losses[-1] < curve.losses[0]


def test_the_decoder_reads_the_target_one_place_later() -> None:
    rows = Rows.of({"source": ["the fox", "a"], "target": ["two trees", ""]})
    examples = PLUGIN.encode(rows, encoding_of(replace(VOCABULARY, decoder_start=7)))
    target = VOCABULARY.encode(["two trees"], special=False)[0].ids
    assert lists(examples, "labels") == [[*target, SEP_ID], [SEP_ID]]
    assert lists(examples, "decoder_ids") == [[7, *target], [7]]
    source = lists(examples, "ids")[0]
    assert (source[0], source[-1], VOCABULARY.decode(source)) == (CLS_ID, SEP_ID, "the fox")
    assert not examples.texts, "training rows need none"


def test_what_is_too_long_loses_its_end() -> None:
    rows = Rows.of({"source": ["fox " * 20], "target": ["wolf " * 20]})
    examples = PLUGIN.encode(rows, encoding_of(VOCABULARY, longest=6, held_out=True))
    assert examples.lengths.tolist() == [6]
    source, target = VOCABULARY.encode(["fox " * 20, "wolf " * 20], special=False)
    assert lists(examples, "ids") == [[CLS_ID, *source.ids[:4], SEP_ID]]
    assert lists(examples, "labels") == [[*target.ids[:5], SEP_ID]]
    assert examples.texts["target"] == ["wolf " * 20], "a written text is compared with the whole one"


def tiny(vocabulary: Vocabulary, family: str = "t5") -> torch.nn.Module:
    torch.manual_seed(0)
    wanted = Model(family=family, layers=1, hidden=16, heads=2, ffn=32, vocab=vocabulary.size)
    return models.build(models.configuration(wanted, 0.0, 2), PLUGIN.head, "auto").eval()


def test_the_scores_of_tokens_are_means_over_all_target_tokens() -> None:
    model, encoding = tiny(VOCABULARY), encoding_of(VOCABULARY, held_out=True)
    examples = PLUGIN.encode(ROWS, encoding)
    losses, hits = [], []
    with torch.inference_mode():
        scores = PLUGIN.score(model, replace(held_out(examples, encoding, CPU, 7), wanted=frozenset({"loss"})))
        for row in range(len(examples)):
            ids, labels = (torch.tensor([lists(examples, name)[row]]) for name in ("ids", "labels"))
            logits = model(input_ids=ids, labels=labels).logits[0]
            losses += (-logits.log_softmax(dim=1).gather(1, labels.T)[:, 0]).tolist()
            hits += (logits.argmax(dim=1) == labels[0]).tolist()
    assert scores["loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert scores["perplexity"] == pytest.approx(math.exp(np.mean(losses)), rel=1e-5)
    assert scores["accuracy"] == pytest.approx(np.mean(hits))
    assert set(scores) == {"accuracy", "loss", "perplexity"}, "no text was written"


@pytest.mark.parametrize("wanted", [None, frozenset({"bleu"}), frozenset({"loss", "rouge1"})])
def test_texts_are_written_where_one_of_their_metrics_is_wanted(wanted: frozenset[str] | None) -> None:
    encoding = encoding_of(VOCABULARY, held_out=True, longest=8)
    rows = replace(held_out(PLUGIN.encode(ROWS.take(np.arange(3)), encoding), encoding, CPU), wanted=wanted)
    with torch.inference_mode():
        assert set(PLUGIN.score(tiny(VOCABULARY), rows)) == set(PLUGIN.metrics)


HOW, WHO, DID = ("red", "old", "big"), ("fox", "wolf", "tree"), ("ran", "saw", "hid")
COPIED = [f"{how} {who} {did}" for how in HOW for who in WHO for did in DID]


def copying(**target: object) -> tuple[Scenario, Prepared, Encoding]:
    """Rows whose target is their source, all to be seen in training."""
    vocabulary = byte_level(COPIED, 290)
    encoding = encoding_of(vocabulary, longest=8)
    rows = Rows.of({"source": COPIED, "target": COPIED})
    held = PLUGIN.encode(rows, replace(encoding, held_out=True))
    wanted = Scenario.model_validate({
        "name": "copy", "task": "seq2seq-lm", "hardware": {"device": "cpu"}, "data": {"sequence_length": 8},
        "model": {"family": "t5", "layers": 1, "hidden": 32, "heads": 2, "ffn": 64, "vocab": vocabulary.size},
        "training": {
            "global_batch": 27, "max_steps": 200, "dropout": 0.0, "schedule": {"warmup_fraction": 0.05},
            "optimizer": {"name": "adamw", "learning_rate": 1e-2, "weight_decay": 0.0},
        },
        "measure": {"procedure": "time-to-target"}, "target": target,
    })  # fmt: skip
    prepared = Prepared(
        train=PLUGIN.encode(rows, encoding), validation=held, test=held, encoding=encoding, fingerprint="", licence="",
        costs=Costs(),
    )  # fmt: skip
    return wanted, prepared, replace(encoding, held_out=True)


def test_a_tiny_model_learns_to_copy() -> None:
    wanted, prepared, encoding = copying(metric="exact_match", at_least=0.9, eval_every=20)
    events = Recorder()
    loop = assemble(wanted, prepared, CPU, events)
    final = time_to_target(loop, wanted, events, held_out(prepared.validation, encoding, CPU), math.inf)
    assert final["exact_match"] >= 0.9
    assert final["bleu"] > 80
    assert events.of("eval")[0]["metrics"]["exact_match"] < 0.9
    assert set(final) == set(PLUGIN.metrics)


def test_texts_are_written_at_the_end_if_the_target_does_not_look_at_them() -> None:
    wanted, prepared, encoding = copying(metric="loss", at_most=0.01, eval_every=5)
    wanted = wanted.model_copy(update={"training": wanted.training.model_copy(update={"max_steps": 10})})
    events = Recorder()
    loop = assemble(wanted, prepared, CPU, events)
    final = time_to_target(loop, wanted, events, held_out(prepared.validation, encoding, CPU), math.inf)
    assert [set(line["metrics"]) for line in events.of("eval")] == [{"accuracy", "loss", "perplexity"}] * 2
    assert set(final) == set(PLUGIN.metrics) > set(TEXT_METRICS)
    assert final["loss"] == events.of("eval")[-1]["metrics"]["loss"]
