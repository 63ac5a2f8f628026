"""How long the analysis of many runs takes (`python -m benchmarks.analysis_speed`).

Claim: 10,000 stored runs with a million step times are analysed within 5 s and 1 GiB. For each run its record is read
from its folder, checked and summarised with its intervals and warnings; of each run's hundred step times the warm-up
is found, and the mean taken with its interval. Making the records is not part of the time.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchbench.hardware.inventory import machine
from benchbench.record import document
from benchbench.record.lookup import RESULT
from benchbench.record.store import read_run, run_folders, write_atomic
from benchbench.record.summary import summarize, warnings_of
from benchbench.record.types import Figures, Outcome, Repeat, Run
from benchbench.scenario.loading import load
from benchbench.stats.intervals import Array, series_halfwidth
from benchbench.stats.steady import warmup_length
from benchbench.units import human
from benchmarks.pairs import CONFIDENCE, RESULTS, ROOT

CLAIM_S, CLAIM_BYTES = 5.0, 2**30
_REPEATS = 3


class Spent(NamedTuple):
    """Seconds of the two parts of the analysis."""

    records_s: float
    series_s: float


def main() -> None:
    """Makes the records, analyses them, prints and records what that took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000, help="stored runs")
    parser.add_argument("--steps", type=int, default=100, help="step times of a run")
    parser.add_argument("--out", type=Path, default=RESULTS / "analysis_speed.json", help="the record")
    options = parser.parse_args()
    generator = np.random.default_rng(0)
    times = 0.1 * (1 + 0.02 * generator.standard_normal((options.runs, options.steps)))
    times[:, 0] += 1.0
    with tempfile.TemporaryDirectory() as name:
        _make(Path(name), times)
        spent = Spent(_records_s(Path(name)), _series_s(times))
    _report(options, spent)


def _make(out: Path, times: Array) -> None:
    (scenario,) = load(ROOT / "scenarios" / "bert_tiny.yaml")
    here = machine(ROOT)
    for index, row in enumerate(times):
        repeats = tuple(_repeat(i, float(row[5:].mean()) * (1 + 0.01 * i)) for i in range(_REPEATS))
        run = Run(
            id=f"{index:06d}", scenario=scenario, created_at="2026-01-01T00:00:00+00:00", machine=here, repeats=repeats
        )
        folder = out / run.id
        folder.mkdir()
        (folder / RESULT).write_text(json.dumps(document.result(run), indent=1))


def _repeat(index: int, step_s: float) -> Repeat:
    figures = Figures(
        measured_steps=95, warmup_steps=5, measured_s=95 * step_s, step_s=step_s, step_s_halfwidth=0.01 * step_s,
        samples_per_step=64, tokens_per_step=640, data_wait_fraction=0.0, utilization=0.9, power_w=None,
        energy_j_per_sample=None, peak_memory_bytes=2**30, settled=True,
    )  # fmt: skip
    return Repeat(
        index=index, seed=index, order=index, started_at="2026-01-01T00:00:00+00:00", wall_s=10.0, outcome=Outcome.OK,
        figures=figures, final_metrics={"train_loss": 0.5},
    )  # fmt: skip


def _records_s(out: Path) -> float:
    began_s = time.perf_counter()
    for folder in run_folders(out):
        run = read_run(folder)
        warnings_of(run, summarize(run))
    return time.perf_counter() - began_s


def _series_s(times: Array) -> float:
    began_s = time.perf_counter()
    for row in times:
        measured = row[warmup_length(row) or len(row) // 2 :]
        assert series_halfwidth(measured, CONFIDENCE) < measured.mean()
    return time.perf_counter() - began_s


def _report(options: argparse.Namespace, spent: Spent) -> None:
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    holds = sum(spent) <= CLAIM_S and peak_bytes <= CLAIM_BYTES
    findings = {
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": ["python", "-m", "benchmarks.analysis_speed", *sys.argv[1:]],
        "machine": machine(ROOT).document(),
        "claim_s": CLAIM_S,
        "claim_bytes": CLAIM_BYTES,
        "verdict": "holds" if holds else "fails",
        "runs": options.runs,
        "step_times": options.runs * options.steps,
        "records_s": spent.records_s,
        "series_s": spent.series_s,
        "peak_memory_bytes": peak_bytes,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(options.out, json.dumps(findings, indent=1, allow_nan=False) + "\n")
    print(f"{options.runs:,} records in {human(spent.records_s, 's')}, their series in {human(spent.series_s, 's')}")
    print(f"peak memory {human(peak_bytes, 'bytes')}; the claim {findings['verdict']}; record {options.out}")


if __name__ == "__main__":
    main()
