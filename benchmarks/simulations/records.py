"""What the simulations share: their options and their records."""

from __future__ import annotations

import argparse
import json
import math
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchbench.record.store import write_atomic
from benchmarks.pairs import RESULTS

SEED = 20260101


def options(description: str | None, record: str, trials: int) -> argparse.Namespace:
    """The options that every simulation has.

    Args:
        description: what it shows.
        record: the name of its record under `benchmarks/results/`.
        trials: of each case, by default.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--trials", type=int, default=trials, help="of each case")
    parser.add_argument("--out", type=Path, default=RESULTS / record, help="the record")
    return parser.parse_args()


def standard_error(share: float, trials: int) -> float:
    """Of a share among independent trials."""
    return math.sqrt(max(share * (1 - share), 1 / trials) / trials)


def write(chosen: argparse.Namespace, findings: Mapping[str, Any]) -> None:
    """Writes what was found and by which command."""
    name = Path(sys.argv[0]).stem
    record = {
        "command": ["python", "-m", f"benchmarks.simulations.{name}", *sys.argv[1:]],
        "seed": SEED,
        "trials": chosen.trials,
        **findings,
    }
    chosen.out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(chosen.out, json.dumps(record, indent=1, allow_nan=False) + "\n")
    print(f"record: {chosen.out}")
