"""Hugging Face `Trainer`. A block is a `train()` of its own; its first step, with all set-up, is not timed."""

from __future__ import annotations

import tempfile
from typing import Any

import torch
from torch.utils.data import DataLoader
from transformers import Trainer, TrainerCallback, TrainingArguments

from benchmarks.trainer_kinds.bench import Bench, Block, GlobalBatches, Stopwatch, loader


class _Ends(TrainerCallback):  # type: ignore[misc]
    """Tells a stopwatch of each step."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self._stopwatch = stopwatch

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """See transformers."""
        self._stopwatch.step_ended()


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
    done = 0

    def block(steps: int) -> float:
        nonlocal done
        batches = bench.batches(max(0, done - 1))  # the step that is not timed repeats one
        done += steps
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
        stopwatch = Stopwatch(bench.device, steps)
        _InOrder(batches, model=model, args=arguments, callbacks=[_Ends(stopwatch)]).train()
        return stopwatch.seconds

    return block
