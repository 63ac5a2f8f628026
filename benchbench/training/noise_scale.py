"""Measures gradient norms over few and over many rows, from which the gradient noise scale follows."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import nn

from benchbench.training import randomness
from benchbench.training.events import Events
from benchbench.training.loop import Loop
from benchbench.workload import orders
from benchbench.workload.batches import Batch

_CHUNKS = 8
_SEED_OFFSET = 2**31  # above every training's seed: the rows come in an order of their own


class NoiseScale:
    """Takes gradients of rows that are none of the training's batches, and leaves the training as it was.

    The rows are cut into at most eight chunks, each at most an eighth of a global batch and half a micro-batch, so
    that all of it costs at most one step, and less memory than one. What the loss is, which rows are drawn how
    often and what dropout does are as in the training; length-grouped batches are not, since their rows are not
    drawn independently.

    Args of the constructor:
        loop: whose model is looked at; its global batch has at least two rows.
        oversample: whether every class is drawn equally often.
    """

    def __init__(self, loop: Loop, *, oversample: bool) -> None:
        training, recipe = loop.parts.training, loop.parts.batches.recipe
        assert training.global_batch > 1
        self._loop = loop
        self.chunk_rows = max(1, min(training.global_batch // _CHUNKS, recipe.micro_batch // 2))
        self.rows = self.chunk_rows * min(_CHUNKS, training.global_batch // self.chunk_rows)
        order = orders.order(recipe.split, self.rows, training.seed + _SEED_OFFSET, oversample=oversample)
        self._recipe = replace(recipe, order=order, micro_batch=self.chunk_rows)

    def estimate(self, events: Events) -> None:
        """Emits `noise-scale`: the squared norms, and what they took. Left out where the memory does not suffice."""
        events.emit("phase", name="noise-scale")
        step, begin_s = self._loop.steps_taken, time.monotonic()
        with contextlib.suppress(torch.OutOfMemoryError), self._untouched():
            chunk_square, whole_square = self._squares(self._recipe.batch(step))
            if math.isfinite(chunk_square) and math.isfinite(whole_square):
                events.emit(
                    "noise-scale",
                    step=step,
                    chunk_rows=self.chunk_rows,
                    chunk_square=chunk_square,
                    rows=self.rows,
                    whole_square=whole_square,
                    noise_scale_s=time.monotonic() - begin_s,
                )

    def _squares(self, chunks: list[Batch]) -> tuple[float, float]:
        """The mean of the chunks' squared gradient norms, and the squared norm of their mean gradient."""
        scaler = self._loop.parts.arithmetic.scaler
        weights = [p for p in self._loop.parts.model.parameters() if p.requires_grad]
        total: dict[int, torch.Tensor] = {}
        squares = []
        for chunk in chunks:
            self._loop.accumulate([chunk])
            found = {number: p.grad for number, p in enumerate(weights) if p.grad is not None}
            squares.append(_square(list(found.values())))
            for number, gradient in found.items():
                total[number] = total[number].add_(gradient) if number in total else gradient
            for weight in weights:
                weight.grad = None
        scale = 1.0 if scaler is None else scaler.get_scale()
        return (
            sum(squares) / len(chunks) / scale**2,
            _square(list(total.values())) / len(chunks) ** 2 / scale**2,
        )

    @contextmanager
    def _untouched(self) -> Iterator[None]:
        """Afterwards buffers, gradients and random numbers are as they were."""
        model = self._loop.parts.model
        buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
        try:
            with self._loop.parts.compiler.plain(), randomness.undisturbed():
                model.train()
                yield
        finally:
            _clear(model)
            for buffer, kept in buffers:
                buffer.copy_(kept)


def _square(gradients: list[torch.Tensor]) -> float:
    """The squared norm of all of them together."""
    return float(torch.stack([norm.double() ** 2 for norm in torch._foreach_norm(gradients)]).sum())


def _clear(model: nn.Module) -> None:
    for parameter in model.parameters():
        parameter.grad = None
