"""The machine's fingerprint, with and without GPUs."""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
from importlib import metadata
from pathlib import Path

import psutil
import pytest

from benchbench.hardware import host, inventory
from benchbench.hardware.inventory import machine
from benchbench.record.machine import Machine
from tests.standins import nvml, run_python

SHOW = """
import sys
from benchbench.hardware.inventory import machine
shown = machine().model_dump_json()
assert not {"torch", "transformers", "numpy", "optuna"} & set(sys.modules)
print(shown)
"""


def shown(library: Path | None, **settings: str) -> Machine:
    return Machine.model_validate_json(run_python(SHOW, library, **settings))


def test_the_machine_it_runs_on() -> None:
    here = machine()
    assert here.cpus == os.cpu_count()
    assert 1 <= here.cpus_usable <= here.cpus
    assert here.memory_bytes == psutil.virtual_memory().total
    assert here.architecture == platform.machine()
    assert here.versions["python"] == platform.python_version()
    assert here.versions["torch"] == metadata.version("torch")
    assert {"benchbench", "transformers", "tokenizers", "optuna", "numpy"} < set(here.versions)
    assert here.cuda is here.threads is here.interop_threads is None


def test_gpus_through_the_drivers_library() -> None:
    here = shown(nvml())
    assert [device.model_dump() for device in here.devices] == [
        {
            "index": index,
            "uuid": f"GPU-1{letter}000000-0000-4000-8000-000000000000",
            "name": f"Stand-in GPU {index}",
            "memory_bytes": 80 << 30,
            "power_limit_w": 700.0,
        }
        for index, letter in enumerate("ab")
    ]
    assert (here.driver, here.cuda_driver) == ("999.42.01", "13.1")


def test_a_library_that_can_do_next_to_nothing() -> None:
    here = shown(nvml(only=["nvmlInitWithFlags", "nvmlDeviceGetCount_v2", "nvmlDeviceGetHandleByIndex_v2"]))
    assert [device.model_dump() for device in here.devices] == [
        {"index": index, "uuid": None, "name": "NVIDIA GPU", "memory_bytes": None, "power_limit_w": None}
        for index in range(2)
    ]
    assert here.driver is here.cuda_driver is None


@pytest.mark.parametrize("settings", [{"FAKE_NVML_INIT": "9"}, {"FAKE_NVML_DEVICES": "0"}])
def test_no_gpu(settings: dict[str, str]) -> None:
    assert shown(nvml(), **settings).devices == ()


def test_equal_hardware_has_equal_fingerprints() -> None:
    one, same, other = shown(nvml()), shown(nvml(without=["nvmlDeviceGetUUID"])), shown(nvml(), FAKE_NVML_DEVICES="1")
    assert one.fingerprint == same.fingerprint != other.fingerprint


def test_nothing_private_is_in_it() -> None:
    text = json.dumps(machine().document())
    assert "environ" not in text
    for secret in (socket.gethostname(), str(Path.home()), "hunter2"):
        assert len(secret) < 3 or secret not in text


def test_a_secret_in_the_environment_stays_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hunter2-hunter2")
    assert "hunter2" not in json.dumps(machine().document())


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    answer = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return answer.stdout.strip()


def test_the_commit_and_whether_it_is_what_ran(tmp_path: Path) -> None:
    outside, repository = tmp_path / "outside", tmp_path / "repository"
    outside.mkdir()
    repository.mkdir()
    git(repository, "init", "--quiet")
    assert machine(repository).git_commit is None  # no commit yet
    (repository / "file").write_text("1")
    git(repository, "add", "file")
    git(repository, "commit", "--quiet", "-m", "first")
    (repository / "results").write_text("not followed")
    clean = machine(repository)
    assert (clean.git_commit, clean.git_dirty) == (git(repository, "rev-parse", "HEAD"), False)
    (repository / "file").write_text("2")
    assert machine(repository).git_dirty is True
    nowhere = machine(outside)
    assert (nowhere.git_commit, nowhere.git_dirty) == (None, None)


def test_no_git_and_a_slow_git_are_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine().git_commit is None
    (tmp_path / "git").write_text("#!/bin/sh\nexec /bin/sleep 60\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setattr(inventory, "_GIT_TIMEOUT_S", 0.05)
    assert machine().git_commit is None


def test_limits_count_when_they_are_below_the_machines_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "cpu_quota", lambda: 1.5)
    monkeypatch.setattr(host, "memory_limit_bytes", lambda: 1 << 30)
    assert (machine().memory_limit_bytes, machine().cpu_quota) == (1 << 30, 1.5)
    monkeypatch.setattr(host, "memory_limit_bytes", lambda: 1 << 60)
    assert machine().memory_limit_bytes is None
