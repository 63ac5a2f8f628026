"""Stand-ins for what a test machine lacks: a driver's library that the real binding loads."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection
from functools import cache
from pathlib import Path

_SOURCE = Path(__file__).with_name("nvml.c")
NVML_FUNCTIONS = tuple(re.findall(r"^(?:int|const char \*)\s?(nvml\w+)\(", _SOURCE.read_text(), re.MULTILINE))


def nvml(*, without: Collection[str] = (), only: Collection[str] | None = None) -> Path:
    """A folder with the stand-in `libnvidia-ml.so.1`, each variant compiled once.

    Args:
        without: functions that the library shall not have.
        only: when given, all others are left out.
    """
    absent = set(without) if only is None else set(NVML_FUNCTIONS) - set(only)
    assert absent <= set(NVML_FUNCTIONS), absent - set(NVML_FUNCTIONS)
    return _compiled(frozenset(absent))


@cache
def _compiled(absent: frozenset[str]) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="benchbench-nvml-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    renamed = [f"-D{name}=absent_{name}" for name in sorted(absent)]
    command = ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Wno-parentheses", *renamed]
    subprocess.run([*command, "-o", str(folder / "libnvidia-ml.so.1"), str(_SOURCE)], check=True)
    return folder


def environment(library: Path | None = None, **settings: str) -> dict[str, str]:
    """This process's environment for a child that finds the stand-in: the loader's path counts before a start only."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("FAKE_NVML", "CUDA_VISIBLE_DEVICES"))}
    path = {"LD_LIBRARY_PATH": f"{library}:{os.environ.get('LD_LIBRARY_PATH', '')}"} if library else {}
    return {**clean, **path, **settings}


def run_python(code: str, library: Path | None = None, *arguments: str, **settings: str) -> str:
    """Runs a program in a fresh interpreter with the stand-in in place; its standard output."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *arguments],
        env=environment(library, **settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
