"""A legal scenario, in three forms, for every test of this folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchbench.scenario.loading import load
from benchbench.scenario.scenario import Scenario

TEXT = """\
# yaml-language-server: $schema=scenario.schema.json
schema: 1
name: a question
question: How fast?
model: {family: bert, size: tiny}
task: sequence-classification
data:
  source: unicode-names
  sequence_length: 64
training:
  global_batch: 32
  micro_batch: 8
  optimizer: {name: adamw, learning_rate: 5e-5}
precision: fp32
hardware: {memory_limit: 16GiB}
measure:
  procedure: time-to-target
  sample_interval: 100ms
target: {metric: accuracy, at_least: 0.85}
search:
  baseline: {precision: fp32}
  space:
    precision: [fp32, bf16]
    training.global_batch: [8, 16, 32]
    training.optimizer.learning_rate: {low: 1e-5, high: 1e-3, log: true}
"""

Write = Callable[[str | bytes], Path]


@pytest.fixture
def text() -> str:
    """A legal scenario file."""
    return TEXT


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes `x.yaml` in an empty folder."""

    def to_file(content: str | bytes) -> Path:
        path = tmp_path / "x.yaml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return to_file


@pytest.fixture
def scenario(text: str, write: Write) -> Scenario:
    """The scenario of `text`."""
    (loaded,) = load(write(text))
    return loaded
