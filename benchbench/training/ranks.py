"""Which of several processes this one is, and the CPUs that are its own. Knows no torch: it acts before that loads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchbench.training.board import Board, Marker

RANKS = "BENCHBENCH_RANKS"  # the folder that the ranks of a training share; set by who starts them
BOARD = "board"
_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS")


@dataclass(frozen=True, kw_only=True)
class Rank:
    """One process of several that train together.

    Attributes:
        index: its number, from 0, among all.
        world: how many there are.
        local: its number among those of this machine.
        local_world: how many there are on this machine.
    """

    index: int
    world: int
    local: int
    local_world: int


def this_rank(environment: Mapping[str, str] = os.environ) -> Rank | None:
    """The rank that the environment names; None in a process that trains alone, or starts the ranks."""
    if RANKS not in environment or "RANK" not in environment:
        return None
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
    index, world, local, local_world = (int(environment[name]) for name in names)
    return Rank(index=index, world=world, local=local, local_world=local_world)


def marker(rank: Rank) -> Marker:
    """This rank's row on the board that who started it looks at."""
    return Board(Path(os.environ[RANKS]) / BOARD, rank.world).marker(rank.index)


def share_of(cpus: list[int], rank: Rank) -> list[int]:
    """The CPUs of a rank: an equal part of those that the ranks may use, or all of them where each cannot have one."""
    count, parts = len(cpus), rank.local_world
    if count < parts:
        return cpus
    return cpus[rank.local * count // parts : (rank.local + 1) * count // parts]


def settle(rank: Rank) -> None:
    """Binds this process to its CPUs, and gives it as many threads, unless the environment says how many it has."""
    count = max(1, (os.cpu_count() or 1) // rank.local_world)
    if hasattr(os, "sched_setaffinity"):
        usable = sorted(os.sched_getaffinity(0))
        mine = share_of(usable, rank)
        os.sched_setaffinity(0, mine)
        count = max(1, min(len(mine), len(usable) // rank.local_world))
    for name in _THREADS:
        os.environ.setdefault(name, str(count))
