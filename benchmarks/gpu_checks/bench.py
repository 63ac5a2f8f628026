"""Runs the checkout's own `benchbench` as a user would, and reads what it prints."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.pairs import ROOT, environment


@dataclass(frozen=True)
class Check:
    """One check: `run` returns what it saw, in words, or raises AssertionError with what was wrong."""

    name: str
    run: Callable[[], str]


def benchbench(*arguments: str, timeout_s: float = 240.0) -> tuple[int, dict[str, Any]]:
    """Runs one command with `--json`.

    Returns:
        The exit code and the document.
    """
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-P", "-m", "benchbench", *arguments, "--json", "--no-report", "--out", out]
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout_s, env=environment(), cwd=ROOT, check=False
        )
    assert answer.stdout, f"no document; stderr ends: {answer.stderr[-600:]}"
    document: dict[str, Any] = json.loads(answer.stdout)
    return answer.returncode, document


def smi(fields: str) -> list[list[str]]:
    """What `nvidia-smi` says, a row a GPU."""
    text = subprocess.run(
        ["nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader,nounits"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    return [[cell.strip() for cell in line.split(",")] for line in text.strip().splitlines()]
