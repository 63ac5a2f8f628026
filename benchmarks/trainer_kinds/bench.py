"""What every trainer gets: the same weights, the same batches made in the same way, the same settings."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch.utils.data import DataLoader, Dataset

from benchbench.scenario.scenario import Scenario
from benchbench.training import assembly
from benchbench.workload.batches import padded
from benchbench.workload.orders import Shuffled
from benchbench.workload.preparing import Prepared

Block = Callable[[int], float]
"""Takes a number of steps; returns the seconds that they took. Every block goes on where the last one ended."""
_NEVER_REACHED = 1 << 31


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A classification scenario with its data.

    Attributes:
        prepared: the rows.
        device: where to train.
    """

    scenario: Scenario
    prepared: Prepared
    device: torch.device

    def model(self) -> torch.nn.Module:
        """A model of its own, from the scenario's seed."""
        return assembly.build_model(self.scenario, assembly.task_of(self.scenario), self.prepared).to(self.device)

    def batches(self, first: int = 0) -> GlobalBatches:
        """The sequence of global batches, from one of them on."""
        return GlobalBatches(self.prepared, self.scenario, first)

    def warmup_steps(self) -> int:
        """Steps over which the learning rate climbs."""
        training = self.scenario.training
        return round(training.schedule.warmup_fraction * training.max_steps)

    def optimizer(self, model: torch.nn.Module) -> torch.optim.AdamW:
        """Fused AdamW, with decay kept off biases and norms."""
        wanted = self.scenario.training.optimizer
        parameters = list(model.parameters())
        groups = [
            {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": wanted.weight_decay},
            {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=wanted.learning_rate, fused=True)

    def scheduler(self, optimizer: torch.optim.Optimizer) -> torch.optim.lr_scheduler.LambdaLR:
        """Linear warm-up, then linear decay to nothing at `max_steps`."""
        warmup, last = self.warmup_steps(), self.scenario.training.max_steps
        return torch.optim.lr_scheduler.LambdaLR(
            optimizer,
            lambda done: (done + 1) / warmup if done < warmup else max(0.0, (last - done) / (last - warmup)),
        )


class GlobalBatches(Dataset[Mapping[str, torch.Tensor]]):
    """One item is one global batch, collated when it is asked for: `input_ids`, `attention_mask`, `labels`.

    They go on from epoch to epoch, and their number is one that no run comes to: an iterable without one is handled in
    other ways by the trainers that are compared.

    Args of the constructor:
        first: the batch that is item 0.
    """

    def __init__(self, prepared: Prepared, scenario: Scenario, first: int = 0) -> None:
        self._split, self._pad = prepared.train, prepared.encoding.vocabulary.pad
        self._order = Shuffled(len(self._split), scenario.training.global_batch, scenario.training.seed)
        self._first = first

    def __len__(self) -> int:
        return _NEVER_REACHED

    def __getitem__(self, number: int) -> Mapping[str, torch.Tensor]:
        rows = self._order.rows(self._first + number)
        batch = padded(self._split.take(rows), rows, self._pad)
        return {**batch.inputs, "labels": batch.labels["label"]}


class Stopwatch:
    """Times a stretch of steps of a trainer that has its own loop, from the end of the first to the end of the last.

    Args of the constructor:
        device: where they are.
        steps: that are timed; one more is trained.
    """

    def __init__(self, device: torch.device, steps: int) -> None:
        self._device, self._steps = device, steps
        self._ended = -1
        self._began_s = 0.0
        self.seconds = 0.0

    def step_ended(self) -> None:
        """Takes note of a step."""
        self._ended += 1
        if self._ended in (0, self._steps):
            finish(self._device)
            now_s = time.perf_counter()
            self._began_s, self.seconds = now_s, now_s - self._began_s


def first(items: list[Mapping[str, torch.Tensor]]) -> Mapping[str, torch.Tensor]:
    """The collator of a loader whose batch is one item."""
    return items[0]


def loader(batches: GlobalBatches) -> DataLoader[Mapping[str, torch.Tensor]]:
    """The batches through torch's own loader, as the trainers that bring none of their own use it."""
    return DataLoader(batches, batch_size=1, shuffle=False, collate_fn=first)


def finish(device: torch.device) -> None:
    """Waits for the device's work, on both sides of a stopwatch."""
    if device.type == "cuda":
        torch.cuda.synchronize()
