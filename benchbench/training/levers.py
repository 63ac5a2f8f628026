"""The levers that act around an update: penalty, pruning, averaging, and the model that an evaluation looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import nn

from benchbench.scenario.scenario import Scenario
from benchbench.scenario.training_types import Training
from benchbench.training import quantization
from benchbench.training.averaging import Average
from benchbench.training.compression import Compressor
from benchbench.training.layers import matrices
from benchbench.training.penalties import L1
from benchbench.training.pruning import Pruner


@dataclass(frozen=True, kw_only=True)
class Levers:
    """What a loop calls around each update, and what it judges (see `Parts` for the names).

    Attributes:
        states: what must be saved to go on from here, by name.
    """

    before_update: tuple[Callable[[], None], ...]
    after_update: tuple[Callable[[int], None], ...]
    judged: Callable[[], AbstractContextManager[nn.Module]]
    compressor: Compressor | None
    states: Mapping[str, Average | Pruner]


def levers(training: Training, model: nn.Module) -> Levers:
    """The levers of a training, for a model on its device.

    The order within a step is: penalty, clipping, optimizer, pruning, average.
    """
    compression = training.compression
    average = None if training.ema is None else Average(model, training.ema)
    pruner = Pruner(matrices(model), compression.prune, training.max_steps) if compression.prune else None
    compressor = None
    if pruner is not None or compression.quantize != "none":
        compressor = Compressor(model, compression, pruner, average)
    states: dict[str, Average | Pruner | None] = {"pruner": pruner, "average": average}
    known = {name: lever for name, lever in states.items() if lever is not None}
    return Levers(
        before_update=(L1(model, training.optimizer.l1),) if training.optimizer.l1 else (),
        after_update=tuple(lever.update for lever in known.values()),
        judged=(lambda: _averaged(model, average)) if compressor is None else compressor.compressed,
        compressor=compressor,
        states=known,
    )


@contextmanager
def _averaged(model: nn.Module, average: Average | None) -> Iterator[nn.Module]:
    with nullcontext() if average is None else average.swapped():
        yield model


def prepare(training: Training, model: nn.Module) -> None:
    """Changes a model's layers, before its optimizer is made, as its quantisation wants to be trained for."""
    if training.compression.quantize == "int8-qat":
        quantization.prepare(model)


def check(scenario: Scenario, device: torch.device) -> None:
    """Refuses what a device, or the precision, leaves no way for.

    Raises:
        UnsupportedError: names it.
    """
    quantization.check(scenario.training.compression.quantize, scenario.precision, device)
