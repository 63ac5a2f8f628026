"""Predicted peak memory beside the measured one, over a grid of small real runs (`python -m benchmarks.memory_model`).

Claim: the median error of the memory model (`benchbench.theory.memory`) is at most 10 %. Each cell of the grid trains a
few steps in a fresh process, as `benchbench run` does, on rows of one length; its peak is that of `run --json`, and is
predicted before the cell runs. Two numbers of the model, what the allocator's heap keeps, were chosen on an earlier
pass over 18 of these cells, drawn at random; of the others, 16 were then measured, with a median error of 5 %. As much
of a small run's peak is the process itself, the error is also given of what lies above that.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from benchbench.executors.base import Request
from benchbench.executors.kinds.child import ChildExecutor
from benchbench.executors.trainer_answers import shape_of
from benchbench.hardware.inventory import machine
from benchbench.record.store import write_atomic
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.theory.memory import expected_bytes, process_bytes
from benchbench.units import human
from benchmarks.pairs import RESULTS, ROOT

CLAIM = 0.10
_TIMEOUT_S = 600.0
# Models large enough that their tensors, not the process, take most of the memory.
_MODELS: Mapping[str, Mapping[str, Any]] = {
    "bert": {"family": "bert", "layers": 4, "hidden": 384, "heads": 6, "ffn": 1536, "vocab": 8000},
    "roberta": {"family": "roberta", "layers": 3, "hidden": 512, "heads": 8, "ffn": 2048, "vocab": 8000},
    "distilbert": {"family": "distilbert", "layers": 4, "hidden": 384, "heads": 6, "ffn": 1536, "vocab": 8000},
    "bert-wide": {"family": "bert", "layers": 4, "hidden": 1024, "heads": 16, "ffn": 4096, "vocab": 16_000},
    "gpt2": {"family": "gpt2", "layers": 4, "hidden": 384, "heads": 6, "vocab": 8000},
    "llama": {"family": "llama", "layers": 4, "hidden": 384, "heads": 6, "kv_heads": 3, "ffn": 1024, "vocab": 16_000},
    "qwen2": {"family": "qwen2", "layers": 4, "hidden": 384, "heads": 6, "kv_heads": 2, "ffn": 1536, "vocab": 32_000},
    "t5": {"family": "t5", "layers": 3, "hidden": 384, "heads": 6, "ffn": 1536, "vocab": 8000},
}
_TASKS = {"gpt2": "causal-lm", "llama": "causal-lm", "qwen2": "causal-lm", "t5": "seq2seq-lm"}
_BATCH, _MICRO = "training.global_batch", "training.micro_batch"
_WAY, _KERNEL, _RULE = "training.activation_checkpointing", "training.attention", "training.optimizer.name"


class Cell(NamedTuple):
    """One run of the grid: a model, its task, the tokens of each row, and what else is set."""

    model: str
    task: str
    tokens: int
    settings: Mapping[str, Any]


class Measured(NamedTuple):
    """What was predicted and what was measured, in bytes; `process_bytes` is the process without the model."""

    cell: Cell
    predicted_bytes: int
    measured_bytes: int
    process_bytes: int

    @property
    def error(self) -> float:
        """Of the whole peak, relative to what was measured."""
        return self.predicted_bytes / self.measured_bytes - 1

    @property
    def error_above(self) -> float:
        """Of what lies above the process itself."""
        above_bytes = self.measured_bytes - self.process_bytes
        return (self.predicted_bytes - self.measured_bytes) / max(1, above_bytes)


def grid() -> Iterator[Cell]:
    """The runs: every model alone, then one setting after another."""
    for model in _MODELS:
        task = _TASKS.get(model, "sequence-classification")
        for tokens, rows in ((32, 32), (128, 16)):
            yield Cell(model, task, tokens, {_BATCH: rows})
    large: dict[str, Any] = {_BATCH: 32}
    for rule in ("sgd", "momentum", "lamb", "lion", "adafactor", "muon"):
        yield Cell("bert-wide", "masked-lm", 32, {_BATCH: 4, _RULE: rule})
    for way in ("full", "selective"):
        yield Cell("bert", "sequence-classification", 128, {**large, _WAY: way})
        yield Cell("llama", "causal-lm", 128, {**large, _WAY: way})
    for kernel in ("eager", "sdpa"):
        yield Cell("bert", "sequence-classification", 256, {_BATCH: 16, _KERNEL: kernel})
    yield Cell("bert", "sequence-classification", 256, {_BATCH: 16, "training.dropout": 0.0})
    for model, task in (("bert", "masked-lm"), ("gpt2", "causal-lm"), ("llama", "causal-lm")):
        yield Cell(model, task, 64, {**large, "precision": "bf16"})
    yield Cell("bert", "masked-lm", 128, large)
    yield Cell("bert", "masked-lm", 128, {**large, _MICRO: 8})
    yield Cell("bert", "sequence-classification", 128, {_BATCH: 64})
    yield Cell("bert-wide", "sequence-classification", 64, {_BATCH: 16, "training.ema": 0.99})
    yield Cell("bert-wide", "sequence-classification", 64, {_BATCH: 16, "training.frozen_layers": 3})
    yield Cell("bert-wide", "sequence-classification", 64, {_BATCH: 16, "training.adapter": {"name": "lora"}})


def scenario_of(cell: Cell) -> Scenario:
    """A few steps of a cell, on one thread, with nothing that looks into them."""
    plain = Scenario.model_validate({
        "name": "memory", "model": _MODELS[cell.model], "task": cell.task,
        "data": {"source": "synthetic", "sequence_length": cell.tokens},
        "measure": {"warmup": 1, "steps": 2, "repeats": 1, "profile": False},
        "hardware": {"device": "cpu", "threads": 1},
    })  # fmt: skip
    settled = {_MICRO: cell.settings[_BATCH], **cell.settings}
    return vary(plain, settled)


def measure(cell: Cell) -> Measured | None:
    """Predicts a cell, then runs it; None where it cannot be told or did not end well."""
    scenario = scenario_of(cell)
    shape, size = shape_of(scenario), scenario.training.micro_batch
    if shape is None or size == "auto":
        return None
    predicted_bytes = expected_bytes(scenario, shape, size, on_gpu=False)
    with tempfile.TemporaryDirectory() as folder:
        request = Request(scenario=scenario, index=0, order=0, folder=Path(folder), timeout_s=_TIMEOUT_S)
        repeat = ChildExecutor().run(request, lambda _what: None)
    if repeat.figures is None or repeat.figures.peak_memory_bytes is None:
        return None
    own_bytes = process_bytes(scenario, shape, on_gpu=False)
    return Measured(cell, predicted_bytes, repeat.figures.peak_memory_bytes, own_bytes)


def main() -> None:
    """Predicts and measures every cell, prints and records both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--every", type=int, default=1, help="take every n-th cell of the grid")
    parser.add_argument("--out", type=Path, default=RESULTS / "memory_model.json", help="the record")
    options = parser.parse_args()
    found: list[Measured] = []
    cells = list(grid())[:: options.every]
    for cell in cells:
        measured = measure(cell)
        if measured is None:
            print(f"no peak: {cell.model} {cell.task} {dict(cell.settings)}", file=sys.stderr)
            continue
        found.append(measured)
        sides = human(measured.predicted_bytes, "B", 3), human(measured.measured_bytes, "B", 3)
        print(f"{measured.error:+.1%} ({sides[0]} for {sides[1]}): {cell.model} {cell.tokens} {dict(cell.settings)}")
    _record(options.out, found, len(cells))


def _record(out: Path, found: list[Measured], cells: int) -> None:
    error = statistics.median(abs(one.error) for one in found)
    above = statistics.median(abs(one.error_above) for one in found)
    largest = max(abs(one.error) for one in found)
    verdict = "holds" if error <= CLAIM and len(found) == cells else "fails"
    record = {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": ["python", "-m", "benchmarks.memory_model", *sys.argv[1:]],
        "machine": machine(ROOT).document(),
        "claim": CLAIM,
        "verdict": verdict,
        "cells": cells,
        "median_error": error,
        "median_error_above_process": above,
        "largest_error": largest,
        "runs": [{
            "model": one.cell.model, "task": one.cell.task, "tokens": one.cell.tokens,
            "settings": dict(one.cell.settings), "predicted_bytes": one.predicted_bytes,
            "measured_bytes": one.measured_bytes, "process_bytes": one.process_bytes, "error": one.error,
        } for one in found],
    }  # fmt: skip
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(out, json.dumps(record, indent=1, allow_nan=False) + "\n")
    print(f"median error {error:.1%}, above the process {above:.1%}, largest {largest:.1%}: {verdict}; record: {out}")


if __name__ == "__main__":
    main()
