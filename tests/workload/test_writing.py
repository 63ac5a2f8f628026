"""Texts that a model writes, against a greedy search by hand: one row at a time, no cache, no padding."""

from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch

from benchbench.scenario.types import Model
from benchbench.workload import models
from benchbench.workload.batches import held_out
from benchbench.workload.rows import Rows
from benchbench.workload.task import HeldOut
from benchbench.workload.tasks.seq2seq_lm import PLUGIN
from benchbench.workload.vocabulary import PAD_ID, SEP_ID
from benchbench.workload.writing import sample, written
from tests.training.small import CPU
from tests.workload.tasks.curves import byte_level, encoding_of, lists, sentences

TEXTS = sentences(60)
VOCABULARY = byte_level(TEXTS)
LONGEST = 12
FAMILIES = {"t5": PAD_ID, "bart": SEP_ID}


def rows_of(family: str) -> HeldOut:
    vocabulary = replace(VOCABULARY, decoder_start=FAMILIES[family])
    encoding = encoding_of(vocabulary, longest=LONGEST, held_out=True)
    return held_out(PLUGIN.encode(Rows.of({"source": TEXTS, "target": TEXTS}), encoding), encoding, CPU)


def model_of(family: str) -> torch.nn.Module:
    """With weights large enough that rows differ in what is written for them."""
    torch.manual_seed(1)
    tiny = Model(family=family, layers=1, hidden=16, heads=2, ffn=32, vocab=VOCABULARY.size)
    model = models.build(models.configuration(tiny, 0.0, 2), PLUGIN.head, "eager").eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.5)
    return model


def by_hand(model: torch.nn.Module, ids: list[int], start: int) -> list[int]:
    found = [start]
    while len(found) <= LONGEST and (len(found) == 1 or found[-1] != SEP_ID):
        logits = model(input_ids=torch.tensor([ids]), decoder_input_ids=torch.tensor([found])).logits
        found.append(int(logits[0, -1].argmax()))
    return found


@pytest.mark.parametrize("family", FAMILIES)
def test_each_token_is_the_likeliest(family: str) -> None:
    rows, model = rows_of(family), model_of(family)
    chosen = np.asarray([40, 3, 17, 59], dtype=np.int64)
    ids = lists(rows.examples, "ids")
    with torch.inference_mode():
        hand = [VOCABULARY.decode(by_hand(model, ids[row], FAMILIES[family])) for row in chosen]
        assert written(model, rows, chosen) == hand
    assert len(set(hand)) > 1


def test_the_habits_that_a_pretrained_model_writes_with_are_left_aside() -> None:
    rows, model = rows_of("t5"), model_of("t5")
    chosen = sample(len(rows.examples))
    with torch.inference_mode():
        plain = written(model, rows, chosen)
        habits = cast(Any, model).generation_config
        habits.num_beams, habits.min_length, habits.no_repeat_ngram_size, habits.max_new_tokens = 3, 10, 1, 3
        assert written(model, rows, chosen) == plain
    assert cast(Any, model).generation_config is habits


def test_at_most_200_rows_are_written_for_spread_evenly() -> None:
    assert sample(0).tolist() == []
    assert sample(1).tolist() == [0]
    assert sample(7).tolist() == list(range(7))
    assert sample(200).tolist() == list(range(200))
    many = sample(10_000)
    assert (len(many), many[0], many[-1]) == (200, 0, 9_999)
    assert set(np.diff(many).tolist()) == {50, 51}
    assert written(model_of("t5"), rows_of("t5"), sample(0)) == []
