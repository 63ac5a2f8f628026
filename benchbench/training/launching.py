"""Starts the ranks of a training on this machine, by torchrun's elastic agent, and says which of them failed.

The agent ends all ranks as soon as one has failed. What it cannot see is a rank that hangs: the others wait for it in a
collective for as long as that may last. So the ranks mark their progress on a board, and who stops marking is found
there.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchbench.record import raw
from benchbench.scenario.plan import Plan
from benchbench.training.board import Board, Hang, hang
from benchbench.training.events import Events
from benchbench.training.ranks import BOARD, RANKS

RANK = (sys.executable, "-P", "-m", "benchbench.training")
_POLL_S = 0.5
_STACKS_S = 1.0  # for a rank to print where it is
_LOOK_S = 0.02
_END_S = 2  # before a rank that was asked to end is killed
_KILLED = 128 + signal.SIGKILL


@dataclass(frozen=True, kw_only=True)
class Died:
    """A rank that ended otherwise than it should.

    Attributes:
        rank: its number.
        code: its exit status; negative for a signal.
        at_s: the second of the clock at which the agent saw it.
    """

    rank: int
    code: int
    at_s: int = 0


def launch(plan: Plan, events: Events, folder: Path, command: Sequence[str] = RANK) -> int:
    """Runs the ranks to their end; an event tells of the one that failed.

    Args:
        plan: how many there are.
        events: the run's own file, to which the first rank writes too.
        folder: where each rank leaves its lines.
        command: a rank's program.

    Returns:
        The exit status: 0, or what stands for the failure.
    """
    shared = folder / "ranks"
    shared.mkdir(exist_ok=True)
    (shared / BOARD).unlink(missing_ok=True)  # an earlier one names processes that are gone
    board = Board(shared / BOARD, plan.world)
    os.environ |= {RANKS: str(shared), "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": str(_END_S), "GLOO_SOCKET_IFNAME": _LOOPBACK}
    watch = Watch(board)
    watch.start()
    try:
        died = _run(plan.world, shared, command)
    finally:
        watch.stop()
    if not died:
        return 0
    found = failure(died, [list(raw.lines(folder / raw.events_of_rank(r))) for r in range(plan.world)], watch.found)
    events.emit("failed", **found)
    return _KILLED if found.get("signal") == signal.SIGKILL else 1


_LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"


def _run(world: int, shared: Path, command: Sequence[str]) -> list[Died]:
    """Those that failed when the agent first saw that some had."""
    from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=world,
        run_id="benchbench",
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        local_addr="127.0.0.1",
        max_restarts=0,
        monitor_interval=_POLL_S,
        logs_specs=DefaultLogsSpecs(log_dir=str(shared)),
    )
    try:
        elastic_launch(config, command[0])(*command[1:])
    except ChildFailedError as error:
        found = [Died(rank=rank, code=one.exitcode, at_s=one.timestamp) for rank, one in error.failures.items()]
        return by_themselves(found)
    return []


def by_themselves(died: Sequence[Died]) -> list[Died]:
    """Those that the agent did not end itself: it asks the ones that are left, and kills who does not heed it.

    Args:
        died: in the order in which the agent saw it, those first that made it end the others.
    """
    first = died[0]
    return [one for one in died if one is first or not _was_ended(one, one.at_s - first.at_s)]


def _was_ended(one: Died, after_s: int) -> bool:
    return one.code == -signal.SIGTERM or (one.code == -signal.SIGKILL and after_s >= _END_S)


def failure(died: Sequence[Died], lines: Sequence[Sequence[Mapping[str, Any]]], hung: Hang | None) -> dict[str, Any]:
    """What the event of a failed training says: of the first rank to fail, not of those that lost it.

    A rank that loses another in a collective fails too, a moment later, and says so; one that a signal or an exit ended
    says nothing.

    Args:
        died: the ranks that ended otherwise than they should.
        lines: of every rank.
        hung: how the ranks hung, if they did and were ended for it.
    """
    if hung is not None:
        who = (
            "all ranks wait for each other" if hung.rank is None else f"rank {hung.rank} hangs; the others wait for it"
        )
        told = f"{who}: no rank did anything for {hung.silent_s:.0f} s"
        return {"kind": "timeout", "message": told, "rank": hung.rank}
    said = {rank: one for rank, one in enumerate(map(_failed, lines)) if one is not None}
    silent = sorted((one for one in died if one.rank not in said), key=lambda one: one.code)
    if silent:
        first = silent[0]
        if first.code < 0:
            return {"kind": "signal", "signal": -first.code, "message": "", "rank": first.rank}
        told = f"ended with code {first.code} before it was done"
        return {"kind": "exit", "message": f"rank {first.rank} {told}", "rank": first.rank}
    rank, line = min(said.items(), key=lambda item: item[1]["t"])
    return {"kind": line["kind"], "message": line["message"], "rank": line.get("rank", rank)}


def _failed(lines: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return next((line for line in lines if line.get("event") == "failed"), None)


class Watch(threading.Thread):
    """Looks at the board twice a second, and ends the ranks if they hang.

    Args of the constructor:
        board: the ranks'.

    Attributes:
        found: how they hung.
    """

    def __init__(self, board: Board) -> None:
        super().__init__(daemon=True)
        self.found: Hang | None = None
        self._board, self._over = board, threading.Event()

    def run(self) -> None:
        """Looks, until it is stopped. A first sight may be of a machine that just woke up; the second is none."""
        seen = False
        while not self._over.wait(_POLL_S):
            found = hang(self._board.standings(), time.monotonic())
            if found is not None and seen:
                self.found = found
                self._end()
                return
            seen = found is not None

    def stop(self) -> None:
        """Looks no more."""
        self._over.set()
        self.join()

    def _end(self) -> None:
        """Each rank prints where it is (see `faulthandler`) and ends, one after the other: all write into one log."""
        standings = self._board.standings()
        assert self.found is not None
        assert all(one.pid for one in standings), "they were watched"
        hangs = self.found.rank
        for rank in sorted(range(len(standings)), key=lambda rank: rank != hangs):
            with contextlib.suppress(psutil.Error):
                process = psutil.Process(standings[rank].pid)
                process.send_signal(signal.SIGABRT)
                _await_end(process)
        for one in standings:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one.pid, signal.SIGKILL)


def _await_end(process: psutil.Process) -> None:
    """Until a process has ended, which its parent need not have noticed; not for long."""
    give_up_s = time.monotonic() + _STACKS_S
    while process.status() != psutil.STATUS_ZOMBIE and time.monotonic() < give_up_s:
        time.sleep(_LOOK_S)
