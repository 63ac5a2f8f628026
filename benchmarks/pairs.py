"""Several ways of doing one thing, measured in turns: what the benchmarks share."""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from benchbench.record.store import write_atomic
from benchbench.stats.estimate import Estimate
from benchbench.stats.intervals import of_repeats
from benchbench.units import human

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
FEWEST_PAIRS = 10  # of a record that may be quoted
CONFIDENCE = 0.95
Block = Callable[[], float]
"""Takes a block of steps; returns its seconds."""


class Pair(NamedTuple):
    """One block of each kind, right after each other; most benchmarks have two kinds.

    Attributes:
        order: the names, the first as first.
        figure: of each name's block: its seconds, or whatever else was measured.
    """

    order: tuple[str, ...]
    figure: Mapping[str, float]


def environment() -> dict[str, str]:
    """This process's environment, with the checkout importable."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH", "")) if p)}


def alternate(blocks: Mapping[str, Block], pairs: int, seed: int = 0, unit: str = "s") -> list[Pair]:
    """Measures rounds of one block of each kind; their order is drawn each time, so that drift hits all alike.

    Args:
        blocks: the kinds by name, warmed up.
        pairs: how many.
        seed: of the order.
        unit: of what a block returns, for the eye.
    """
    generator = random.Random(seed)
    found = []
    for number in range(1, pairs + 1):
        order = tuple(generator.sample(sorted(blocks), len(blocks)))
        figure = {name: blocks[name]() for name in order}
        found.append(Pair(order, figure))
        print(f"pair {number} of {pairs}: " + ", ".join(f"{n} {human(v, unit)}" for n, v in figure.items()), flush=True)
    return found


def ratio(pairs: Sequence[Pair], over: str, under: str) -> Estimate:
    """The mean ratio of the figures of two kinds, with Student's interval over the pairs, on the logarithm."""
    return of_repeats([p.figure[over] / p.figure[under] for p in pairs], CONFIDENCE, "x")


def parser(description: str | None, record: str, steps: int) -> argparse.ArgumentParser:
    """The options that every such benchmark has.

    Args:
        description: what it measures.
        record: the name of its record under `benchmarks/results/`.
        steps: of a block, by default.
    """
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    options.add_argument("--pairs", type=_several, default=20, help=f"pairs of blocks, {FEWEST_PAIRS} for a record")
    options.add_argument("--steps", type=_several, default=steps, help="optimizer steps of a block")
    options.add_argument("--scenario", type=Path, default=ROOT / "scenarios" / "bert_tiny.yaml", help="model and data")
    options.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="where it runs")
    options.add_argument("--out", type=Path, default=RESULTS / record, help="the record")
    return options


def _several(text: str) -> int:
    value = int(text)
    if value < 2:
        raise argparse.ArgumentTypeError("2 or more")
    return value


def write_record(
    out: Path, options: argparse.Namespace, pairs: Sequence[Pair], findings: Mapping[str, Any], unit: str = "s"
) -> None:
    """Writes what was measured, where, with what and by which command; `unit` ends the names of the figures."""
    import torch

    from benchbench.hardware.inventory import machine

    cuda = torch.cuda.is_available() and options.device != "cpu"
    record = {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": ["python", "-m", f"benchmarks.{Path(sys.argv[0]).stem}", *sys.argv[1:]],
        "device": torch.cuda.get_device_name() if cuda else "cpu",
        "threads": torch.get_num_threads(),
        "machine": machine(ROOT).document(),
        "scenario": options.scenario.stem,
        "steps_per_block": options.steps,
        "enough_pairs": len(pairs) >= FEWEST_PAIRS,
        **findings,
        "pairs": [{"order": list(p.order), **{f"{n}_{unit}": v for n, v in p.figure.items()}} for p in pairs],
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(out, json.dumps(record, indent=1, allow_nan=False) + "\n")


def show(title: str, rows: Mapping[str, str]) -> None:
    """Prints the answer."""
    width = max(map(len, rows))
    print(f"\n{title}")
    for name, text in rows.items():
        print(f"  {name:<{width}}  {text}")


def in_words(estimate: Estimate) -> str:
    """An estimate on one line."""
    assert estimate.low is not None
    assert estimate.high is not None
    return f"{estimate.value:.4f} [{estimate.low:.4f}, {estimate.high:.4f}] ({estimate.n} pairs, 95 %)"
