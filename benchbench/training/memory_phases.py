"""What a step's memory is for: parameters, gradients, optimizer, activations, and what is temporary.

Tensors are counted by their storages, each once. Activations are what the forward pass of a micro-batch saves for the
backward one. Where the device's allocator can be asked, activations are the memory that the forward pass leaves in
use, and temporary is the most that a part of the step (forward, backward, update) had above both of its ends.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

import torch

from benchbench.training.events import Events
from benchbench.training.loop import Loop, Parts


class Allocator(Protocol):
    """A device's allocator."""

    def now_bytes(self) -> int:
        """Bytes in tensors."""
        ...

    def peak_bytes(self) -> int:
        """The most bytes in tensors since the last `reset`."""
        ...

    def reset(self) -> None:
        """Begins a new peak."""
        ...


class CudaAllocator:
    """That of the current CUDA device."""

    def now_bytes(self) -> int:
        """See `Allocator`."""
        return torch.cuda.memory_allocated()

    def peak_bytes(self) -> int:
        """See `Allocator`."""
        return torch.cuda.max_memory_allocated()

    def reset(self) -> None:
        """See `Allocator`."""
        torch.cuda.reset_peak_memory_stats()


class Saved:
    """Counts, while it is entered, the storages that autograd saves, those of some tensors left out.

    Attributes:
        total_bytes: of all that was saved.
    """

    def __init__(self, left_out: Iterable[torch.Tensor]) -> None:
        self.total_bytes = 0
        self._known = {_place(tensor) for tensor in left_out}

    def pack(self, tensor: torch.Tensor) -> torch.Tensor:
        """Counts a tensor that is saved."""
        place = _place(tensor)
        if place not in self._known:
            self._known.add(place)
            self.total_bytes += tensor.untyped_storage().nbytes()
        return tensor.detach()  # the tensor itself would hold on to what holds it


class _Borders:
    """Peaks of the parts of a step, each from one border to the next."""

    def __init__(self, allocator: Allocator) -> None:
        self._allocator = allocator
        allocator.reset()
        self.before_bytes = self.after_bytes = allocator.now_bytes()
        self.temporary_bytes = 0

    def cross(self) -> None:
        """Ends a part and begins the next."""
        self.before_bytes, self.after_bytes = self.after_bytes, self._allocator.now_bytes()
        above = self._allocator.peak_bytes() - max(self.before_bytes, self.after_bytes)
        self.temporary_bytes = max(self.temporary_bytes, above)
        self._allocator.reset()


def report(loop: Loop, events: Events, allocator: Allocator | None) -> None:
    """Takes one step and emits `memory-phases`, in bytes; what cannot be told here is null.

    Args:
        loop: between two stretches, measured to its end.
        events: where it goes; the step itself is not reported.
        allocator: the device's; None where there is none to ask (CPU, mps).
    """
    parts = loop.parts
    parts.model.train()
    borders = None if allocator is None else _Borders(allocator)
    activations: list[int] = []
    micro_batches = next(parts.batches)
    for batch in micro_batches:
        with _forward(parts, borders, activations):
            loop.accumulate([batch])
        if borders is not None:
            borders.cross()
    gradients = storage_bytes(p.grad for p in parts.model.parameters() if p.grad is not None)
    loop.update()
    if borders is not None:
        borders.cross()
    events.emit(
        "memory-phases",
        parameters_bytes=storage_bytes(_weights(parts)),
        gradients_bytes=gradients,
        optimizer_bytes=storage_bytes(_state(parts)),
        averages_bytes=storage_bytes(t for s in parts.states.values() for t in s.state_dict().values()),
        activations_bytes=max(activations, default=None),
        temporary_bytes=None if borders is None else borders.temporary_bytes,
    )


@contextmanager
def _forward(parts: Parts, borders: _Borders | None, activations: list[int]) -> Iterator[None]:
    """Adds the activations of a micro-batch, told where autograd first asks for what it saved.

    A compiled model is left alone: watching what it saves would compile it anew.
    """
    if parts.training.compile != "none":
        yield
        return
    saved = Saved(_weights(parts))
    begun = False

    def unpack(tensor: torch.Tensor) -> torch.Tensor:
        """Takes down what is saved when the first of it is taken back, and hands it over."""
        nonlocal begun
        if not begun:
            begun = True
            if borders is None:
                activations.append(saved.total_bytes)
            else:
                borders.cross()
                activations.append(max(0, borders.after_bytes - borders.before_bytes))
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(saved.pack, unpack):
        yield


def storage_bytes(tensors: Iterable[torch.Tensor]) -> int:
    """Bytes of the storages of some tensors, each storage once."""
    found = {_place(tensor): tensor.untyped_storage().nbytes() for tensor in tensors}
    return sum(found.values())


def _place(tensor: torch.Tensor) -> tuple[torch.device, int]:
    return tensor.device, tensor.untyped_storage().data_ptr()


def _weights(parts: Parts) -> list[torch.Tensor]:
    return [*parts.model.parameters(), *parts.model.buffers()]


def _state(parts: Parts) -> list[torch.Tensor]:
    return [v for state in parts.optimizer.state.values() for v in state.values() if isinstance(v, torch.Tensor)]
