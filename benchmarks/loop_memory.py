"""Peak memory of the measured loop beside a hand-written one (`python -m benchmarks.loop_memory`).

Claim: the peak is no more than 2 % over the hand-written loop's. Each side trains in fresh processes of its own, in
turns; the figure is the peak resident memory of the process on a CPU (`ru_maxrss`), of torch's allocator on a GPU.
Both sides import the same libraries.
"""

from __future__ import annotations

import argparse
import importlib
import resource
import subprocess
import sys

import torch

from benchbench.scenario.loading import load
from benchbench.training.assembly import choose_device, load_data
from benchbench.units import human
from benchmarks import pairs
from benchmarks.trainer_kinds.bench import Bench

CLAIM = 1.02
KINDS = ("measured", "hand_written")


def main() -> None:
    """Measures, prints and records; with `--side`, is one of the processes that are measured."""
    parser = pairs.parser(__doc__, "loop_memory.json", steps=30)
    parser.add_argument("--side", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        print(_peak_bytes(options))
        return
    found = pairs.alternate({kind: _side(kind, options) for kind in KINDS}, options.pairs, unit="B")
    ratio = pairs.ratio(found, over="measured", under="hand_written")
    assert ratio.low is not None
    assert ratio.high is not None
    verdict = "holds" if ratio.high <= CLAIM else "fails" if ratio.low > CLAIM else "undecided"
    pairs.write_record(
        options.out,
        options,
        found,
        {"claim": CLAIM, "verdict": verdict, "memory_ratio": ratio.document()},
        unit="bytes",
    )
    peaks = {kind: sum(p.figure[kind] for p in found) / len(found) for kind in KINDS}
    pairs.show(
        f"peak memory, {options.scenario.stem}",
        {
            "measured over hand-written": pairs.in_words(ratio),
            **{f"peak, {kind.replace('_', '-')}": human(value, "B", 4) for kind, value in peaks.items()},
            f"claim, at most {CLAIM}": verdict,
            "record": str(options.out),
        },
    )


def _side(kind: str, options: argparse.Namespace) -> pairs.Block:
    command = [
        sys.executable, "-m", "benchmarks.loop_memory", "--side", kind, "--scenario", str(options.scenario),
        "--steps", str(options.steps), "--device", options.device,
    ]  # fmt: skip

    def measured() -> float:
        answer = subprocess.run(command, env=pairs.environment(), capture_output=True, text=True, check=True)
        return float(answer.stdout.splitlines()[-1])

    return measured


def _peak_bytes(options: argparse.Namespace) -> int:
    (scenario,) = load(options.scenario)
    bench = Bench(scenario=scenario, prepared=load_data(scenario), device=choose_device(options.device))
    importlib.import_module("benchmarks.trainer_kinds.measured")
    importlib.import_module(f"benchmarks.trainer_kinds.{options.side}").make(bench)(options.steps)
    if bench.device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main()
