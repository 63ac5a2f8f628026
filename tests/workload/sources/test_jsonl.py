"""Objects a line: texts, words, numbers and nested fields; what is none is refused with its line."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchbench.errors import ScenarioError
from benchbench.scenario.types import Data
from benchbench.workload.costs import Costs
from benchbench.workload.sources.jsonl import PLUGIN


def read(tmp_path: Path, text: str, roles: Sequence[str] = ("text", "label"), **fields: object) -> dict[str, object]:
    file = tmp_path / "rows.jsonl"
    file.write_text(text, encoding="utf-8")
    data = Data.model_validate({"source": "jsonl", "path": str(file), **fields})
    ((_, rows),) = PLUGIN.shards(data, roles, Costs())
    return dict(rows.columns)


def test_texts_words_numbers_and_blank_lines(tmp_path: Path) -> None:
    text = '{"text": "größe", "label": 1}\n\n{"label": true, "text": "b", "more": {}}\n{"text": "c", "label": 1.5}\n'
    assert read(tmp_path, text) == {"text": ("größe", "b", "c"), "label": ("1", "true", "1.5")}
    words = read(tmp_path, '{"text": ["a", "b"], "label": ["X", 2]}\n')
    assert words == {"text": (["a", "b"],), "label": (["X", "2"],)}


def test_a_column_reaches_into_an_object(tmp_path: Path) -> None:
    text = '{"translation": {"en": "one", "de": "eins"}, "a.b": "c"}\n'
    mapped = {"source_column": "translation.en", "target_column": "translation.de"}
    assert read(tmp_path, text, ("source", "target"), **mapped) == {"source": ("one",), "target": ("eins",)}
    assert read(tmp_path, text, ("text",), text_column="a.b") == {"text": ("c",)}


def test_of_several_answers_the_first_counts_and_none_is_no_answer(tmp_path: Path) -> None:
    text = "".join(f'{{"question": "q", "context": "c", "answers": {{"text": {t}}}}}\n' for t in ('["x", "y"]', "[]"))
    text += '{"question": "q", "context": "c", "answers": {"text": null}}\n'
    found = read(tmp_path, text, ("question", "context", "answer"), answer_column="answers.text")
    assert found["answer"] == ("x", "", "")


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        ('{"text": "a", "label": "b"}\n{"text": "a"}\n', "data.label_column", "line 2: there is no column 'label'"),
        ('{"text": "a", "label": "b"}\n{"text": \n', "data.path", "line 2: this is no JSON"),
        ('[{"text": "a"}]\n', "data.path", "line 1: this is a list; a row is one object"),
        ('{"text": null, "label": "b"}\n', "data.path", "line 1: the text is empty"),
        ('{"text": "a", "label": ""}\n', "data.path", "line 1: the label is empty"),
        ('{"text": [], "label": "b"}\n', "data.path", "line 1: the text is empty"),
        ('{"text": ["a", ""], "label": ["b", "b"]}\n', "data.path", "line 1: the text is empty, or a word of it"),
        ('{"text": {"a": 1}, "label": "b"}\n', "data.path", "line 1: the text is a dict; expected a text or a list"),
        ('{"text": "a", "label": "b"}\n{"text": "a", "label": NaN}\n', "data.path", "line 2: the label is empty"),
        ('{"text": ["a", "b"], "label": ["b", NaN]}\n', "data.path", "line 1: the label is empty, or a word of it"),
        ("\n\n", "data.path", "the file holds no rows"),
    ],
)
def test_what_is_no_row_is_named(tmp_path: Path, text: str, key: str, says: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        read(tmp_path, text)
    assert caught.value.key == key
    assert says in caught.value.message
    assert "rows.jsonl" in caught.value.message
