"""The trainer, with a fault in the fifth step of one rank: python faulty.py FAULT RANK MARK."""

import os
import signal
import sys
import time
from typing import Any

from benchbench.training import ranks
from benchbench.training.__main__ import main

FAULT, RANK = sys.argv[1], int(sys.argv[2])
STEP = 5


def fail() -> None:
    if FAULT == "out-of-memory":
        raise MemoryError("no room")
    if FAULT == "hang":
        time.sleep(600)
    if FAULT == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if FAULT == "exit":
        os._exit(7)


def break_one() -> None:
    """Has the loop of this rank fail in its fifth step, in the middle of the passes."""
    from benchbench.training.loop import Loop

    accumulate = Loop.accumulate

    def faulty(loop: Loop, micro_batches: Any) -> Any:
        if loop.steps_taken == STEP:
            fail()
        loss = accumulate(loop, micro_batches)
        return loss * float("nan") if FAULT == "nan" and loop.steps_taken == STEP else loss

    Loop.accumulate = faulty  # type: ignore[method-assign]


mine = ranks.this_rank()
if mine is not None and mine.index == RANK:
    ranks.settle(mine)
    break_one()
sys.exit(main((sys.executable, *sys.argv)))
