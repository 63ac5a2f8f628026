"""Token classification: tags at first tokens, entities, transformers' own loss over 20 steps."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from benchbench.errors import ScenarioError
from benchbench.scenario.scenario import Scenario
from benchbench.training.assembly import load_data
from benchbench.training.checking import problems
from benchbench.workload.batches import held_out
from benchbench.workload.examples import IGNORED, Examples
from benchbench.workload.rows import Rows
from benchbench.workload.tasks.token_classification import PLUGIN
from tests.training.small import CPU
from tests.workload.tasks.curves import byte_level, collated, encoding_of, lists, measured, plain, sentences, wordpiece

TEXTS = sentences(60)
IOB2 = ("B-X", "I-X", "O")


def tags_of(text: str) -> str:
    """Colours and sizes begin an entity, the word behind goes on with it."""
    found: list[str] = []
    for word in text.split():
        found.append("B-X" if word in {"small", "red", "old", "big"} else "I-X" if found[-1:] == ["B-X"] else "O")
    return " ".join(found)


ROWS = Rows.of({"text": TEXTS, "label": [tags_of(text) for text in TEXTS]})
# Few entries, so that words have several tokens.
VOCABULARY = wordpiece(TEXTS, 60)


def transformers_loss(model: torch.nn.Module, rows: Examples) -> torch.Tensor:
    batch = collated(rows, {"ids": 0, "labels": IGNORED})
    loss: torch.Tensor = model(input_ids=batch["ids"], attention_mask=batch["mask"], labels=batch["labels"]).loss
    return loss


@pytest.mark.parametrize("family", ["bert", "distilbert", "roberta"])
def test_the_loss_curve_is_that_of_a_plain_loop(family: str) -> None:
    curve = measured("token-classification", family, ROWS, encoding_of(VOCABULARY, labels=IOB2))
    rows = curve.global_batch(0)
    assert len({int((rows.columns["labels"][row] != IGNORED).sum()) for row in range(8)}) > 1
    np.testing.assert_allclose(curve.losses, plain(curve, transformers_loss), rtol=2e-4)
    assert curve.losses[-1] < curve.losses[0] - 0.1


@pytest.mark.parametrize("as_lists", [False, True])
def test_a_words_tag_stands_at_its_first_token(as_lists: bool) -> None:
    words, tags = ["wolves", "old", "fox"], ["O", "B-X", "I-X"]
    rows = Rows.of(
        {"text": [words], "label": [tags]} if as_lists else {"text": [" ".join(words)], "label": [" ".join(tags)]}
    )
    examples = PLUGIN.encode(rows, encoding_of(VOCABULARY, labels=IOB2))
    (ids,), (labels,) = lists(examples, "ids"), lists(examples, "labels")
    tokens = [VOCABULARY.tokenizer.id_to_token(i) for i in ids]
    assert tokens[0] == "[CLS]"
    assert tokens[-1] == "[SEP]"
    assert any(token.startswith("##") for token in tokens)
    expected = iter(IOB2.index(tag) for tag in tags)
    assert labels == [
        IGNORED if token in {"[CLS]", "[SEP]"} or token.startswith("##") else next(expected) for token in tokens
    ]


def test_words_of_a_byte_level_vocabulary_are_those_of_the_running_text() -> None:
    vocabulary = byte_level(TEXTS)
    examples = PLUGIN.encode(ROWS, encoding_of(vocabulary, labels=IOB2, longest=512))
    assert lists(examples, "ids") == [found.ids for found in vocabulary.encode(TEXTS)]


def test_what_is_too_long_loses_its_end_with_its_tags() -> None:
    rows = Rows.of({"text": ["the fox " * 20], "label": ["O B-X " * 20]})
    examples = PLUGIN.encode(rows, encoding_of(VOCABULARY, labels=IOB2, longest=10))
    (ids,), (labels,) = lists(examples, "ids"), lists(examples, "labels")
    assert len(ids) == len(labels) == 10
    assert ids[-1] == VOCABULARY.end
    assert labels[-1] == IGNORED


@pytest.mark.parametrize(
    ("text", "label", "message"),
    [
        ("a fox ran", "O O", "row 8 has 3 words, but tags for 2"),
        (["a", "fox"], ["O", "O", "O"], "row 8 has 2 words, but tags for 3"),
        ("a fox", "O B-Y", "row 8 has the label 'B-Y', which no training row has"),
    ],
)
def test_tags_that_do_not_fit(text: str | list[str], label: str | list[str], message: str) -> None:
    rows = Rows.of({"text": ["fox", text], "label": ["O", label]}, first=6)
    with pytest.raises(ScenarioError, match=message) as caught:
        PLUGIN.encode(rows, encoding_of(VOCABULARY, labels=IOB2))
    assert caught.value.key == "data.label_column"


def test_the_classes_of_a_row_are_its_tags() -> None:
    assert list(PLUGIN.classes("O B-X O")) == ["O", "B-X", "O"]
    assert list(PLUGIN.classes(["O", "B-X"])) == ["O", "B-X"]


class Oracle(torch.nn.Module):
    """Says a fixed class for each token id."""

    def __init__(self, classes: dict[int, int], count: int) -> None:
        super().__init__()
        self.table = torch.zeros(120, count)
        for token, number in classes.items():
            self.table[token, number] = 4.0

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> object:
        return type("Output", (), {"logits": self.table[input_ids]})


def test_the_scores_of_predictions_that_are_known() -> None:
    vocabulary = wordpiece(TEXTS, 120)
    rows = Rows.of({"text": ["red fox saw", "old wolf"], "label": ["B-X I-X O", "B-X I-X"]})
    held = encoding_of(vocabulary, labels=IOB2, held_out=True)
    examples = PLUGIN.encode(rows, held)
    token = {word: vocabulary.tokenizer.token_to_id(word) for word in ("red", "fox", "saw", "old", "wolf")}
    # `wolf` is taken for the beginning of an entity: of 5 words 4 are right, of 2 entities 1.
    said = {token["red"]: 0, token["fox"]: 1, token["saw"]: 2, token["old"]: 0, token["wolf"]: 0}
    oracle = Oracle(said, 3)
    for size in (1, 2):
        scores = PLUGIN.score(oracle, held_out(examples, held, CPU, size))
        assert scores["accuracy"] == pytest.approx(4 / 5)
        assert scores["f1_B-X"] == pytest.approx(4 / 5)
        assert scores["f1_I-X"] == pytest.approx(2 / 3)
        assert scores["f1_O"] == 1.0
        assert scores["f1_macro"] == pytest.approx((4 / 5 + 2 / 3 + 1) / 3)
        assert scores["f1_entity"] == pytest.approx(2 * 1 / (2 + 3))
        right, wrong = np.log1p(2 * np.exp(-4)), np.log1p(2 * np.exp(-4)) + 4
        assert scores["loss"] == pytest.approx((4 * right + wrong) / 5)


def test_tags_that_mark_no_entities_have_no_f1_of_them() -> None:
    assert "f1_entity" in PLUGIN.metric_names(IOB2)
    assert PLUGIN.metric_names(("NOUN", "VERB")) == ("accuracy", "f1_macro", "loss", "f1_NOUN", "f1_VERB")


def test_the_f1_of_entities_may_be_a_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    file = tmp_path / "tagged.jsonl"
    file.write_text("".join(json.dumps({"text": text, "label": tags_of(text)}) + "\n" for text in TEXTS))

    def scenario(metric: str) -> Scenario:
        return Scenario.model_validate({
            "name": "tags", "task": "token-classification", "data": {"source": "jsonl", "path": str(file)},
            "model": {"family": "bert", "layers": 1, "hidden": 16, "heads": 2, "ffn": 32, "vocab": 200},
            "target": {"metric": metric, "at_least": 0.5, "eval_every": 5}, "hardware": {"device": "cpu"},
        })  # fmt: skip

    assert load_data(scenario("accuracy")).encoding.labels == IOB2
    assert problems([scenario("f1_entity"), scenario("f1_B-X")]) == [None, None]
    (problem,) = problems([scenario("f1_B-Y")])
    assert problem is not None
    assert "has no metric 'f1_B-Y'" in problem["message"]


def test_no_row_no_example() -> None:
    rows = Rows.of({"text": [], "label": []})
    assert len(PLUGIN.encode(rows, encoding_of(VOCABULARY, labels=IOB2, held_out=True))) == 0
