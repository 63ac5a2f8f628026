"""`search.proxy`: what it may change, and how what it may not is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchbench.errors import ScenarioError
from benchbench.scenario.loading import load

TEXT = """name: a
model: {family: bert, size: tiny}
task: sequence-classification
target: {metric: accuracy, at_least: 0.9}
search:
  proxy: PROXY
  space:
    training.global_batch: [16, 32]
"""


def loaded(tmp_path: Path, proxy: str) -> Any:
    file = tmp_path / "a.yaml"
    file.write_text(TEXT.replace("PROXY", proxy))
    return load(file)[0]


def test_a_smaller_model_fewer_tokens_and_an_easier_target_are_taken(tmp_path: Path) -> None:
    written = "{model.layers: 1, data.sequence_length: 32, target.at_least: 0.8, training.max_steps: 10}"
    proxy = loaded(tmp_path, written).search.proxy
    assert dict(proxy) == {
        "model.layers": 1, "data.sequence_length": 32, "target.at_least": 0.8, "training.max_steps": 10,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("proxy", "key", "said"),
    [
        ("{model.layer: 1}", "model.layer", "did you mean"),
        ("{training.global_batch: 16}", "training.global_batch", "a key of search.space"),
        ("{target.metric: loss}", "target.metric", "does not change this"),
        ("{target.at_least: null, target.at_most: 1.0}", "target.at_least", "keeps the kind of the target"),
        ("{target.at_most: 1.0}", "", "at_least"),
        ("{measure.repeats: 1}", "measure.repeats", "does not change this"),
        ("{model: 1}", "model", "does not change this"),
        ("{model.layers: many}", "model.layers", "whole number"),
        ("{model.hidden: 30, model.heads: 4}", "", "not divisible"),
    ],
)
def test_what_it_may_not_is_refused_with_its_key_and_line(tmp_path: Path, proxy: str, key: str, said: str) -> None:
    with pytest.raises(ScenarioError) as refused:
        loaded(tmp_path, proxy)
    assert said in refused.value.message
    assert (refused.value.key or "").startswith(f"search.proxy.{key}" if key else "search.proxy")
    assert refused.value.line in (5, 6)


def test_the_command_line_sets_one_of_its_keys(tmp_path: Path) -> None:
    loaded(tmp_path, "{}")
    (scenario,) = load(tmp_path / "a.yaml", ["search.proxy.model.layers=2"])
    assert dict(scenario.search.proxy) == {"model.layers": 2}
