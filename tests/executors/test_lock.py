"""Measurements on one machine take turns."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchbench.errors import StoreError
from benchbench.executors.lock import lock_path, machine_lock

_HOLD = """
import sys, time
from benchbench.executors.lock import machine_lock
with machine_lock(print, "the other command"):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BENCHBENCH_LOCK", str(tmp_path / "lock"))
    return tmp_path / "lock"


def free(path: Path) -> bool:
    with path.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def test_it_is_held_inside_and_free_after(lock_file: Path) -> None:
    said: list[str] = []
    with machine_lock(said.append):
        assert not free(lock_file)
    assert free(lock_file)
    assert said == []


def test_a_second_one_waits_and_says_for_whom(lock_file: Path) -> None:
    said: list[str] = []
    with subprocess.Popen([sys.executable, "-c", _HOLD], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"

        def end_it(message: str) -> None:
            said.append(message)
            os.kill(other.pid, signal.SIGKILL)

        with machine_lock(end_it):
            assert not free(lock_file)
    assert len(said) == 1
    assert "the other command" in said[0]
    assert str(other.pid) in said[0]


def test_a_process_that_inherits_the_lock_holds_it_on(lock_file: Path) -> None:
    with machine_lock(print) as fd:
        heir = subprocess.Popen(["sleep", "600"], pass_fds=[fd])
    assert not free(lock_file)
    heir.kill()
    heir.wait()
    assert free(lock_file)


def test_it_is_free_after_an_error_inside(lock_file: Path) -> None:
    with pytest.raises(RuntimeError), machine_lock(print):
        raise RuntimeError
    assert free(lock_file)


def test_a_link_in_its_place_is_not_followed(lock_file: Path, tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("data")
    lock_file.symlink_to(tmp_path / "precious")
    with pytest.raises(StoreError), machine_lock(print):
        pass
    assert (tmp_path / "precious").read_text() == "data"


def test_there_is_one_for_all_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENCHBENCH_LOCK", raising=False)
    monkeypatch.setenv("TMPDIR", "/somewhere/else")
    assert lock_path() == Path("/tmp/benchbench.lock")
