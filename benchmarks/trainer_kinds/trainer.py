"""Hugging Face `Trainer`. A block is a `train()` of its own; its first step, with all set-up, is not timed."""

from __future__ import annotations

import tempfile
import time
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments

from benchmarks.trainer_kinds.bench import Bench, Block, GlobalBatches, loader


class _Stopwatch(TrainerCallback):  # type: ignore[misc]
    """When each step ended."""

    def __init__(self) -> None:
        self.ends_s: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """See transformers."""
        self.ends_s.append(time.perf_counter())


class _InOrder(Trainer):  # type: ignore[misc]
    """Takes the global batches as they come."""

    def __init__(self, batches: GlobalBatches, **settings: Any) -> None:
        super().__init__(train_dataset=batches, **settings)
        self._batches = batches

    def get_train_dataloader(self) -> DataLoader[Any]:
        """See transformers."""
        prepared: DataLoader[Any] = self.accelerator.prepare(loader(self._batches))
        return prepared


def make(bench: Bench) -> Block:
    """See `bench.Block`."""
    model: torch.nn.Module = bench.model()
    training = bench.scenario.training

    def block(steps: int) -> float:
        arguments = TrainingArguments(
            output_dir=tempfile.mkdtemp(),
            max_steps=steps + 1,
            per_device_train_batch_size=1,
            learning_rate=training.optimizer.learning_rate,
            weight_decay=training.optimizer.weight_decay,
            warmup_steps=bench.warmup_steps(),
            max_grad_norm=training.gradient_clip or 0.0,
            optim="adamw_torch_fused",
            logging_strategy="no",
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=bench.device.type == "cpu",
        )
        stopwatch = _Stopwatch()
        _InOrder(bench.batches(), model=model, args=arguments, callbacks=[stopwatch]).train()
        return stopwatch.ends_s[-1] - stopwatch.ends_s[0]

    return block
