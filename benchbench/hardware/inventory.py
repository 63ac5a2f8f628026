"""The machine's fingerprint: hardware, limits and versions, and nothing private."""

from __future__ import annotations

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

import psutil

from benchbench.hardware import host, nvml_library
from benchbench.hardware.nvml_library import Call, Handle
from benchbench.hardware.probe import ProbeUnavailableError
from benchbench.record.machine import Device, Machine

_PACKAGES = ("benchbench", "torch", "transformers", "tokenizers", "optuna", "numpy")
_POWER_LIMITS = (Call("nvmlDeviceGetEnforcedPowerLimit"), Call("nvmlDeviceGetPowerManagementLimit"))
_GIT_TIMEOUT_S = 5.0


def machine(folder: Path | None = None) -> Machine:
    """What this machine is. `cuda` and the thread settings are left for the trainer to tell.

    No library of the trainer's is imported, and the driver is asked only through its own small library.

    Args:
        folder: the folder whose git commit is noted; the current one when None.
    """
    memory_bytes = psutil.virtual_memory().total
    limit_bytes = host.memory_limit_bytes()
    devices, driver, cuda_driver = _gpus()
    commit = _git(folder, "rev-parse", "HEAD")
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no") if commit else None
    return Machine(
        os=f"{platform.system()} {platform.release()}",
        architecture=platform.machine(),
        cpu=host.cpu_name(),
        cpus=os.cpu_count() or 1,
        cpus_usable=host.usable_cpus(),
        memory_bytes=memory_bytes,
        memory_limit_bytes=limit_bytes if limit_bytes is not None and limit_bytes < memory_bytes else None,
        cpu_quota=host.cpu_quota(),
        devices=devices,
        driver=driver,
        cuda_driver=cuda_driver,
        versions=_versions(),
        git_commit=commit,
        git_dirty=None if changes is None else changes != "",
    )


def _gpus() -> tuple[tuple[Device, ...], str | None, str | None]:
    """Every GPU in NVML's order, the driver's version and the CUDA version that it serves."""
    try:
        nvml_library.start()
    except ProbeUnavailableError:
        return (), None, None
    try:
        driver, cuda_driver = nvml_library.driver_version(), nvml_library.cuda_driver_version()
        devices = tuple(_device(index, handle) for index, handle in enumerate(nvml_library.handles()))
    except ProbeUnavailableError:
        devices = ()
    finally:
        nvml_library.stop()
    return devices, driver, cuda_driver


def _device(index: int, handle: Handle | None) -> Device:
    limit_mw = nvml_library.number(nvml_library.attempt(handle, _POWER_LIMITS))
    return Device(
        index=index,
        uuid=nvml_library.uuid_of(handle),
        name=nvml_library.name_of(handle),
        memory_bytes=nvml_library.number(nvml_library.attempt(handle, [Call("nvmlDeviceGetMemoryInfo")]), "total"),
        power_limit_w=None if limit_mw is None else limit_mw * 1e-3,
    )


def _versions() -> dict[str, str]:
    """Python's version and those of the packages that matter for speed, where they are installed."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions


def _git(folder: Path | None, *arguments: str) -> str | None:
    """Git's answer without the last newline; None where there is no git, no repository, or no answer in time."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0"}  # a look must not touch the index of whoever works there
    try:
        answer = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
            check=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()
