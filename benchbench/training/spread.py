"""A training that is spread over ranks: what the loop and the procedures ask beyond one process's work."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import torch

from benchbench.training.board import Marker
from benchbench.training.clock import Tick
from benchbench.training.group import Group
from benchbench.training.meter import Sent
from benchbench.training.strategies import Divided

_SETTLED = 2  # steps of a stretch before its pauses tell of a hang


class _Offered(NamedTuple):
    """A step that this rank has taken, of which others may not have told yet."""

    tick: Tick
    own_s: float
    data_wait_s: float
    sent: Sent
    elapsed_s: float
    rows: Callable[[], list[list[float]]]


class Shared(NamedTuple):
    """A step as all ranks have it.

    Attributes:
        tick: its time is the slowest rank's, its loss the sum of the ranks' shares.
        data_wait_s: the longest of the ranks'.
        told: what else its event says: this rank's own times, and communication.
        culprit: the rank whose share of the loss is no finite number, if those of others are.
    """

    tick: Tick
    data_wait_s: float
    told: Mapping[str, float]
    culprit: int | None


@dataclass
class Spread:
    """How a training is spread. All ranks take the same decisions: they go by numbers that all of them have.

    Attributes:
        group: the ranks.
        divided: what the strategy made of the model.
        device: this rank's.
        marker: its row on the board; None where nobody watches.
    """

    group: Group
    divided: Divided
    device: torch.device
    marker: Marker | None = None
    _exchange_s: float = 0.0
    _steps: int = 0
    _quiet: bool = False
    _offered: deque[_Offered] = field(default_factory=deque)
    _elapsed_s: float = 0.0
    _over_s: float = 0.0

    @property
    def after_update(self) -> tuple[Callable[[int], None], ...]:
        """What the strategy does once the weights have moved."""
        return () if self.divided.after_update is None else (self.divided.after_update,)

    def begin(self) -> None:
        """Begins a stretch of steps on all ranks at once."""
        self.group.wait()
        self._exchange_s, self._steps = 0.0, 0
        self._elapsed_s = self._over_s = 0.0

    def end(self) -> None:
        """Ends it."""
        if self.marker is not None:
            self.marker.rest()
        if self.divided.settle is not None:
            self.divided.settle()

    @contextmanager
    def turn(self, *, last: bool) -> Iterator[None]:
        """Around the passes of a micro-batch; the gradients are whole after the `last` of a step."""
        self._mark()
        with self.divided.turn(last and not self._quiet):
            yield
        if self.divided.meter is not None and last:
            self.divided.meter.waited()
        self._mark()

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """While it is entered, gradients are nobody's: they are not sent."""
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False

    def weighed(self, loss: torch.Tensor) -> torch.Tensor:
        """A share of the loss such that the gradients, once they are whole, are those of the global batch's mean."""
        self._mark()
        return loss * self.divided.scale

    def together(self, tick: Tick, data_wait_s: float) -> Shared:
        """Puts what each rank knows of a step together.

        A rank's own time runs from the end of the exchange before to this one, where the ranks wait for the slowest:
        the step's time is the longest of them and what the exchange itself took.

        Args:
            tick: this rank's own, with its share of the loss.
            data_wait_s: its own.
        """
        begin_s = time.monotonic()
        own_s = tick.step_s - self._exchange_s
        sent = Sent(0.0, 0.0) if self.divided.meter is None else self.divided.meter.taken()
        rows = self.group.gathered((tick.loss, own_s, self._exchange_s, data_wait_s, *sent))
        losses, owns, exchanges, waits, exposed, hidden = zip(*rows, strict=True)
        longest_s = max(owns)
        if self.device.type == "cpu":  # elsewhere a step is timed by the device, which does not wait for this
            self._exchange_s = time.monotonic() - begin_s
        self._watched()
        told = self._told(own_s, data_wait_s, sent, exposed, hidden)
        whole = replace(tick, t=tick.t + longest_s - own_s, step_s=longest_s + min(exchanges))
        return self._shared(whole, losses, max(waits), told)

    @property
    def under_way(self) -> int:
        """Steps that this rank has taken, and others perhaps not yet."""
        return len(self._offered)

    def offer(self, tick: Tick, data_wait_s: float) -> list[Shared]:
        """Tells the others of a step, and waits for them only where this rank is too far ahead (see `Divided.ahead`).

        Args:
            tick: this rank's own, with its share of the loss.
            data_wait_s: its own.

        Returns:
            The steps that all ranks have taken, in their order: on every rank the same after the same step.
        """
        if not self.divided.ahead:
            return [self.together(tick, data_wait_s)]
        self._elapsed_s += tick.step_s
        own_s = tick.step_s - self._exchange_s
        sent = Sent(0.0, 0.0) if self.divided.meter is None else self.divided.meter.taken()
        rows = self.group.gathering((tick.loss, self._elapsed_s, data_wait_s, *sent))
        self._offered.append(_Offered(tick, own_s, data_wait_s, sent, self._elapsed_s, rows))
        begin_s = time.monotonic()
        found = [self._known() for _ in range(len(self._offered) - self.divided.ahead)]
        if self.device.type == "cpu":
            self._exchange_s = time.monotonic() - begin_s
        self._watched()
        return found

    def rest(self) -> list[Shared]:
        """Waits until all ranks have taken every step that this one has: those that were under way."""
        return [self._known() for _ in range(len(self._offered))]

    def _known(self) -> Shared:
        """The oldest step under way as all ranks have it.

        It is over when the slowest rank has taken it, and took as long as it is over later than the one before.
        """
        one = self._offered.popleft()
        losses, elapsed, waits, exposed, hidden = zip(*one.rows(), strict=True)
        over_s = max(elapsed)
        told = self._told(one.own_s, one.data_wait_s, one.sent, exposed, hidden)
        whole = replace(one.tick, t=one.tick.t + over_s - one.elapsed_s, step_s=over_s - self._over_s)
        self._over_s = over_s
        return self._shared(whole, losses, max(waits), told)

    def _told(
        self, own_s: float, data_wait_s: float, sent: Sent, exposed: Sequence[float], hidden: Sequence[float]
    ) -> dict[str, float]:
        told = {"own_s": own_s, "own_data_wait_s": data_wait_s}
        if self.divided.meter is not None:
            told |= {
                "own_communication_s": sent.exposed_s,
                "communication_s": sum(exposed) / len(exposed),
                "hidden_communication_s": sum(hidden) / len(hidden),
            }
        return told

    def _shared(self, tick: Tick, losses: Sequence[float], data_wait_s: float, told: Mapping[str, float]) -> Shared:
        bad = [rank for rank, loss in enumerate(losses) if not math.isfinite(loss)]
        whole = replace(tick, loss=math.nan if bad else math.fsum(losses) / self.divided.copies)
        culprit = bad[0] if 0 < len(bad) < len(losses) else None
        return Shared(tick=whole, data_wait_s=data_wait_s, told=told, culprit=culprit)

    def score(self, make: Callable[[], Mapping[str, float]]) -> Mapping[str, float]:
        """Metrics that all ranks have alike: the first rank's, or of all together where none has the whole model."""
        with self.divided.agreed():
            if self.divided.whole:
                return self.group.of_first(make)
            found = make()
            return self.group.of_first(lambda: found)

    def _watched(self) -> None:
        self._steps += 1
        self._mark()
        if self.marker is not None and self._steps == _SETTLED:
            self.marker.watch()

    def _mark(self) -> None:
        if self.marker is not None:
            self.marker.mark()
