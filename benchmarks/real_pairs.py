"""What `compare` says of real trainings on this machine (`python -m benchmarks.real_pairs`).

Claim: of results of the same setup at most 5 % are called faster or slower; of results of a setup whose steps hold 3 %
more work at least nine in ten are called slower, where the noise between processes is at most 1 %. Each figure is the
mean step time of a fresh process; a round measures the setup twice (`a`, `again`) and once with the planted work
(`slowed`), in an order drawn for it. The work is small matrix products behind every step, whose number is calibrated
once, before the first round. Groups of rounds are then compared as `benchbench compare` compares two results.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from benchbench.record.raw import EVENTS
from benchbench.scenario.loading import load
from benchbench.stats.comparison import Verdict, power, verdict
from benchbench.stats.intervals import ratio
from benchbench.training.assembly import assemble, choose_device, load_data
from benchbench.training.events import EventFile
from benchbench.training.loop import Loop
from benchbench.units import human
from benchmarks import pairs

THRESHOLD, FALSE_ALARMS, FOUND, NOISE_LIMIT = 0.02, 0.05, 0.9, 0.01
KINDS = ("a", "again", "slowed")
_WARMUP_STEPS = 20
_MATRIX = 64
_PRODUCTS_TIMED = 2000
_TIMEOUT_S = 600.0
_MOST_REPEATS = 100


class Timing(NamedTuple):
    """What one process measured, in seconds: a mean step, and one of the planted products."""

    step_s: float
    product_s: float


def main() -> None:
    """Calibrates, measures, prints and records; with `--side`, is one of the processes that are measured."""
    parser = pairs.parser(__doc__, "real_pairs.json", steps=200)
    parser.set_defaults(pairs=50)
    parser.add_argument("--slowdown", type=float, default=0.03, help="the planted work, over the step's own")
    parser.add_argument("--group", type=int, default=5, help="repeats of each side of a comparison, 2 or more")
    parser.add_argument("--side", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side is not None:
        print(*_measure(options, options.side))
        return
    alone = _process(options, 0)
    products = max(1, round(options.slowdown * alone.step_s / alone.product_s))
    counts = {"a": 0, "again": 0, "slowed": products}
    blocks = {kind: _block(options, count) for kind, count in counts.items()}
    found = pairs.alternate(blocks, options.pairs)
    _report(options, found, products * alone.product_s / alone.step_s)


def _block(options: argparse.Namespace, products: int) -> pairs.Block:
    return lambda: _process(options, products).step_s


def _process(options: argparse.Namespace, products: int) -> Timing:
    command = [
        sys.executable, "-P", "-m", "benchmarks.real_pairs", "--side", str(products), "--steps", str(options.steps),
        "--scenario", str(options.scenario.absolute()), "--device", options.device,
    ]  # fmt: skip
    answer = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=_TIMEOUT_S, env=pairs.environment()
    )
    return Timing(*(float(word) for word in answer.stdout.splitlines()[-1].split()))


def _measure(options: argparse.Namespace, products: int) -> Timing:
    """Trains in this process with some matrix products behind every step."""
    (scenario,) = load(options.scenario)
    device = choose_device(options.device)
    work = _work(device)
    with tempfile.TemporaryDirectory() as folder, closing(EventFile(Path(folder) / EVENTS)) as events:
        loop = assemble(scenario, load_data(scenario), device, events)
        loop.parts = replace(loop.parts, after_update=(*loop.parts.after_update, lambda _step: work(products)))
        _stretch(loop, _WARMUP_STEPS)
        before_s = loop.training_s
        _stretch(loop, options.steps)
        return Timing((loop.training_s - before_s) / options.steps, _product_s(work, device))


def _stretch(loop: Loop, steps: int) -> None:
    loop.start()
    for _ in range(steps):
        loop.step()
    loop.stop()


def _work(device: torch.device) -> Callable[[int], None]:
    matrix = torch.eye(_MATRIX, device=device)
    result = torch.empty_like(matrix)

    def work(products: int) -> None:
        for _ in range(products):
            torch.mm(matrix, matrix, out=result)

    return work


def _product_s(work: Callable[[int], None], device: torch.device) -> float:
    work(_PRODUCTS_TIMED // 10)
    _wait(device)
    began_s = time.perf_counter()
    work(_PRODUCTS_TIMED)
    _wait(device)
    return (time.perf_counter() - began_s) / _PRODUCTS_TIMED


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _report(options: argparse.Namespace, found: Sequence[pairs.Pair], planted: float) -> None:
    times = {kind: [pair.figure[kind] for pair in found] for kind in KINDS}
    noise = float(np.sqrt(np.mean([np.var(np.log(times[kind]), ddof=1) for kind in ("a", "again")])))
    same, slowed = (_verdicts(times["a"], times[kind], options.group) for kind in ("again", "slowed"))
    alarms = sum(v in ("faster", "slower") for v in same)
    noticed = slowed.count("slower")
    ratios = {kind: ratio(times[kind], times["a"], pairs.CONFIDENCE) for kind in ("again", "slowed")}
    sizes = range(2, _MOST_REPEATS + 1)
    enough = (n for n in sizes if power(math.log1p(planted), (noise, noise), (n, n), THRESHOLD, 0.95) >= FOUND)
    findings = {
        "claims": {"false_alarms": FALSE_ALARMS, "found": FOUND, "where_noise_is_at_most": NOISE_LIMIT},
        "noise_between_processes": noise,
        "planted_slowdown": planted,
        "threshold": THRESHOLD,
        "repeats_a_side": options.group,
        "comparisons": len(same),
        "false_alarms": alarms,
        "found": noticed,
        "verdicts": {"again": same, "slowed": slowed},
        "again_over_a": ratios["again"] and ratios["again"].document(),
        "slowed_over_a": ratios["slowed"] and ratios["slowed"].document(),
        "repeats_that_find_it": next(enough, None),
    }
    pairs.write_record(options.out, options, found, findings)
    pairs.show(
        f"real pairs, {options.scenario.stem}, {options.group} repeats a side",
        {
            "noise between processes": human(noise, "%"),
            "false alarms": f"{alarms} of {len(same)}",
            f"planted {human(planted, '%')} found": f"{noticed} of {len(slowed)}",
            "repeats a side that find it 9 times in 10": str(findings["repeats_that_find_it"] or "more than 100"),
            "record": str(options.out),
        },
    )


def _verdicts(first: Sequence[float], second: Sequence[float], group: int) -> list[Verdict]:
    """What `compare` says of each group of rounds."""
    verdicts: list[Verdict] = []
    for at in range(0, len(first) - group + 1, group):
        found = ratio(second[at : at + group], first[at : at + group], pairs.CONFIDENCE)
        assert found is not None
        verdicts.append(verdict(found, THRESHOLD, higher_is_better=False))
    return verdicts


if __name__ == "__main__":
    main()
