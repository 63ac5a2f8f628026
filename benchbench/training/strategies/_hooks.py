"""How a bucket of gradients is averaged over the ranks: as it is, in 16 bits, or as a product of thin matrices.

Each hook stands in the place of DDP's own averaging, and notes when something is under way. bf16 is a hook of our own:
torch's refuses gloo by its name, which carries it well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.distributed as td
from torch.distributed.algorithms.ddp_comm_hooks.powerSGD_hook import PowerSGDState, powerSGD_hook

from benchbench.training.meter import Meter

Future = torch.futures.Future[torch.Tensor]
Hook = Callable[[Meter, Any], Future]

# Vogels et al. 2019, "PowerSGD": ranks of 1 to 4. The first steps go uncompressed: DDP still arranges its buckets.
_POWERSGD_RANK = 4
_POWERSGD_FROM = 10
_LOW = {"fp16": torch.float16, "bf16": torch.bfloat16}


def hook(communication: str) -> Hook:
    """The hook of `parallelism.communication`; its first argument is the meter."""
    if communication == "powersgd":
        return _powersgd()
    return _averaging(_LOW.get(communication))


def _averaging(dtype: torch.dtype | None) -> Hook:
    """The mean over the ranks, sent in a type; None for the gradients' own."""

    def averaged(meter: Meter, bucket: Any) -> Future:
        gradients = bucket.buffer()
        gradients.div_(td.get_world_size())  # before it is rounded: what fits in each rank fits in their sum
        sent = gradients if dtype is None else gradients.to(dtype)
        meter.begun()
        work: Any = td.all_reduce(sent, async_op=True)

        def arrived(done: Any) -> torch.Tensor:
            meter.over()
            (found,) = done.value()
            return gradients if dtype is None else gradients.copy_(found)  # type: ignore[no-any-return]

        future: Future = work.get_future().then(arrived)
        return future

    return averaged


def _powersgd() -> Hook:
    """PowerSGD with its error fed back."""
    state = PowerSGDState(None, matrix_approximation_rank=_POWERSGD_RANK, start_powerSGD_iter=_POWERSGD_FROM)

    def compressed(meter: Meter, bucket: Any) -> Future:
        meter.begun()

        def arrived(done: Any) -> torch.Tensor:
            meter.over()
            found: torch.Tensor = done.value()
            return found

        future: Future = powerSGD_hook(state, bucket).then(arrived)
        return future

    return compressed
