"""Real runs on the device: both scenarios in both precisions, the target, and the ways to fail."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

from benchmarks.gpu_checks.bench import Check, benchbench, smi
from benchmarks.pairs import ROOT, environment


def throughput(scenario: str, precision: str) -> Callable[[], str]:
    """A check that runs a scenario in a precision and looks at its figures."""

    def check() -> str:
        code, document = benchbench(
            "run", f"scenarios/{scenario}.yaml", "--repeats", "1", "--set", f"precision={precision}"
        )
        run = document["runs"][0]
        assert code == 0, run["failure"]
        summary = run["summary"]
        assert summary["step_s"]["value"] > 0
        assert summary["peak_memory_bytes"] > 2**28
        return f"{summary['step_s']['value'] * 1e3:.2f} ms a step, {summary['samples_per_s']['value']:,.0f} samples/s"

    return check


def target() -> str:
    """The two-layer BERT reaches its target on the device."""
    code, document = benchbench(
        "run", "scenarios/bert_tiny.yaml", "--repeats", "1", "--set", "measure.procedure=time-to-target"
    )
    run = document["runs"][0]
    assert code == 0, run["failure"]
    assert run["summary"]["reached_target"] is True, run["summary"]
    return f"{run['summary']['time_to_target_s']['value']:.2f} s"


def out_of_memory() -> str:
    """CUDA out-of-memory is an outcome with its reason, and the memory is given back."""
    before_mib = float(smi("memory.used")[0][0])
    code, document = benchbench(
        "run",
        "scenarios/bert_base.yaml",
        "--repeats",
        "1",
        "--set",
        "data.source=synthetic",
        "--set",
        "training.global_batch=65536",
        "--set",
        "data.sequence_length=512",
        "--set",
        "measure.warmup=0",
        "--set",
        "measure.steps=1",
    )
    run = document["runs"][0]
    assert (code, run["outcome"]) == (3, "oom"), (code, run["outcome"], run["failure"])
    time.sleep(2)  # the driver takes a moment to count the freed memory; nothing is measured
    after_mib = float(smi("memory.used")[0][0])
    assert after_mib < before_mib + 512, (before_mib, after_mib)
    return run["failure"]["message"][:100]  # type: ignore[no-any-return]


def killed_parent() -> str:
    """A command killed with SIGKILL leaves no process on the device."""
    with tempfile.TemporaryDirectory() as out:
        command = [
            sys.executable,
            "-P",
            "-m",
            "benchbench",
            "run",
            "scenarios/bert_base.yaml",
            "--no-report",
            "--out",
            out,
            "--set",
            "measure.steps=100000",
        ]
        with subprocess.Popen(command, env=environment(), cwd=ROOT, stderr=subprocess.DEVNULL) as parent:
            time.sleep(20)
            os.kill(parent.pid, signal.SIGKILL)
            parent.wait()
        time.sleep(5)
        left = subprocess.run(["pgrep", "-f", out], capture_output=True, text=True, check=False).stdout.split()
    assert not left, f"processes {left} live on"
    return "none left"


CHECKS = (
    *(
        Check(f"{scenario} in {precision}", throughput(scenario, precision))
        for scenario in ("bert_tiny", "bert_base")
        for precision in ("fp32", "tf32", "bf16")
    ),
    Check("time to target", target),
    Check("CUDA out of memory", out_of_memory),
    Check("killed parent", killed_parent),
)
