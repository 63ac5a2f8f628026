"""PyTorch Lightning. A block is a `fit()` of its own; its first step, with all set-up, is not timed."""

from __future__ import annotations

import logging
import warnings
from typing import Any

import lightning
import torch

from benchmarks.trainer_kinds.bench import Bench, Block, Stopwatch, loader


class _Module(lightning.LightningModule):  # type: ignore[misc]
    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self.bench = bench
        self.model = bench.model()

    def training_step(self, batch: dict[str, torch.Tensor], _number: int) -> torch.Tensor:
        """See Lightning."""
        loss: torch.Tensor = self.model(**batch).loss
        return loss

    def configure_optimizers(self) -> Any:
        """See Lightning."""
        optimizer = self.bench.optimizer(self.model)
        return {
            "optimizer": optimizer,
            "lr_scheduler": {"scheduler": self.bench.scheduler(optimizer), "interval": "step"},
        }


class _Ends(lightning.Callback):  # type: ignore[misc]
    """Tells a stopwatch of each step."""

    def __init__(self, stopwatch: Stopwatch) -> None:
        self._stopwatch = stopwatch

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        """See Lightning."""
        self._stopwatch.step_ended()


def make(bench: Bench) -> Block:
    """See `bench.Block`."""
    module = _Module(bench)
    done = 0
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)

    def block(steps: int) -> float:
        nonlocal done
        batches = bench.batches(max(0, done - 1))  # the step that is not timed repeats one
        done += steps
        stopwatch = Stopwatch(bench.device, steps)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on the loader's workers: none are wanted here
            trainer = lightning.Trainer(
                max_steps=steps + 1,
                accelerator=bench.device.type,
                devices=1,
                logger=False,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                gradient_clip_val=bench.scenario.training.gradient_clip,
                callbacks=[_Ends(stopwatch)],
            )
            module.train()
            trainer.fit(module, loader(batches))
        return stopwatch.seconds

    return block
