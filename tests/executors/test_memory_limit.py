"""Memory groups of both cgroup versions, and the watcher's sum."""

import os
from pathlib import Path

import pytest

from benchbench.executors import memory_limit
from benchbench.executors.memory_limit import MemoryGroup, create_group, resident_bytes


def test_resident_bytes_are_the_kernels(tmp_path: Path) -> None:
    mine = resident_bytes([os.getpid()])
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if x.startswith("VmRSS"))
    assert mine == pytest.approx(int(line.split()[1]) * 1024, rel=0.1)
    assert resident_bytes([2**22 + 7]) == 0, "a process that went counts nothing"


def test_where_no_group_may_be_made_there_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_limit, "_parents", lambda: [(2, tmp_path / "missing"), (1, Path("/proc/nowhere"))])
    assert create_group("x", 2**30) is None


@pytest.mark.parametrize(
    ("version", "limit_file", "kills_file", "kills"),
    [
        (1, "memory.limit_in_bytes", "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n"),
        (2, "memory.max", "memory.events", "low 0\nhigh 0\noom 9\noom_kill 3\n"),
    ],
)
def test_each_version_has_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: int, limit_file: str, kills_file: str, kills: str
) -> None:
    monkeypatch.setattr(memory_limit, "_parents", lambda: [(version, tmp_path)])
    group = create_group("g", 12345)
    assert group == MemoryGroup(tmp_path / "g", version)
    assert (tmp_path / "g" / limit_file).read_text() == "12345"
    (tmp_path / "g" / kills_file).write_text(kills)
    assert group.kills() == 3
    group.admit(42)
    assert (tmp_path / "g" / "cgroup.procs").read_text() == "42"
