"""Do curves that are judged hopeless miss? Recorded trainings, each asked for many targets under many deadlines.

    python -m benchmarks.search.curves record     # trains a few dozen small models, a quarter of an hour on one core
    python -m benchmarks.search.curves            # judges the recorded curves, writes results/curves.json

A case is one curve, one target and one deadline. Of the cases that reach, those that `stats.curves` would have stopped
before are false stops; of those that do not, the time that it saves. Cases of one curve are not independent: intervals
are of a bootstrap over the curves.
"""

from __future__ import annotations

import csv
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.stats import beta

from benchbench.executors.kinds.child import PLUGIN as TRAINER
from benchbench.executors.rounds import Plan, measure
from benchbench.hardware.inventory import machine
from benchbench.record import tables
from benchbench.scenario.loading import load, vary
from benchbench.stats.crossing import Goal, Look, first_crossing
from benchbench.stats.curves import FALSE_STOPS, cannot_reach

HERE = Path(__file__).parent
RECORDED, RESULT = HERE / "recorded" / "curves.csv", HERE.parent / "results" / "curves.json"
SCENARIO = HERE.parents[1] / "scenarios" / "bert_tiny.yaml"
_STEPS, _EVERY = 400, 16
_COLUMNS = ("global_batch", "learning_rate", "schedule", "seed", "step", "training_s", "accuracy", "loss")
# Between the first of these and what the best curves come to; a target that a curve meets at once is no case of it.
_ACCURACIES, _LOSSES = (0.6, 0.7, 0.8, 0.85, 0.88, 0.9, 0.92, 0.94), (1.2, 0.8, 0.6, 0.45, 0.35, 0.3, 0.25, 0.2)
_DEADLINES = (0.4, 0.55, 0.7, 0.85, 1.0)  # of the whole training's time
_RESAMPLED = 2000


class Curve(NamedTuple):
    """One training: how it was set, and its evaluations."""

    name: str
    accuracy: list[Look]
    loss: list[Look]


class Case(NamedTuple):
    """What became of one curve, target and deadline.

    Attributes:
        curve: its name.
        reaches: whether it would have met the target in time.
        stopped: whether it was judged not to, before it did.
        saved: of the deadline, the share that was not trained.
    """

    curve: str
    reaches: bool
    stopped: bool
    saved: float


def record() -> None:
    """Trains under two batches, three learning rates, two schedules and two seeds; writes every evaluation.

    What the file holds already is not trained again.
    """
    (base,) = load(SCENARIO)
    there = {curve.name for curve in curves()} if RECORDED.exists() else set()
    grid = itertools.product((32, 64), (3e-4, 1e-3, 4e-3), ("linear", "constant"), (0, 1))
    with RECORDED.open("a", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        if not file.tell():
            rows.writerow(_COLUMNS)
        for batch, rate, schedule, seed in grid:
            if f"{batch} {rate} {schedule} {seed}" in there:
                continue
            setup = vary(base, {
                "training.global_batch": batch, "training.optimizer.learning_rate": rate,
                "training.schedule.name": schedule, "training.seed": seed, "training.max_steps": _STEPS,
                "measure.procedure": "time-to-target", "measure.profile": False, "target.at_least": 1.0,
                "target.eval_every": _EVERY, "hardware.threads": 1, "hardware.device": "cpu",
            })  # fmt: skip
            with tempfile.TemporaryDirectory() as out:
                (stored,) = measure(
                    Plan(scenarios=[setup], out=Path(out), machine=machine(), repeats=1), TRAINER()
                ).stored
                found = tables.read(Path(out) / stored.run.id, tables.EVALS)
            for look in found.itertuples():
                told = (f"{look.training_s:.3f}", f"{look.accuracy:.5f}", f"{look.loss:.5f}")
                rows.writerow((batch, rate, schedule, seed, look.step, *told))
            file.flush()
            print(batch, rate, schedule, seed, flush=True)


def curves(file: Path = RECORDED) -> list[Curve]:
    """The recorded curves."""
    found: dict[str, Curve] = {}
    with file.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            name = " ".join(row[column] for column in _COLUMNS[:4])
            curve = found.setdefault(name, Curve(name, [], []))
            for metric, values in (("accuracy", curve.accuracy), ("loss", curve.loss)):
                values.append(
                    Look(step=int(row["step"]), training_s=float(row["training_s"]), value=float(row[metric]))
                )
    return list(found.values())


def cases(curve: Curve) -> Iterator[Case]:
    """Every case of a curve."""
    bounds = [(curve.accuracy, Goal(bound=b, rises=True)) for b in _ACCURACIES]
    bounds += [(curve.loss, Goal(bound=b, rises=False)) for b in _LOSSES]
    for (looks, goal), share in itertools.product(bounds, _DEADLINES):
        yield _case(curve.name, looks, goal, share * looks[-1].training_s)


def _case(name: str, looks: Sequence[Look], goal: Goal, deadline_s: float) -> Case:
    crossing = first_crossing(looks, goal, deadline_s)
    reaches = crossing is not None
    seen = [look for look in looks if look.training_s < (deadline_s if crossing is None else crossing.training_s)]
    for count in range(1, len(seen) + 1):
        now = seen[count - 1]
        by_then = now.step * deadline_s / now.training_s
        if cannot_reach(seen[:count], goal, by_then):
            return Case(name, reaches, True, 1 - now.training_s / deadline_s)
    return Case(name, reaches, False, 0.0)


def judged(every: Sequence[Case]) -> dict[str, Any]:
    """The rates over all cases, with intervals."""
    names = sorted({case.curve for case in every})
    counted = np.array([_counts([case for case in every if case.curve == name]) for name in names])
    chosen = np.random.default_rng(0).integers(len(names), size=(_RESAMPLED, len(names)))
    reach, false, miss, stopped, saved = counted[chosen].sum(axis=1).T
    whole = counted.sum(axis=0)
    return {
        "curves": len(names),
        "cases_that_reach": int(whole[0]),
        "false_stops": _rate(whole[1] / whole[0], false / reach),
        "curves_with_a_false_stop": _exactly(int((counted[:, 1] > 0).sum()), len(names)),
        "cases_that_miss": int(whole[2]),
        "stopped_of_those": _rate(whole[3] / whole[2], stopped / miss),
        "time_saved_of_those": _rate(whole[4] / whole[2], saved / miss),
    }


def _counts(every: Sequence[Case]) -> tuple[float, ...]:
    reach, miss = [c for c in every if c.reaches], [c for c in every if not c.reaches]
    return (
        len(reach),
        sum(c.stopped for c in reach),
        len(miss),
        sum(c.stopped for c in miss),
        sum(c.saved for c in miss),
    )


def _exactly(count: int, of: int) -> dict[str, float]:
    """A share with its exact interval (Clopper and Pearson 1934)."""
    low = 0.0 if count == 0 else float(beta.ppf(0.025, count, of - count + 1))
    high = 1.0 if count == of else float(beta.ppf(0.975, count + 1, of - count))
    return {"value": count / of, "low": round(low, 5), "high": round(high, 5)}


def _verdict(found: dict[str, Any]) -> str:
    """By curves, which are independent: a bound of the rate over cases, as a curve with one has few of its cases so."""
    if found["false_stops"]["low"] > FALSE_STOPS:
        return "fails"
    return "holds" if found["curves_with_a_false_stop"]["high"] <= FALSE_STOPS else "undecided"


def _rate(value: float, resampled: Any) -> dict[str, float]:
    low, high = np.nanquantile(resampled, (0.025, 0.975))
    return {"value": round(float(value), 5), "low": round(float(low), 5), "high": round(float(high), 5)}


def main() -> None:
    """Records, or judges what was recorded."""
    if sys.argv[1:] == ["record"]:
        record()
        return
    recorded = curves()
    found = judged([case for curve in recorded for case in cases(curve)])
    looked = recorded[0].accuracy
    began_s = time.perf_counter()
    for _ in range(20):
        cannot_reach(looked, Goal(bound=0.999, rises=True), 10.0 * looked[-1].step)
    call_ms = 1000 * (time.perf_counter() - began_s) / 20
    claim = f"at most {FALSE_STOPS:.0%} of the trainings that would have reached in time are stopped by their curve"
    document = {"claim": claim, "verdict": _verdict(found), **found, "a_call_ms": round(call_ms, 2)}
    RESULT.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
