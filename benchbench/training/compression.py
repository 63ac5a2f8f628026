"""The compressed model that a target is judged on, and what compression bought: dense beside compressed."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from benchbench.scenario.training_types import Compression
from benchbench.training import quantization
from benchbench.training.layers import matrices
from benchbench.training.precision import Arithmetic
from benchbench.training.pruning import Pruner
from benchbench.workload.batches import Batch

if TYPE_CHECKING:
    from benchbench.training.averaging import Average

_TIMED_PASSES = 5


class Compressor:
    """Makes compressed copies of a model that is still trained.

    A copy is pruned to the whole stated fraction, whatever the training has come to, and then made int8. With an
    average of the weights it is the average that is compressed.

    Args of the constructor:
        model: that is trained; prepared if its quantisation is trained for.
        compression: what is asked.
        pruner: of the model, if it is pruned.
        average: of the model's weights, if they are averaged.

    Attributes:
        conversion_s: what the last copy's pruning and rounding took; the copying is not in it.
    """

    def __init__(
        self, model: nn.Module, compression: Compression, pruner: Pruner | None, average: Average | None
    ) -> None:
        self._model, self._compression = model, compression
        self._pruner, self._average = pruner, average
        self.conversion_s = 0.0

    @contextmanager
    def compressed(self) -> Iterator[nn.Module]:
        """A compressed copy of the model, for evaluation alone."""
        with self._copied() as model:
            _wait(model)
            begin_s = time.monotonic()
            if self._pruner is not None:
                self._pruner.complete(matrices(model))
            if self._compression.quantize != "none":
                quantization.convert(model, self._compression.quantize)
            _wait(model)
            self.conversion_s = time.monotonic() - begin_s
            yield model

    @contextmanager
    def dense(self) -> Iterator[nn.Module]:
        """A copy of the model as it has been trained so far, without any rounding, for evaluation alone."""
        with self._copied() as model:
            if self._compression.quantize == "int8-qat":
                quantization.restore(model)
            yield model

    @contextmanager
    def _copied(self) -> Iterator[nn.Module]:
        if self._average is None:
            yield copy.deepcopy(self._model)
        else:
            with self._average.swapped():
                model = copy.deepcopy(self._model)
            yield model


def size(model: nn.Module) -> dict[str, int]:
    """What a model's weights take in a file, in bytes, and how many of its parameters are not zero."""
    every = {id(tensor): tensor for tensor in model.state_dict(keep_vars=True).values()}
    parameters = {id(parameter): parameter for parameter in model.parameters()}
    return {
        "size_bytes": sum(part.nbytes for tensor in every.values() for part in _stored(tensor)),
        "nonzero_parameters": sum(int(_stored(p)[0].count_nonzero()) for p in parameters.values()),
    }


def _stored(tensor: torch.Tensor) -> list[torch.Tensor]:
    """The plain tensors that one consists of, its numbers first (torchao's have scales and zero points beside them)."""
    flatten: Any = getattr(tensor, "__tensor_flatten__", None)
    return [tensor] if flatten is None else [part for name in flatten()[0] for part in _stored(getattr(tensor, name))]


def inference_samples_per_s(models: Mapping[str, nn.Module], batch: Batch, arithmetic: Arithmetic) -> dict[str, float]:
    """Rows a second through the forward pass of each model: the median of a few passes, the models in turn.

    Args:
        models: by name, on the device of the batch.
        batch: what each pass takes.
        arithmetic: how it is computed.
    """
    times_s: dict[str, list[float]] = {name: [] for name in models}
    with torch.inference_mode(), arithmetic.autocast():
        for turn in range(_TIMED_PASSES + 1):
            for name, model in models.items():
                _wait(model.eval())
                begin_s = time.monotonic()
                model(**batch.inputs)
                _wait(model)
                if turn:  # the first pass warms up
                    times_s[name].append(time.monotonic() - begin_s)
    return {name: batch.samples / statistics.median(times) for name, times in times_s.items()}


def _wait(model: nn.Module) -> None:
    """Waits until the model's device is done with what it was given."""
    if next(model.parameters()).device.type == "cuda":
        torch.cuda.synchronize()
