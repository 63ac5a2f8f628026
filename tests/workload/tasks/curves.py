"""Loss curves of the measured loop over real rows, and of a plain loop beside it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from benchbench.scenario.scenario import Scenario
from benchbench.training.assembly import assemble, task_of
from benchbench.workload.costs import Costs
from benchbench.workload.examples import Examples
from benchbench.workload.orders import Shuffled
from benchbench.workload.preparing import Prepared
from benchbench.workload.rows import Rows
from benchbench.workload.task import Encoding, Task
from benchbench.workload.tokenizer import train_bytes, train_wordpiece
from benchbench.workload.vocabulary import Vocabulary
from tests.training.small import CPU, Recorder

STEPS = 20
GLOBAL_BATCH = 8
RATE = 1e-3
Tensors = dict[str, torch.Tensor]

_SENTENCE = "the small red fox saw a very old grey wolf near two big trees and ran over some cold hills at night"
WORDS = _SENTENCE.split()


def sentences(count: int, seed: int = 0) -> list[str]:
    """Sentences of 2 to 14 words."""
    generator = np.random.default_rng(seed)
    return [" ".join(generator.choice(WORDS, size=n)) for n in generator.integers(2, 15, size=count)]


def wordpiece(texts: Sequence[str], size: int = 120, *, pairs: bool = True) -> Vocabulary:
    tokenizer = train_wordpiece(list(texts), size)
    return Vocabulary(tokenizer=tokenizer, size=tokenizer.get_vocab_size(), pairs=pairs)


def byte_level(texts: Sequence[str], size: int = 300) -> Vocabulary:
    tokenizer = train_bytes(list(texts), size)
    return Vocabulary(tokenizer=tokenizer, size=tokenizer.get_vocab_size())


def encoding_of(
    vocabulary: Vocabulary, *, labels: tuple[str, ...] = (), longest: int = 32, held_out: bool = False
) -> Encoding:
    return Encoding(vocabulary=vocabulary, labels=labels, sequence_length=longest, held_out=held_out)


def scenario(task: str, family: str, vocab: int, micro_batch: int) -> Scenario:
    """Tiny, without dropout and decay, at a constant rate."""
    return Scenario.model_validate({
        "name": "curve", "task": task,
        "model": {"family": family, "layers": 1, "hidden": 32, "heads": 2, "ffn": 48, "vocab": vocab},
        "data": {"sequence_length": 32}, "hardware": {"device": "cpu"},
        "training": {
            "global_batch": GLOBAL_BATCH, "micro_batch": micro_batch, "max_steps": STEPS, "dropout": 0.0, "seed": 3,
            "optimizer": {"name": "adamw", "learning_rate": RATE, "weight_decay": 0.0},
            "schedule": {"name": "constant", "warmup_fraction": 0.0},
        },
    })  # fmt: skip


@dataclass
class Curve:
    """What was trained: the task, its rows, the weights before the first step, and the losses."""

    task: Task
    examples: Examples
    encoding: Encoding
    model: torch.nn.Module
    losses: list[float]

    def global_batch(self, number: int) -> Examples:
        """The rows of a global batch, as the order and the task's own draw have them."""
        rows = Shuffled(len(self.examples), GLOBAL_BATCH, 3).rows(number)
        return self.task.afresh(self.examples.take(rows), self.encoding, np.random.default_rng([3, number]))


def measured(task: str, family: str, rows: Rows, encoding: Encoding, *, micro_batch: int = 2) -> Curve:
    """Trains with the measured loop."""
    wanted = scenario(task, family, encoding.vocabulary.size, micro_batch)
    examples = task_of(wanted).encode(rows, encoding)
    prepared = Prepared(
        train=examples, validation=examples, test=examples, encoding=encoding, fingerprint="", licence="", costs=Costs()
    )
    events = Recorder()
    loop = assemble(wanted, prepared, CPU, events)
    before = copy.deepcopy(loop.parts.model)
    loop.start()
    for _ in range(STEPS):
        loop.step()
    loop.stop()
    return Curve(loop.parts.task, examples, encoding, before, events.losses)


def plain(curve: Curve, loss_of: Callable[[torch.nn.Module, Examples], torch.Tensor]) -> list[float]:
    """Trains with a loop of a few lines: every global batch in one forward pass, transformers' own loss."""
    model = curve.model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, weight_decay=0.0)
    losses = []
    for number in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(model, curve.global_batch(number))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


def collated(examples: Examples, fills: Mapping[str, int]) -> Tensors:
    """Rectangles of the columns named, by hand, and the mask of `ids`."""
    width = max(len(row) for row in lists(examples, "ids"))
    found = {
        name: torch.tensor([row + [fill] * (width - len(row)) for row in lists(examples, name)])
        for name, fill in fills.items()
    }
    found["mask"] = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in lists(examples, "ids")])
    return found


def lists(examples: Examples, name: str) -> list[list[Any]]:
    """A column, row by row."""
    column = examples.columns[name]
    return [column[row].tolist() for row in range(len(column))]
