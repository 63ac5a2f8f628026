"""Ours or foreign, over the life of a process on a GPU."""

from __future__ import annotations

import os
from pathlib import Path

from benchbench.hardware.gpu_processes import GpuProcesses

NOWHERE = int(Path("/proc/sys/kernel/pid_max").read_text()) + 1000  # a number that this namespace never gives
HERE = os.getpid()
NOBODY: frozenset[int] = frozenset()


def test_what_was_there_before_is_foreign_until_it_leaves() -> None:
    processes = GpuProcesses([NOWHERE])
    assert processes.tell([NOWHERE], NOBODY, 0.0) == (NOBODY, 1)
    assert processes.tell([], NOBODY, 1.0) == (NOBODY, 0)
    assert processes.tell([NOWHERE], NOBODY, 2.0) == ({NOWHERE}, 0)  # somebody new under an old number


def test_the_trees_are_ours_even_after_they_left_it() -> None:
    processes = GpuProcesses([])
    assert processes.tell([HERE], frozenset({HERE}), 0.0) == ({HERE}, 0)
    assert processes.tell([HERE], NOBODY, 5.0) == ({HERE}, 0)


def test_a_number_of_the_hosts_that_came_later_is_ours() -> None:
    processes = GpuProcesses([NOWHERE + 1])
    assert processes.tell([NOWHERE, NOWHERE + 1], NOBODY, 0.0) == ({NOWHERE}, 1)


def test_a_newcomer_outside_of_the_tree_is_foreign_after_a_second() -> None:
    processes = GpuProcesses([])
    assert processes.tell([HERE], NOBODY, 0.0) == (NOBODY, 0)
    assert processes.tell([HERE], NOBODY, 0.5) == (NOBODY, 0)
    assert processes.tell([HERE], NOBODY, 1.0) == (NOBODY, 1)
    assert processes.tell([HERE], frozenset({HERE}), 2.0) == ({HERE}, 0)
