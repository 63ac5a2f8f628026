"""Reading what the kernel says of CPUs and limits, from files that look like its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchbench.hardware.host import cpu_name, cpu_quota, memory_limit_bytes, usable_cpus

GIB = 1 << 30


def group(mount: Path, path: str, **files: str) -> None:
    folder = mount / path
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(f"{text}\n")


@pytest.fixture
def cgroups(tmp_path: Path) -> Path:
    return tmp_path / "cgroup"


def test_v2_the_smallest_limit_on_the_way_up_counts(tmp_path: Path, cgroups: Path) -> None:
    cgroups.write_text("0::/pod/job\n")
    group(tmp_path, "pod/job", memory__max="max", cpu__max="300000 100000")
    group(tmp_path, "pod", memory__max=str(8 * GIB), cpu__max="50000 100000")
    group(tmp_path, "", memory__max=str(16 * GIB), cpu__max="max 100000")
    assert memory_limit_bytes(cgroups, tmp_path) == 8 * GIB
    assert cpu_quota(cgroups, tmp_path) == 0.5


def test_v1_each_controller_has_its_own_path(tmp_path: Path, cgroups: Path) -> None:
    cgroups.write_text("4:memory:/box\n3:cpu,cpuacct:/other\n1:name=systemd:/\n")
    group(tmp_path, "memory/box", memory__limit_in_bytes=str(2 * GIB))
    group(tmp_path, "memory", memory__limit_in_bytes="9223372036854771712")
    group(tmp_path, "cpu,cpuacct/other", cpu__cfs_quota_us="150000", cpu__cfs_period_us="100000")
    group(tmp_path, "cpu,cpuacct", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    assert memory_limit_bytes(cgroups, tmp_path) == 2 * GIB
    assert cpu_quota(cgroups, tmp_path) == 1.5


def test_in_a_container_the_mount_itself_is_the_group(tmp_path: Path, cgroups: Path) -> None:
    cgroups.write_text("4:memory:/docker/0123abcd\n0::/docker/0123abcd\n")
    group(tmp_path, "memory", memory__limit_in_bytes=str(3 * GIB))
    assert memory_limit_bytes(cgroups, tmp_path) == 3 * GIB


@pytest.mark.parametrize("text", ["", "nonsense\n", "0::/\n"])
def test_no_limit_is_none(tmp_path: Path, cgroups: Path, text: str) -> None:
    cgroups.write_text(text)
    group(tmp_path, "", memory__max="max", cpu__max="max 100000")
    assert memory_limit_bytes(cgroups, tmp_path) is None
    assert cpu_quota(cgroups, tmp_path) is None
    assert memory_limit_bytes(tmp_path / "missing", tmp_path) is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("processor\t: 0\nvendor_id\t: AuthenticAMD\nmodel name\t: AMD EPYC 9654\nprocessor\t: 1\n", "AMD EPYC 9654"),
        ("processor : 0\nBogoMIPS : 50\n\nHardware : BCM2835\n", "BCM2835"),
        ("cpu : POWER9, altivec supported\n", "POWER9, altivec supported"),
    ],
)
def test_the_cpus_name(tmp_path: Path, text: str, name: str) -> None:
    (tmp_path / "cpuinfo").write_text(text)
    assert cpu_name(tmp_path / "cpuinfo") == name


def test_a_cpu_without_a_name_has_its_architectures(tmp_path: Path) -> None:
    assert cpu_name(tmp_path / "missing")


def test_usable_cpus_follow_the_affinity() -> None:
    before = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(before)})
        assert usable_cpus() == 1
    finally:
        os.sched_setaffinity(0, before)
    assert usable_cpus() == len(before)
