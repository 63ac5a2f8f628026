"""Finding the processes below one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchbench.hardware import process_tree
from benchbench.hardware.process_tree import WatchedTree, descendants, exists

# A child that names itself with what would mislead a careless reader of /proc, and has a child of its own.
NAMED = """
import subprocess, sys, time
open("/proc/self/comm", "w").write("a) S 1 (b c")
child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(100)"])
print(child.pid, flush=True)
time.sleep(100)
"""


@pytest.fixture
def family() -> Iterator[tuple[int, int]]:
    """A child and a grandchild."""
    with subprocess.Popen([sys.executable, "-S", "-c", NAMED], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        grandchild = int(child.stdout.readline())
        yield child.pid, grandchild
        for pid in (grandchild, child.pid):
            os.kill(pid, 9)


def test_children_and_theirs_are_found_the_root_is_not(family: tuple[int, int]) -> None:
    child, grandchild = family
    found = descendants(os.getpid())
    assert [pid for pid in found if pid in family] == [child, grandchild]
    assert os.getpid() not in found
    assert descendants(child) == [grandchild]
    assert descendants(grandchild) == []


def test_what_is_left_out_is_left_out_with_all_below_it(family: tuple[int, int]) -> None:
    child, grandchild = family
    assert not {child, grandchild} & set(descendants(os.getpid(), {child}))
    assert grandchild not in descendants(os.getpid(), [grandchild])


def test_nothing_is_below_a_process_that_is_not_there() -> None:
    assert descendants(2**22 + 1) == []


def test_a_process_that_vanishes_during_the_look_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    listed = [*(path.name for path in Path("/proc").iterdir()), "4194305"]
    monkeypatch.setattr(process_tree.os, "listdir", lambda _: listed)
    assert descendants(2**22 + 1) == []


def test_where_there_is_no_proc_ps_tells(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ps").write_text("#!/bin/sh\nprintf '   1     0\\n  50     1\\n  51    50\\n  60     1\\n'\n")
    (tmp_path / "ps").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(process_tree.sys, "platform", "darwin")
    assert descendants(1) == [50, 60, 51]
    monkeypatch.setenv("PATH", "/nonexistent")
    assert descendants(1) == []


def test_existence() -> None:
    assert exists(os.getpid())
    assert exists(1)
    assert not exists(2**22 + 1)


def test_the_tree_is_looked_for_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    cost_s = 0.0

    def look(root_pid: int, without: frozenset[int]) -> list[int]:
        looks.append(root_pid)
        spent_s = time.thread_time() + cost_s
        while time.thread_time() < spent_s:
            pass
        return [len(looks)]

    monkeypatch.setattr(process_tree, "descendants", look)
    monkeypatch.setattr(process_tree, "_newest_process", lambda: None)
    tree = WatchedTree(7)
    assert [tree.pids(now_s) for now_s in (0.0, 0.4, 0.6)] == [{1}, {1}, {2}]
    cost_s = 0.02  # so the next look is due two seconds later
    assert [tree.pids(now_s) for now_s in (1.2, 3.1, 3.7)] == [{3}, {3}, {4}]
    assert set(looks) == {7}


def test_the_tree_is_looked_for_when_there_is_a_new_process_and_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = 0
    newest = b"70"

    def look(root_pid: int, without: frozenset[int]) -> list[int]:
        nonlocal looks
        looks += 1
        return [looks]

    monkeypatch.setattr(process_tree, "descendants", look)
    monkeypatch.setattr(process_tree, "_newest_process", lambda: newest)
    tree = WatchedTree(7)
    assert [tree.pids(now_s) for now_s in (0.0, 1.0, 2.0)] == [{1}, {1}, {1}]
    newest = b"71"
    assert [tree.pids(now_s) for now_s in (3.0, 4.0, 7.4, 8.1)] == [{2}, {2}, {2}, {3}]


def test_a_new_process_is_news(family: tuple[int, int]) -> None:
    before = process_tree._newest_process()
    subprocess.run([sys.executable, "-S", "-c", ""], check=True)
    assert before is not None
    assert process_tree._newest_process() != before


def test_a_look_is_quick() -> None:
    processes = sum(path.name.isdecimal() for path in Path("/proc").iterdir())
    began_s = time.thread_time()
    for _ in range(20):
        descendants(1)
    assert (time.thread_time() - began_s) / 20 < 1e-4 * processes
