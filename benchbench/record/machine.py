"""The machine that a run was measured on: what matters for speed, and nothing private."""

from __future__ import annotations

import hashlib

from pydantic import Field

from benchbench.values import Observed


class Device(Observed):
    """One accelerator."""

    index: int
    uuid: str | None = None
    name: str
    memory_bytes: int | None = None
    power_limit_w: float | None = None


class Machine(Observed):
    """Hardware, software and limits. No environment variables, no host name, no user."""

    os: str
    architecture: str
    cpu: str
    cpus: int
    cpus_usable: int
    memory_bytes: int
    memory_limit_bytes: int | None = None
    cpu_quota: float | None = None
    devices: tuple[Device, ...] = ()
    driver: str | None = None
    cuda_driver: str | None = None
    cuda: str | None = None
    threads: int | None = None
    interop_threads: int | None = None
    versions: dict[str, str] = Field({}, description="of Python and of the libraries that decide speed")
    git_commit: str | None = None
    git_dirty: bool | None = None

    @property
    def fingerprint(self) -> str:
        """Equal for the same hardware; results of different fingerprints are never joined silently."""
        parts = [self.architecture, self.cpu, str(self.cpus), *(d.name for d in self.devices)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
