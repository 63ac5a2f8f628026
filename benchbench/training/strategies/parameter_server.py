"""Parameter server: the first rank keeps the weights and moves them; the others send it gradients and get weights.

Li et al. 2014, "Scaling distributed machine learning with the parameter server". The server trains too, so that every
rank has its part of each global batch and a data degree of 2 is two that train.

- sync: the server waits for all; the sum of their gradients moves the weights once, as in one process.
- async: each gradient moves the weights by itself as it comes, and its rank goes on from what they then are (Dean et
  al. 2012, "Large scale distributed deep networks"). It is weighed by its labelled positions, as in local SGD, and
  clipped where it was made; so a step moves the weights as often as there are ranks, each time by the whole learning
  rate. A rank is at most `AHEAD` steps before the slowest (Ho et al. 2013, "More effective distributed ML via a stale
  synchronous parallel parameter server"), for what ends a training is decided from numbers that all ranks have.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import chain
from typing import Any

import torch
import torch.distributed as td

from benchbench.scenario.scenario import Scenario
from benchbench.training.group import Group
from benchbench.training.meter import Meter
from benchbench.training.strategies import Divided
from benchbench.training.strategies._refusals import of_parameter_servers, of_ranks

AHEAD = 4
_SERVER = 0
Tensors = Sequence[torch.Tensor]


class ParameterServer:
    """See `Strategy`."""

    def refuse(self, scenario: Scenario) -> tuple[str, str] | None:
        """See `Strategy.refuse`."""
        return next(chain(of_ranks(scenario), of_parameter_servers(scenario)), None)

    def apply(self, model: torch.nn.Module, group: Group, scenario: Scenario) -> Divided:
        """See `Strategy.apply`."""
        weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
        make = _in_turns if scenario.parallelism.parameter_server == "sync" else _at_any_time
        return make(model, weights, group)


def _in_turns(model: torch.nn.Module, weights: list[torch.nn.Parameter], group: Group) -> Divided:
    """Gradients come together at the server, whose optimizer alone has any to move weights by."""
    meter, first = Meter(), group.rank.index == _SERVER

    @contextmanager
    def turn(last: bool) -> Iterator[None]:
        yield
        if last:
            with meter.standing(), torch.no_grad():
                _collect(weights, group)

    def update(_step: int) -> None:
        with meter.standing(), torch.no_grad():
            flat = _flat(weights)
            td.broadcast(flat, src=_SERVER)
            if not first:
                _put(flat, weights)

    def divided(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
        if not first:
            for one in optimizer.param_groups:
                one["params"].clear()
        return optimizer

    return Divided(
        forward=model,
        turn=turn,
        scale=1.0,
        optimizer=divided,
        after_update=update,
        meter=_known(meter, weights),
    )


def _collect(weights: list[torch.nn.Parameter], group: Group) -> None:
    """Adds the gradients of all ranks to the server's, in the ranks' order; the others are left with none."""
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    flat = _flat(gradients)
    if group.rank.index == _SERVER:
        arrived = torch.empty_like(flat)
        for rank in range(1, group.rank.world):
            td.recv(arrived, src=rank)
            flat += arrived
        _put(flat, gradients)
        return
    td.send(flat, dst=_SERVER)
    for weight in weights:
        weight.grad = None


def _at_any_time(model: torch.nn.Module, weights: list[torch.nn.Parameter], group: Group) -> Divided:
    """A thread of the first rank takes the gradients of the others while that rank computes its own."""
    meter = Meter()
    lines = td.new_group(backend="gloo")  # of the host's, for what the first rank waits for is anybody's
    remote: list[_Remote] = []

    def divided(optimizer: torch.optim.Optimizer) -> torch.optim.Optimizer:
        kind = _Server if group.rank.index == _SERVER else _Worker
        remote.append(kind(optimizer, weights, meter, lines))
        return remote[0]

    def settle() -> None:
        """After a stretch all have sent what they had: every rank takes the weights as they are."""
        with torch.no_grad():
            remote[0].take()
            flat = _flat(weights)
            td.broadcast(flat, src=_SERVER)
            _put(flat, weights)

    return Divided(
        forward=model,
        turn=lambda _last: nullcontext(),
        scale=float(group.rank.world),
        optimizer=divided,
        settle=settle,
        ahead=AHEAD,
        meter=_known(meter, weights),
    )


class _Remote(torch.optim.Optimizer):
    """Stands on a rank in the place of the optimizer that moves its weights elsewhere; has its groups, and no state."""

    def __init__(
        self, optimizer: torch.optim.Optimizer, weights: list[torch.nn.Parameter], meter: Meter, lines: Any
    ) -> None:
        groups: list[dict[str, Any]] = [{**group, "params": [*group["params"]]} for group in optimizer.param_groups]
        super().__init__(groups, {})
        self._weights, self._meter, self._lines = weights, meter, lines

    def take(self) -> None:
        """Takes the weights as they are, where they are known here."""

    def _message(self) -> torch.Tensor:
        """The gradients of this rank on the host, and the learning rate of its step."""
        gradients = [torch.zeros_like(w) if w.grad is None else w.grad for w in self._weights]
        return torch.cat((_flat(gradients).cpu(), torch.tensor([self.param_groups[0]["lr"]])))


class _Worker(_Remote):
    """Sends gradients and gets weights."""

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Has the server move the weights by this rank's gradients, and takes them as they then are."""
        assert closure is None
        message = self._message()
        with self._meter.standing():
            td.send(message, dst=_SERVER, group=self._lines)
            td.recv(message, src=_SERVER, group=self._lines)
        _put(message[:-1], self._weights)


class _Server(_Remote):
    """Moves weights of its own, which no pass computes with, by the gradients of all ranks."""

    def __init__(
        self, optimizer: torch.optim.Optimizer, weights: list[torch.nn.Parameter], meter: Meter, lines: Any
    ) -> None:
        super().__init__(optimizer, weights, meter, lines)
        self._kept = [torch.nn.Parameter(weight.detach().clone()) for weight in weights]
        kept = {id(weight): own for weight, own in zip(weights, self._kept, strict=True)}
        self._optimizer, self._lock = optimizer, threading.Lock()
        for group in optimizer.param_groups:
            group["params"][:] = [kept[id(weight)] for weight in group["params"]]
        self._error: BaseException | None = None
        threading.Thread(target=self._serve, daemon=True, name="parameter-server").start()

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Moves the weights by this rank's own gradients, and takes them as they then are."""
        assert closure is None
        if self._error is not None:
            raise RuntimeError("the parameter server ended") from self._error
        message = self._message()
        with self._meter.standing():
            self._lock.acquire()
        try:
            self._move(message)
            self.take()
        finally:
            self._lock.release()

    @torch.no_grad()
    def take(self) -> None:
        """See `_Remote.take`."""
        torch._foreach_copy_(list[torch.Tensor](self._weights), list[torch.Tensor](self._kept))

    def _move(self, message: torch.Tensor) -> None:
        flat = message[:-1].to(self._kept[0].device)
        for own, gradient in zip(self._kept, _parts(flat, self._kept), strict=True):
            own.grad = gradient
        for group in self._optimizer.param_groups:
            group["lr"] = float(message[-1])
        self._optimizer.step()

    def _serve(self) -> None:
        """Takes each message as it comes, from whichever rank; for as long as the process lives."""
        message = torch.empty(sum(own.numel() for own in self._kept) + 1)
        device = self._kept[0].device
        try:
            with torch.cuda.device(device) if device.type == "cuda" else nullcontext(), torch.no_grad():
                while True:
                    rank = td.recv(message, group=self._lines)
                    with self._lock:
                        self._move(message)
                        message[:-1] = _flat(self._kept).cpu()
                    td.send(message, dst=rank, group=self._lines)
        except BaseException as error:  # noqa: BLE001 - the next step tells of it
            self._error = error


def _flat(tensors: Tensors) -> torch.Tensor:
    """All of them as one vector."""
    return torch.cat([tensor.detach().reshape(-1) for tensor in tensors])


def _parts(flat: torch.Tensor, like: Tensors) -> list[torch.Tensor]:
    """A vector as tensors of the shapes of some."""
    pieces = torch.split(flat, [tensor.numel() for tensor in like])
    return [piece.view_as(tensor) for piece, tensor in zip(pieces, like, strict=True)]


def _put(flat: torch.Tensor, tensors: Tensors) -> None:
    """Writes a vector into tensors."""
    torch._foreach_copy_(list(tensors), _parts(flat.to(tensors[0].device), tensors))


def _known(meter: Meter, weights: Tensors) -> Meter | None:
    """The meter where Python sees how long something takes: a device would go on meanwhile."""
    return meter if weights[0].device.type == "cpu" else None


PLUGIN = ParameterServer()
