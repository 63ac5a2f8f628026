"""Real trained weights through the whole trainer: what they are worth, and what a run says of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import mean
from typing import Any

import pytest
import torch

from benchbench.scenario.scenario import Scenario
from benchbench.training import adapters, assembly, checking
from tests.training.small import CPU, Recorder, take
from tests.workload.folders import DIMENSIONS, MINILM, save

MODEL = {"family": "bert", "pretrained": str(MINILM)}
SAME = {"family": "bert", "layers": 6, "hidden": 384, "heads": 12, "ffn": 1536}
STEPS = 25


def scenario(model: dict[str, Any], **training: Any) -> Scenario:
    return Scenario.model_validate({
        "name": "fine-tuning", "task": "sequence-classification", "model": model, "hardware": {"device": "cpu"},
        "training": {
            "global_batch": 16, "max_steps": STEPS, "dropout": 0.0, "optimizer": {"learning_rate": 5e-4}, **training,
        },
        "data": {"source": "unicode-names", "sequence_length": 24},
    })  # fmt: skip


def curve(wanted: Scenario, steps: int = STEPS) -> list[float]:
    events = Recorder()
    loop = assembly.assemble(wanted, assembly.load_data(wanted), CPU, events)
    loop.start()
    take(loop, steps)
    loop.stop()
    return events.losses


@pytest.mark.slow
def test_a_trained_beginning_is_ahead_of_a_random_one_after_few_steps() -> None:
    trained, random = curve(scenario(MODEL)), curve(scenario(SAME))
    assert mean(trained[:3]) == pytest.approx(mean(random[:3]), rel=0.1)  # eight classes: ln 8, whatever the beginning
    assert mean(trained[-5:]) < 0.8 * mean(random[-5:])


def test_an_adapter_over_trained_weights_learns_with_a_hundredth_of_the_parameters() -> None:
    wanted = scenario(MODEL, adapter={"name": "lora", "rank": 4}, optimizer={"learning_rate": 3e-3})
    events = Recorder()
    loop = assembly.assemble(wanted, assembly.load_data(wanted), CPU, events)
    model = loop.parts.model
    # Six layers of six matrices, rank x (in + out) each, the pooler and the classifier.
    adapted = 6 * 4 * (4 * (384 + 384) + 2 * (384 + 1536))
    assert sum(p.numel() for p in model.parameters() if p.requires_grad) == adapted + 384 * 385 + 8 * 385
    loop.start()
    take(loop, 15)
    loop.stop()
    assert mean(events.losses[-3:]) < 0.8 * mean(events.losses[:3])


def test_the_check_before_a_run_reads_no_weight(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save(tmp_path / "small")
    seen: list[torch.nn.Module] = []
    monkeypatch.setattr(adapters, "prepare", lambda _, model: seen.append(model))
    bare = {"family": "bert", "pretrained": str(folder)}
    assert checking.problems([scenario(bare), scenario({**bare, "family": "roberta"})]) == [
        None,
        {"message": f"{folder} is of the family 'bert', not 'roberta'; set model.family to it", "key": "model.family"},
    ]  # fmt: skip
    assert {p.device.type for model in seen for p in model.parameters()} == {"meta"}


@pytest.mark.slow
def test_a_run_records_which_weights_it_began_with_and_its_log_is_clean(tmp_path: Path) -> None:
    folder = save(tmp_path / "small")
    wanted = scenario({"family": "bert", "pretrained": str(folder)}, adapter={"name": "lora"}, frozen_layers=1)
    wanted = wanted.model_copy(update={"measure": wanted.measure.model_copy(update={"warmup": 1, "steps": 2})})
    (tmp_path / "scenario.json").write_text(wanted.model_dump_json(by_alias=True))
    environment = {
        "BENCHBENCH_SCENARIO": "scenario.json", "BENCHBENCH_EVENTS": "events.jsonl", "BENCHBENCH_TIMEOUT_S": "600.0",
        "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-P", "-m", "benchbench.training"], env={**os.environ, **environment}, cwd=tmp_path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=120,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    ready = next(event for event in events if event["event"] == "ready")
    assert ready["model_revision"].startswith("sha256:")
    assert ready["vocabulary"] <= DIMENSIONS["vocab_size"]
    assert 0 < ready["trainable_parameters"] < ready["parameters"]
