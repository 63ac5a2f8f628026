"""A rank knows which one it is, and has CPUs of its own before anything else loads."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from benchbench.training.ranks import RANKS, Rank, share_of, this_rank

NAMED = {"RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}


def test_a_process_is_a_rank_only_where_our_launcher_says_so() -> None:
    assert this_rank({**NAMED, RANKS: "x"}) == Rank(index=3, world=8, local=1, local_world=2)
    assert this_rank(NAMED) is None, "of some other launcher, above us"
    assert this_rank({RANKS: "x"}) is None


@pytest.mark.parametrize(
    ("cpus", "parts", "shares"),
    [
        ([0, 1], 2, [[0], [1]]),
        ([0, 2, 4, 6, 8], 2, [[0, 2], [4, 6, 8]]),
        ([5], 2, [[5], [5]]),
        ([0, 1, 2, 3], 1, [[0, 1, 2, 3]]),
    ],
)
def test_cpus_are_divided_and_none_is_left_out(cpus: list[int], parts: int, shares: list[list[int]]) -> None:
    ranks = [Rank(index=r, world=parts, local=r, local_world=parts) for r in range(parts)]
    assert [share_of(cpus, rank) for rank in ranks] == shares


_SETTLE = """
import json, os, sys
from benchbench.training import ranks
ranks.settle(ranks.this_rank())
print(json.dumps([sorted(os.sched_getaffinity(0)), os.environ["OMP_NUM_THREADS"], "torch" in sys.modules]))
"""


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system binds no process to CPUs")
@pytest.mark.parametrize("told", [None, "7"])
def test_a_rank_binds_itself_and_takes_as_many_threads_unless_it_is_told(told: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    usable = sorted(os.sched_getaffinity(0))
    environment |= {**NAMED, RANKS: "x", "LOCAL_RANK": "0", **({} if told is None else {"OMP_NUM_THREADS": told})}
    answer = subprocess.run(
        [sys.executable, "-c", _SETTLE], env=environment, capture_output=True, text=True, check=True
    )
    mine = usable[: max(1, len(usable) // 2)] if len(usable) > 1 else usable
    assert json.loads(answer.stdout) == [mine, told or str(len(mine)), False]
