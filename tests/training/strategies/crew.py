"""Ranks that stay: a few processes in one process group, to which a test gives one piece of work after another."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

ANSWER_S = 120.0


class Crew:
    """Processes, all of which do each piece of work.

    Args of the constructor:
        world: how many.
        folder: an empty one.
    """

    def __init__(self, world: int, folder: Path) -> None:
        context = multiprocessing.get_context("spawn")
        self.world = world
        self._lines: list[Connection] = []
        self._members = []
        for rank in range(world):
            ours, theirs = context.Pipe()
            member = context.Process(target=_serve, args=(rank, world, str(folder / "store"), theirs), daemon=True)
            member.start()
            theirs.close()
            self._lines.append(ours)
            self._members.append(member)

    def do(self, work: Callable[..., Any], *arguments: Any) -> list[Any]:
        """What each rank answers to `work(group, *arguments)`.

        Raises:
            AssertionError: one failed; says how.
        """
        for line in self._lines:
            line.send((work, arguments))
        answers = []
        for rank, line in enumerate(self._lines):
            assert line.poll(ANSWER_S), f"rank {rank} gives no answer"
            failed, answer = line.recv()
            assert not failed, f"rank {rank}: {answer}"
            answers.append(answer)
        return answers

    def close(self) -> None:
        """Ends them."""
        for line in self._lines:
            line.close()
        for member in self._members:
            member.join(5.0)
            if member.is_alive():
                member.kill()


def _serve(rank: int, world: int, store: str, line: Connection) -> None:
    os.environ["GLOO_SOCKET_IFNAME"] = "lo"
    import torch
    import torch.distributed as td

    from benchbench.training.group import Group
    from benchbench.training.ranks import Rank

    torch.set_num_threads(1)
    td.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=world, timeout=timedelta(seconds=ANSWER_S)
    )
    group = Group(Rank(index=rank, world=world, local=rank, local_world=world))
    while True:
        try:
            work, arguments = line.recv()
        except (EOFError, ConnectionResetError):
            break
        try:
            line.send((False, work(group, *arguments)))
        except BaseException:  # noqa: BLE001 - whatever it is, the test is to see it
            line.send((True, traceback.format_exc()))
    os._exit(0)  # torch may wait for ever when it takes its collectives down
