"""How the ranks of a training talk: torch's process group, and numbers and objects of the host over it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar, cast

import torch
import torch.distributed as td

from benchbench.training.ranks import Rank

T = TypeVar("T")
_GRACE_S = 60.0  # beyond the run's own deadline: the supervisor ends it before a collective gives up
_LONGEST_S = 30 * 24 * 3600.0  # torch counts a timeout in a 64-bit number of small units
_HOST = torch.device("cpu")


class Group:
    """The ranks, all of which call each method in the same order.

    Args of the constructor:
        rank: this process.
    """

    def __init__(self, rank: Rank) -> None:
        self.rank = rank

    def gathered(self, numbers: Sequence[float]) -> list[list[float]]:
        """The numbers of every rank, in the ranks' order; every rank gives as many."""
        mine = torch.tensor(numbers, dtype=torch.float64)
        found = [torch.empty_like(mine) for _ in range(self.rank.world)]
        td.all_gather(found, mine)
        return [row.tolist() for row in found]

    def gathering(self, numbers: Sequence[float]) -> Callable[[], list[list[float]]]:
        """As `gathered`, but waits for the others only when what it returns is called."""
        mine = torch.tensor(numbers, dtype=torch.float64)
        found = [torch.empty_like(mine) for _ in range(self.rank.world)]
        work = td.all_gather(found, mine, async_op=True)

        def arrived() -> list[list[float]]:
            work.wait()
            return [row.tolist() for row in found]

        return arrived

    def objects(self, mine: T) -> list[T]:
        """What every rank gives, in the ranks' order."""
        found: list[T | None] = [None] * self.rank.world
        td.all_gather_object(found, mine)
        return cast(list[T], found)

    def of_first(self, make: Callable[[], T]) -> T:
        """What the first rank makes; the others wait for it."""
        box = [make() if self.rank.index == 0 else None]
        td.broadcast_object_list(box, src=0, device=_HOST)
        return cast(T, box[0])

    def wait(self) -> None:
        """Returns once every rank has called it."""
        self.gathered((0.0,))


def join(rank: Rank, device: torch.device, timeout_s: float) -> Group:
    """Joins the ranks that the environment names (`MASTER_ADDR` and kin): gloo on the host, NCCL on CUDA devices.

    Args:
        rank: this process.
        device: what it computes on.
        timeout_s: that the run may take.
    """
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    td.init_process_group(backend, timeout=timedelta(seconds=min(timeout_s + _GRACE_S, _LONGEST_S)))
    return Group(rank)
