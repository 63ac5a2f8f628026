"""How often a 95 % interval holds the truth (`python -m benchmarks.simulations.coverage`).

Claim: the interval over repeats covers the true step time in 92 to 98 % of cases, with 2, 3, 5 and 10 repeats, whatever
the steps of a run look like: autocorrelated, drifting, stalling now and then or in step with a period, and with noise
between processes. Each simulated run goes through what a real one does: its warm-up is found, its mean taken, stalls
included, and the interval is that of `run`.

Told beside it, and not part of the claim: the interval of a single repeat against that run's own mean, what
`repeats: auto` does to the coverage, and a process that is slow once in five, which few repeats cannot know of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from benchbench.stats.intervals import of_repeats, series_halfwidth
from benchbench.stats.repeats import LOOKS, enough
from benchbench.stats.steady import warmup_length
from benchmarks.simulations import records

Array = npt.NDArray[np.float64]

CLAIM = (0.92, 0.98)
CONFIDENCE = 0.95
REPEATS = (2, 3, 5, 10)
STEPS = 400
_BURN_IN = 200
_HALFWIDTH = 0.02


@dataclass(frozen=True, kw_only=True)
class Case:
    """What the steps of a run look like; shares are of the step time.

    Attributes:
        between: standard deviation between processes.
        noise: standard deviation of a step.
        correlation: of neighbouring steps (AR(1)).
        drift: standard deviation between runs of what a run drifts by, from its first step to its last.
        stall_every: steps between periodic stalls, the first at random; 0 = none.
        stall_height: what a periodic stall adds to a step.
        tail: what a rare stall, one step in a hundred, adds: as much, times a Pareto variable of shape 3.
        slow: what one process in five is slower by.
        warmup: steps in which the warm-up falls to a third of its height.
    """

    between: float = 0.01
    noise: float = 0.05
    correlation: float = 0.0
    drift: float = 0.0
    stall_every: int = 0
    stall_height: float = 3.0
    tail: float = 0.0
    slow: float = 0.0
    warmup: float = 8.0

    @property
    def truth(self) -> float:
        """The step time in the long run, over all processes."""
        periodic = self.stall_height / self.stall_every if self.stall_every else 0.0
        return (1 + periodic + 0.01 * self.tail * 1.5) * (1 + self.slow / 5)


CASES: Mapping[str, Case] = {
    "independent steps": Case(),
    "autocorrelation": Case(correlation=0.8),
    "strong autocorrelation": Case(correlation=0.95),
    "drift": Case(drift=0.02),
    "periodic stalls": Case(stall_every=25),
    "rare long stalls": Case(tail=2.0),
    "periodic stalls, hardly any other noise": Case(stall_every=25, between=0.001, warmup=0.5),
    "rare long stalls, hardly any other noise": Case(tail=2.0, between=0.001, warmup=0.5),
    "no noise between processes": Case(between=0.0, correlation=0.8),
    "much noise between processes": Case(between=0.1),
    "everything": Case(correlation=0.8, drift=0.02, stall_every=25, tail=1.0),
}
SLOW_PROCESSES = Case(slow=0.05, between=0.002)


def series(case: Case, runs: int, generator: np.random.Generator) -> Array:
    """The step times of some runs, shape (runs, STEPS), each with a warm-up at its beginning."""
    size = (runs, STEPS)
    steps = generator.standard_normal((runs, STEPS + _BURN_IN))
    rho = case.correlation
    times: Array = 1 + case.noise * np.sqrt(1 - rho**2) * lfilter([1.0], [1.0, -rho], steps, axis=1)[:, _BURN_IN:]
    times *= 1 + case.drift * generator.standard_normal((runs, 1)) * np.linspace(-0.5, 0.5, STEPS)
    if case.stall_every:
        phase = generator.integers(case.stall_every, size=(runs, 1))
        times += case.stall_height * ((np.arange(STEPS) + phase) % case.stall_every == 0)
    if case.tail:
        times += case.tail * (generator.random(size) < 0.01) * (1 + generator.pareto(3.0, size))
    times *= np.exp(case.between * generator.standard_normal((runs, 1)))
    times *= 1 + case.slow * (generator.random((runs, 1)) < 0.2)
    times += 2 * np.exp(-np.arange(STEPS) / case.warmup)
    times[:, 0] += 30.0
    return times


def measured(times: Array) -> Array:
    """The steps of a run that count: all after its warm-up, or its second half where it does not settle."""
    warmup = warmup_length(times)
    return times[len(times) // 2 if warmup is None else warmup :]


def means(case: Case, trials: int, repeats: int, generator: np.random.Generator) -> Array:
    """The mean step times of `trials` results of some repeats each, shape (trials, repeats)."""
    found = np.asarray([measured(run).mean() for run in series(case, trials * repeats, generator)])
    return found.reshape(trials, repeats)


def coverage(case: Case, repeats: int, trials: int) -> float:
    """The share of intervals that hold the truth."""
    generator = np.random.default_rng([records.SEED, repeats])
    return _covering(means(case, trials, repeats, generator), case.truth)


def coverage_of_auto(case: Case, trials: int) -> float:
    """The same for `repeats: auto`, at its usual half-width."""
    rows = means(case, trials, LOOKS[-1], np.random.default_rng([records.SEED, 0]))
    return float(np.mean([_covering(_taken(row)[None], case.truth) for row in rows]))


def coverage_within(case: Case, trials: int) -> float:
    """The share of intervals of a single repeat that hold what its process would take in the long run."""
    own = Case(**{**vars(case), "between": 0.0, "drift": 0.0})
    runs = [measured(run) for run in series(own, trials, np.random.default_rng([records.SEED, 1]))]
    return float(np.mean([abs(run.mean() - own.truth) <= series_halfwidth(run, CONFIDENCE) for run in runs]))


def _taken(row: Array) -> Array:
    """The repeats that `repeats: auto` takes of a row."""
    counts = range(1, len(row) + 1)
    return row[: next(n for n in counts if enough(row[:n].tolist(), n, 0.0, CONFIDENCE, _HALFWIDTH))]


def _covering(rows: Array, truth: float) -> float:
    found = [of_repeats(row.tolist(), CONFIDENCE, "s") for row in rows]
    return float(np.mean([e.low is not None and e.high is not None and e.low <= truth <= e.high for e in found]))


def main() -> None:
    """Simulates every case, prints a line each and writes the record."""
    chosen = records.options(__doc__, "coverage.json", trials=4000)
    table: dict[str, dict[str, float]] = {}
    for name, case in CASES.items():
        table[name] = {str(n): coverage(case, n, chosen.trials) for n in REPEATS}
        print(f"{name:42}" + "".join(f"  {n}: {share:.3f}" for n, share in table[name].items()), flush=True)
    shares = [share for row in table.values() for share in row.values()]
    holds = CLAIM[0] <= min(shares) and max(shares) <= CLAIM[1]
    beside = _beside(chosen.trials // 2)
    error = records.standard_error(CONFIDENCE, chosen.trials)
    print(f"lowest {min(shares):.3f}, highest {max(shares):.3f}: the claim {'holds' if holds else 'fails'}")
    records.write(
        chosen,
        {
            "claim": CLAIM,
            "verdict": "holds" if holds else "fails",
            "coverage": table,
            "standard_error": error,
            **beside,
        },
    )


def _beside(trials: int) -> dict[str, Any]:
    found = {
        "single_repeat": {name: coverage_within(case, trials) for name, case in CASES.items()},
        "repeats_auto": {
            f"{noise:g}": coverage_of_auto(Case(between=noise, noise=0.01), trials)
            for noise in (0.003, 0.005, 0.01, 0.015, 0.02, 0.05)
        },
        "one_process_in_five_is_5_percent_slower": {str(n): coverage(SLOW_PROCESSES, n, trials) for n in REPEATS},
    }
    for title, row in found.items():
        print(f"{title}: " + ", ".join(f"{name} {share:.3f}" for name, share in row.items()))
    return found


if __name__ == "__main__":
    main()
