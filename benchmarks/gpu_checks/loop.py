"""The measured loop beside a hand-written one, on the device."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.gpu_checks.bench import Check
from benchmarks.pairs import ROOT, environment


def loop_ratio() -> str:
    """Throughput of the measured loop over a hand-written loop's: at least 0.99."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "loop.json"
        subprocess.run(
            [sys.executable, "-P", "-m", "benchmarks.loop_overhead", "--pairs", "10", "--out", str(record)],
            env=environment(),
            cwd=ROOT,
            check=True,
            timeout=240,
        )
        ratio = json.loads(record.read_text())["throughput_ratio"]
    assert ratio["high"] >= 0.99, ratio
    return f"{ratio['value']:.3f} [{ratio['low']:.3f}, {ratio['high']:.3f}]"


CHECKS = (Check("measured loop over a hand-written one", loop_ratio),)
