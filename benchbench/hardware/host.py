"""What the kernel says of the CPUs and of the limits on this process. Standard library only."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_CGROUPS = Path("/proc/self/cgroup")
_CGROUP_MOUNT = Path("/sys/fs/cgroup")
_CPU_NAME_KEYS = ("model name", "cpu model", "hardware", "cpu")  # x86, MIPS, some ARM, POWER
_NO_LIMIT_BYTES = 1 << 60  # cgroup v1 writes "none" as the largest number of whole pages


def cpu_name(cpuinfo: Path = _CPUINFO) -> str:
    """The CPU's product name; its architecture where the kernel tells no more."""
    if sys.platform == "darwin":
        return _sysctl("machdep.cpu.brand_string") or platform.machine()
    try:
        lines = cpuinfo.read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    pairs = [(key.strip().lower(), value.strip()) for key, _, value in (line.partition(":") for line in lines)]
    named = (value for wanted in _CPU_NAME_KEYS for key, value in pairs if key == wanted and value)
    return next(named, platform.processor() or platform.machine())


def usable_cpus() -> int:
    """CPUs that this process may run on (its affinity), at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def memory_limit_bytes(cgroups: Path = _CGROUPS, mount: Path = _CGROUP_MOUNT) -> int | None:
    """The container's limit on memory, in bytes: the smallest on the way up its cgroups; None without one."""
    limits = [
        limit
        for folder in _folders("memory", cgroups, mount)
        for name in ("memory.max", "memory.limit_in_bytes")
        if (limit := _whole(_words(folder / name))) is not None and limit < _NO_LIMIT_BYTES
    ]
    return min(limits, default=None)


def cpu_quota(cgroups: Path = _CGROUPS, mount: Path = _CGROUP_MOUNT) -> float | None:
    """CPU time that the container may use, in CPUs: the smallest on the way up its cgroups; None without a limit."""
    quotas = []
    for folder in _folders("cpu", cgroups, mount):
        words = _words(folder / "cpu.max") or [
            *_words(folder / "cpu.cfs_quota_us"),
            *_words(folder / "cpu.cfs_period_us"),
        ]
        quota_us, period_us = _whole(words[:1]), _whole(words[1:])
        if quota_us is not None and quota_us > 0 and period_us:  # v1: -1, v2: "max" for none
            quotas.append(quota_us / period_us)
    return min(quotas, default=None)


def _folders(controller: str, cgroups: Path, mount: Path) -> Iterator[Path]:
    """This process's cgroup for a controller and those above it, v1 and v2, as far as they are mounted here."""
    try:
        lines = cgroups.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        hierarchy, _, rest = line.partition(":")
        controllers, _, inner = rest.partition(":")
        if hierarchy == "0":
            bases = [mount, mount / "unified"]
        elif controller in controllers.split(","):
            bases = [mount / controllers, mount / controller]
        else:
            continue
        # In a container the path may be the host's, of which only the mount itself is to be seen.
        path = Path(inner.lstrip("/"))
        yield from (base / above for base in bases for above in (path, *path.parents))


def _words(path: Path) -> list[str]:
    try:
        return path.read_text().split()
    except OSError:
        return []


def _whole(words: list[str]) -> int | None:
    try:
        return int(words[0])
    except (IndexError, ValueError):
        return None


def _sysctl(name: str) -> str | None:
    try:
        answer = subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip() or None
