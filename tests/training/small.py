"""A training small enough to be repeated by hand: a two-layer BERT over rows of random length, without dropout."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from benchbench.scenario.scenario import Scenario
from benchbench.training.assembly import assemble
from benchbench.training.loop import Loop
from benchbench.workload.costs import Costs
from benchbench.workload.examples import Examples, Ragged
from benchbench.workload.preparing import Prepared
from benchbench.workload.task import Encoding
from benchbench.workload.vocabulary import Vocabulary

VOCABULARY = 60
LABELS = ("a", "b", "c")
ENCODING = Encoding(vocabulary=Vocabulary(tokenizer=None, size=VOCABULARY), labels=LABELS, sequence_length=128)
CPU = torch.device("cpu")
torch.set_num_threads(1)  # matrices this small are slower on two


class Recorder:
    """Keeps events in memory."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def emit(self, event: str, **fields: object) -> None:
        self.lines.append({"event": event, **fields})

    def of(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if line["event"] == event]

    @property
    def losses(self) -> list[float]:
        return [line["loss"] for line in self.of("step")]


def split(rows: int, seed: int) -> Examples:
    """Rows of 3 to 12 tokens whose label is in their second token, so that there is something to learn."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(3, 13, size=rows)
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    ids = generator.integers(5, VOCABULARY, size=int(offsets[-1]), dtype=np.int32)
    labels = generator.integers(0, len(LABELS), size=rows, dtype=np.int64)
    ids[offsets[:-1] + 1] = 5 + labels
    return Examples(columns={"ids": Ragged(values=ids, offsets=offsets)}, scalars={"label": labels})


def prepared(rows: int = 50) -> Prepared:
    return Prepared(
        train=split(rows, 1),
        validation=split(30, 2),
        test=split(10, 3),
        encoding=ENCODING,
        fingerprint="none",
        licence="none",
        costs=Costs(),
    )


def scenario(*, precision: str = "fp32", **sections: dict[str, Any]) -> Scenario:
    """A scenario; `training` and the others are added to what makes it small."""
    training = {
        "global_batch": 8, "max_steps": 20, "dropout": 0.0, "optimizer": {"learning_rate": 1e-2, "weight_decay": 0.1},
        **sections.pop("training", {}),
    }  # fmt: skip
    return Scenario.model_validate({
        "name": "small", "task": "sequence-classification", "precision": precision, "training": training,
        "model": {
            "family": "bert", "layers": 2, "hidden": 32, "heads": 2, "ffn": 48, "vocab": VOCABULARY,
            **sections.pop("model", {}),
        },
        "hardware": {"device": "cpu"}, **sections,
    })  # fmt: skip


def loop_of(wanted: Scenario, rows: Prepared | None = None) -> tuple[Loop, Recorder]:
    events = Recorder()
    return assemble(wanted, rows or prepared(), CPU, events), events


def losses(wanted: Scenario, steps: int = 20) -> list[float]:
    """The losses of the first steps."""
    loop, events = loop_of(wanted)
    loop.start()
    take(loop, steps)
    loop.stop()
    return events.losses


def take(loop: Loop, steps: int) -> None:
    for _ in range(steps):
        loop.step()
