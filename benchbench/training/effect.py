"""What compression bought, as an event: dense beside compressed."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from benchbench.training.compression import inference_samples_per_s, size
from benchbench.training.events import Events
from benchbench.training.loop import Loop, Parts
from benchbench.workload.batches import held_out
from benchbench.workload.preparing import Prepared
from benchbench.workload.task import HeldOut


def report(loop: Loop, events: Events, prepared: Prepared, judged: Mapping[str, float], rows: HeldOut | None) -> None:
    """Emits `compression`: size, speed and metrics of the model as it was trained, and of its compressed copy.

    Args:
        loop: at its end, with a compressor.
        events: where it goes.
        prepared: one micro-batch of its held-out rows is timed.
        judged: the compressed model's metrics.
        rows: what the dense model is scored on; None leaves its metrics out.
    """
    parts = loop.parts
    assert parts.compressor is not None
    events.emit("phase", name="compress")
    with parts.compressor.dense() as dense, parts.compressor.compressed() as compressed:
        models = {"dense": dense, "compressed": compressed}
        timed = prepared.validation.take(np.arange(min(parts.batches.micro_batch, len(prepared.validation))))
        batch = held_out(timed, prepared.encoding, parts.device, batch=len(timed)).batches[0]
        speeds = inference_samples_per_s(models, batch, parts.arithmetic)
        metrics = {"dense": {} if rows is None else _score(parts, dense, rows), "compressed": judged}
        found = {
            name: {
                **size(model),
                "inference_samples_per_s": speeds[name],
                "metrics": {metric: value for metric, value in metrics[name].items() if math.isfinite(value)},
            }
            for name, model in models.items()
        }
    events.emit("compression", conversion_s=parts.compressor.conversion_s, **found)


def _score(parts: Parts, model: nn.Module, rows: HeldOut) -> Mapping[str, float]:
    with torch.inference_mode(), parts.arithmetic.autocast():
        return parts.task.score(model.eval(), rows)
