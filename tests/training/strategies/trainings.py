"""Small trainings of every kind of model, carried out by one process or by the ranks of a crew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch.distributed.tensor import DTensor

from benchbench.scenario.scenario import Scenario
from benchbench.training.assembly import assemble
from benchbench.training.group import Group
from benchbench.training.loop import Loop
from benchbench.workload.examples import IGNORED, Examples, Ragged
from benchbench.workload.preparing import Prepared
from tests.training.small import CPU, Recorder, prepared, scenario

STEPS = 20
_MODELS: dict[str, dict[str, Any]] = {
    "bert": {"family": "bert"},
    "gpt2": {"family": "gpt2", "ffn": None},
    "llama": {"family": "llama", "kv_heads": 1},
    "t5": {"family": "t5"},
}
_TASKS = {"bert": "sequence-classification", "gpt2": "causal-lm", "llama": "causal-lm", "t5": "seq2seq-lm"}
FAMILIES = tuple(_MODELS)


@dataclass(frozen=True)
class Course:
    """How a training went.

    Attributes:
        losses: of every step.
        norms: of every weight at the end, by name.
        samples, tokens: of every step.
    """

    losses: list[float]
    norms: dict[str, float]
    samples: list[int]
    tokens: list[int]


def asked(family: str, ranks: int, **sections: Any) -> Scenario:
    """A scenario over so many ranks.

    Args:
        family: of `FAMILIES`.
        ranks: devices.
        sections: see `small.scenario`; `training` beside plain SGD.
    """
    training = {
        "optimizer": {"name": "sgd", "learning_rate": 0.1, "weight_decay": 0.01},
        "schedule": {"name": "constant", "warmup_fraction": 0.0},
        "gradient_clip": 0.5,
        **sections.pop("training", {}),
    }
    parallelism = {"data": "auto", **sections.pop("parallelism", {})}
    model = {**_MODELS[family], **sections.pop("model", {})}
    hardware = {"device": "cpu", "devices": ranks}
    made = scenario(training=training, model=model, parallelism=parallelism, hardware=hardware, **sections)
    return made.model_copy(update={"task": _TASKS[family]})


def rows_of(family: str) -> Prepared:
    """Rows of 3 to 12 tokens; of language models some positions have no label, so that ranks have unlike many."""
    found = prepared()
    if family == "bert":
        return found
    return replace(found, train=_language(found.train, family), validation=_language(found.validation, family))


def _language(rows: Examples, family: str) -> Examples:
    ids = rows.columns["ids"]
    labels = np.roll(ids.values, -1).astype(np.int32)
    labels[ids.offsets[1:] - 1] = IGNORED
    if family != "t5":
        return Examples(columns={"ids": ids, "labels": Ragged(values=labels, offsets=ids.offsets)})
    target = ids.take(np.arange(len(ids), dtype=np.int64)[::-1].copy())
    shifted = np.roll(target.values, 1)
    shifted[target.offsets[:-1]] = 0
    return Examples(
        columns={"ids": ids, "labels": target, "decoder_ids": Ragged(values=shifted, offsets=target.offsets)}
    )


def loop_of(wanted: Scenario, family: str, group: Group | None = None) -> tuple[Loop, Recorder]:
    events = Recorder()
    return assemble(wanted, rows_of(family), CPU, events, group), events


def course(group: Group | None, wanted: Scenario, family: str, steps: int = STEPS) -> Course:
    """A training of some steps, by this process alone or as one of a group."""
    loop, events = loop_of(wanted, family, group)
    return gone(loop, events, steps)


def gone(loop: Loop, events: Recorder, steps: int = STEPS) -> Course:
    loop.start()
    for _ in range(steps):
        loop.step()
    loop.stop()
    lines = events.of("step")
    return Course(
        losses=[line["loss"] for line in lines],
        norms=norms(loop.parts.model),
        samples=[line["samples"] for line in lines],
        tokens=[line["tokens"] for line in lines],
    )


def norms(model: torch.nn.Module) -> dict[str, float]:
    """The norm of every weight, however it is divided."""
    whole = {n: p.full_tensor() if isinstance(p, DTensor) else p for n, p in model.named_parameters()}
    return {name: float(tensor.detach().double().norm()) for name, tensor in whole.items()}
