"""The measured loop: global batches in, steps out, nothing in between that a hand-written loop would not do."""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol

import torch

from benchbench.scenario.training_types import Training
from benchbench.training.clock import Clock, Tick
from benchbench.training.compiling import Compiler
from benchbench.training.compression import Compressor
from benchbench.training.events import Events
from benchbench.training.failures import DivergedError
from benchbench.training.precision import Arithmetic
from benchbench.training.schedules import factor
from benchbench.training.spread import Shared, Spread
from benchbench.workload.batches import Batch
from benchbench.workload.feeding import MicroBatches
from benchbench.workload.task import Objective, Task


class Stateful(Protocol):
    """What must be saved, beside weights and optimizer, for a training to go on as if it had not stopped."""

    def state_dict(self) -> Mapping[str, torch.Tensor]:
        """All of it, by name."""
        ...

    def load_state_dict(self, state: Mapping[str, torch.Tensor]) -> None:
        """Takes up what `state_dict` gave."""
        ...


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What a loop is made of.

    Attributes:
        batches: the global batches.
        arithmetic: how a forward pass computes, and how its loss is scaled.
        training: batch, schedule, clipping.
        objective: what is asked of the loss beyond the labels.
        before_update: each is called when the gradients of a step are there, not yet clipped.
        after_update: each is called with the number of the step, from 1, once the weights have moved.
        judged: gives, while it is entered, the model that an evaluation looks at: the model itself, an average of its
            weights, a compressed copy.
        compressor: makes the compressed copies, where the model is compressed.
        states: what is `Stateful` among the callables, by name.
        compiler: keeps account of the model's compilation.
        spread: how the training is spread over ranks; None in a process that trains alone.
    """

    model: torch.nn.Module
    task: Task
    optimizer: torch.optim.Optimizer
    batches: MicroBatches
    device: torch.device
    arithmetic: Arithmetic
    training: Training
    objective: Objective
    judged: Callable[[], AbstractContextManager[torch.nn.Module]]
    before_update: tuple[Callable[[], None], ...] = ()
    after_update: tuple[Callable[[int], None], ...] = ()
    compressor: Compressor | None = None
    states: Mapping[str, Stateful] = field(default_factory=dict)
    compiler: Compiler
    spread: Spread | None = None

    @property
    def forward(self) -> torch.nn.Module:
        """What a training pass calls: the model, or what divides it."""
        return self.model if self.spread is None else self.spread.divided.forward


_ALONE = nullcontext()


@dataclass
class Loop:
    """Takes steps and reports each as an event once it is known to be over.

    A stretch is `start`, any number of `step`, `stop`; what happens between stretches (an evaluation) is outside
    the training clock. `training_s` is the sum of the stretches' step times so far, and the time of the conversion
    that made the compressed model which was last evaluated.
    """

    parts: Parts
    clock: Clock
    events: Events
    steps_taken: int = 0
    training_s: float = 0.0
    last_loss: float = math.nan
    _waiting: deque[tuple[int, int, float, float]] = field(default_factory=deque)
    _conversion_s: float = 0.0

    def start(self) -> None:
        """Begins a stretch."""
        self.parts.model.train()
        self.parts.batches.begin()
        if self.parts.spread is not None:
            self.parts.spread.begin()
        self.clock.start()

    def step(self) -> list[float]:
        """Takes one optimizer step.

        Returns:
            The times, in seconds, of the steps that became known: on the CPU this one, on a device that runs
            ahead none or several earlier ones.

        Raises:
            DivergedError: a loss is not finite.
        """
        parts = self.parts
        begin_s = time.monotonic()
        micro_batches = next(parts.batches)
        data_wait_s = time.monotonic() - begin_s
        self.steps_taken += 1
        rate = parts.training.optimizer.learning_rate * factor(
            parts.training.schedule, self.steps_taken, parts.training.max_steps
        )
        for group in parts.optimizer.param_groups:
            group["lr"] = rate
        loss = self.accumulate(micro_batches)
        self.update()
        self._waiting.append((*_amounts(micro_batches), data_wait_s, rate))
        return self._reported(self.clock.step(self.steps_taken, loss))

    def stop(self) -> list[float]:
        """Ends a stretch: every step taken is over and reported when it returns."""
        times_s = self._reported(self.clock.stop())
        spread = self.parts.spread
        if spread is not None:
            times_s += [self._report(found.tick, found) for found in spread.rest()]
            spread.end()
        return times_s

    def state_dict(self) -> dict[str, Any]:
        """Where it stands between two stretches; the weights and the rest of its parts are not in it."""
        return {
            "steps_taken": self.steps_taken,
            "training_s": self.training_s,
            "conversion_s": self._conversion_s,
            "last_loss": self.last_loss,
            "batch": self.parts.batches.number,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Takes up what `state_dict` gave, before the first stretch."""
        self.steps_taken, self.training_s = state["steps_taken"], state["training_s"]
        self._conversion_s, self.last_loss = state["conversion_s"], state["last_loss"]
        self.parts.batches.number = state["batch"]

    def converted(self, conversion_s: float) -> None:
        """Counts the conversion of the model that is evaluated as training time.

        It takes the place of an earlier one, which a training that had gone on to here would not have needed.
        """
        self.training_s += conversion_s - self._conversion_s
        self._conversion_s = conversion_s

    def accumulate(self, micro_batches: list[Batch]) -> torch.Tensor:
        """Adds the gradients of a batch's loss to the weights' own.

        Args:
            micro_batches: of one batch, or of this rank's part of it, over whose labelled positions (the batch's) each
                part of the loss is a mean.

        Returns:
            The loss, or this rank's share of it. Scalar, float32.
        """
        parts, spread = self.parts, self.parts.spread
        counts = _counts(micro_batches)
        total: torch.Tensor | None = None
        for host_batch in micro_batches:
            batch = host_batch.to(parts.device)
            with _ALONE if spread is None else spread.turn(last=host_batch is micro_batches[-1]):
                with parts.arithmetic.autocast():
                    sums = parts.task.loss_sums(parts.forward, batch, parts.objective)
                    loss = _total([part / max(1, counts[name]) for name, part in sums.items()])
                weighed = loss if spread is None else spread.weighed(loss)
                parts.arithmetic.scaled(weighed).backward()  # type: ignore[no-untyped-call]
            total = loss.detach() if total is None else total + loss.detach()
        assert total is not None
        return total

    def update(self) -> None:
        """Moves the weights by their gradients."""
        parts = self.parts
        scaler = parts.arithmetic.scaler
        if scaler is not None:
            scaler.unscale_(parts.optimizer)
        for change in parts.before_update:
            change()
        if parts.training.gradient_clip is not None:
            clip = torch.nn.utils.clip_grad_norm_ if parts.spread is None else parts.spread.divided.clip
            clip(parts.model.parameters(), parts.training.gradient_clip)
        if scaler is None:
            parts.optimizer.step()
        else:
            scaler.step(parts.optimizer)
            scaler.update()
        parts.optimizer.zero_grad(set_to_none=True)
        for follow in parts.after_update:
            follow(self.steps_taken)

    def _reported(self, ticks: Sequence[Tick]) -> list[float]:
        """The times of the steps that are known to be over, on all ranks, now that these are on this one."""
        spread = self.parts.spread
        if spread is None:
            return [self._report(tick) for tick in ticks]
        times_s = []
        for tick in ticks:
            data_wait_s = self._waiting[spread.under_way][2]
            times_s += [self._report(found.tick, found) for found in spread.offer(tick, data_wait_s)]
        return times_s

    def _report(self, tick: Tick, shared: Shared | None = None) -> float:
        samples, tokens, data_wait_s, rate = self._waiting.popleft()
        told: Mapping[str, float] = {}
        culprit = None
        if shared is not None:
            _, data_wait_s, told, culprit = shared
        self.training_s += tick.step_s
        self.last_loss = tick.loss
        finite = math.isfinite(tick.loss)
        self.events.emit(
            "step", t=tick.t, step=tick.step, step_s=tick.step_s, data_wait_s=data_wait_s, samples=samples,
            tokens=tokens, loss=tick.loss if finite else None, learning_rate=rate, **told,
        )  # fmt: skip
        if not finite:
            raise DivergedError(tick.step, tick.loss, culprit)
        return tick.step_s


def _amounts(micro_batches: Sequence[Batch]) -> tuple[int, int]:
    """Samples and tokens of a batch, the parts of other ranks included."""
    whole = micro_batches[0].whole
    if whole is not None:
        return whole.samples, whole.tokens
    return sum(b.samples for b in micro_batches), sum(b.tokens for b in micro_batches)


def _counts(micro_batches: Sequence[Batch]) -> Mapping[str, int]:
    """The labelled positions of a batch, by label, the parts of other ranks included."""
    whole = micro_batches[0].whole
    if whole is not None:
        return whole.counts
    if len(micro_batches) == 1:
        return micro_batches[0].counts
    counts: Counter[str] = Counter()
    for micro_batch in micro_batches:
        counts.update(micro_batch.counts)
    return counts


def _total(parts: list[torch.Tensor]) -> torch.Tensor:
    return parts[0] if len(parts) == 1 else torch.stack(parts).sum()
