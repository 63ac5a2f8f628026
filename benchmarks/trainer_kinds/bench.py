"""What every trainer gets: the same weights, the same batches made in the same way, the same settings."""

from __future__ import annotations

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
"""Takes a number of steps; returns the seconds that they took."""


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

    def batches(self) -> GlobalBatches:
        """The sequence of global batches."""
        return GlobalBatches(self.prepared, self.scenario)

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
    """One item is one global batch, collated when it is asked for: `input_ids`, `attention_mask`, `labels`."""

    def __init__(self, prepared: Prepared, scenario: Scenario) -> None:
        self._split, self._pad = prepared.train, prepared.encoding.vocabulary.pad
        self._order = Shuffled(len(self._split), scenario.training.global_batch, scenario.training.seed)
        self._most = scenario.training.max_steps

    def __len__(self) -> int:
        return self._most

    def __getitem__(self, number: int) -> Mapping[str, torch.Tensor]:
        rows = self._order.rows(number)
        batch = padded(self._split.take(rows), rows, self._pad)
        return {**batch.inputs, "labels": batch.labels["label"]}


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
