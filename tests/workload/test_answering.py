"""Answers read off logits: the best span over a row's windows, in the letters of the raw context."""

import math
from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from benchbench.workload.answering import answered
from benchbench.workload.batches import held_out
from benchbench.workload.rows import Rows
from benchbench.workload.task import HeldOut
from benchbench.workload.tasks.question_answering import PLUGIN
from tests.training.small import CPU
from tests.workload.tasks.curves import encoding_of, wordpiece

WORDS = "where is it? red fox old wolf near big tree Łódź größer, 東京 😀"
VOCABULARY = wordpiece([WORDS] * 4, 150)


class Pointing(torch.nn.Module):
    """Gives each word the same logits wherever it stands; others, and the padding, have -9.

    The first token has `none`, but in windows that hold the word `unless` it has -9 too.
    """

    def __init__(
        self, first: Mapping[str, float], last: Mapping[str, float], none: float = -9.0, unless: str = "[MASK]"
    ) -> None:
        super().__init__()
        tables = torch.full((2, VOCABULARY.size), -9.0)
        for table, logits in zip(tables, (first, last), strict=True):
            for word, logit in logits.items():
                [ids] = [found.ids for found in VOCABULARY.encode([word], special=False)]
                table[ids[0] if table is tables[0] else ids[-1]] = logit
        self._first, self._last, self._none = tables[0], tables[1], none
        self._unless = VOCABULARY.encode([unless], special=False)[0].ids[0]

    def forward(self, **inputs: torch.Tensor) -> SimpleNamespace:
        ids = inputs["input_ids"]
        first, last = self._first[ids], self._last[ids]
        held = (ids == self._unless).any(dim=1)
        first[:, 0] = last[:, 0] = torch.where(held, -9.0, self._none)
        return SimpleNamespace(start_logits=first, end_logits=last)


def rows_of(*rows: tuple[str, str], longest: int = 64, batch: int = 3) -> HeldOut:
    """Rows of a context and an answer."""
    contexts, answers = zip(*rows, strict=True)
    columns = {"question": ["where is it?"] * len(rows), "context": contexts, "answer": answers}
    encoding = encoding_of(VOCABULARY, longest=longest, held_out=True)
    return held_out(PLUGIN.encode(Rows.of(columns, first=5), encoding), encoding, CPU, batch)


def by_truth(found: HeldOut, model: torch.nn.Module) -> dict[str, str]:
    answers = answered(model, found)
    return dict(zip(answers.true, answers.found, strict=True))


def test_the_answer_is_cut_from_the_raw_text() -> None:
    rows = rows_of(("near ŁÓDŹ, 😀  the Größer,  東京 fox", "ŁÓDŹ, 😀  the Größer,  東京"), ("a red  FOX.", "red  FOX"))
    model = Pointing({"Łódź": 5.0, "red": 4.0}, {"京": 5.0, "fox": 4.0})
    assert by_truth(rows, model) == {
        "ŁÓDŹ, 😀  the Größer,  東京": "ŁÓDŹ, 😀  the Größer,  東京",
        "red  FOX": "red  FOX",
    }


def test_the_question_and_the_special_tokens_are_no_answers() -> None:
    model = Pointing({"where": 9.0, "[SEP]": 9.0, "red": 1.0}, {"it": 9.0, "[SEP]": 9.0, "fox": 1.0})
    assert by_truth(rows_of(("old red fox", "old")), model) == {"old": "red fox"}


def test_the_best_span_of_all_windows_counts() -> None:
    context = "red fox " + "near " * 30 + "old wolf " + "near " * 30 + "big tree"
    rows = rows_of((context, "old wolf"), ("near the tree", "tree"), longest=20, batch=2)
    assert len(rows.examples) > 5
    model = Pointing({"red": 2.0, "old": 3.0, "big": 2.5}, {"fox": 2.0, "wolf": 3.0, "tree": 2.5})
    assert by_truth(rows, model) == {"old wolf": "old wolf", "tree": "tree"}
    again = Pointing({"red": 2.0, "old": 1.0, "big": 2.5}, {"fox": 2.0, "wolf": 1.0, "tree": 2.5})
    assert by_truth(rows, again)["old wolf"] == "big tree"


def test_no_answer_is_a_choice_only_where_some_row_has_none() -> None:
    model = Pointing({"red": 2.0, "old": 4.0}, {"fox": 2.0, "wolf": 4.0}, none=3.0)
    assert by_truth(rows_of(("a red fox", "red fox")), model) == {"red fox": "red fox"}
    rows = rows_of(("a red fox", "fox"), ("an old wolf", "old wolf"), ("a tree", ""))
    assert by_truth(rows, model) == {"fox": "", "old wolf": "old wolf", "": ""}


def test_no_answer_must_win_in_every_window() -> None:
    context = "near " * 30 + "old wolf"
    rows = rows_of((context, "old wolf"), ("a tree", ""), longest=20)
    assert by_truth(rows, Pointing({"old": 4.0}, {"wolf": 4.0}, none=3.0)) == {"old wolf": "old wolf", "": ""}
    assert by_truth(rows, Pointing({"old": 4.0}, {"wolf": 4.0}, none=5.0)) == {"old wolf": "", "": ""}
    unsure_once = Pointing({"old": 4.0}, {"wolf": 4.0}, none=5.0, unless="wolf")
    assert by_truth(rows, unsure_once) == {"old wolf": "old wolf", "": ""}


def test_the_loss_is_the_mean_over_the_windows() -> None:
    rows = rows_of(("red fox " + "near " * 30, "red fox"), ("old tree", "tree"), longest=20, batch=2)
    model = Pointing({"red": 2.0, "old": 3.0}, {"fox": 2.0, "tree": 3.0})
    losses = []
    for row in range(len(rows.examples)):
        ids = torch.from_numpy(rows.examples.columns["ids"][row].astype(np.int64))[None]
        output = model(input_ids=ids)
        for logits, label in ((output.start_logits, "start"), (output.end_logits, "end")):
            losses.append(-float(logits[0].log_softmax(0)[int(rows.examples.scalars[label][row])]))
    assert len(losses) > 8
    assert answered(model, rows).loss == pytest.approx(sum(losses) / len(losses))


def test_no_rows_have_no_loss() -> None:
    whole = rows_of(("a red fox", "fox"))
    none = held_out(whole.examples.take(np.empty(0, dtype=np.int64)), whole.encoding, CPU)
    found = answered(Pointing({}, {}), none)
    assert (found.true, found.found) == ([], [])
    assert math.isnan(found.loss)
