"""What `history` takes for a step, and what it finds (`python -m benchmarks.simulations.steps`).

Claims: a constant series of 5 to 60 runs with independent, normal noise shows a step in at most 5 % of cases, whatever
the threshold; a step of 5 % at 1 % noise, with five runs or more on either side, is found at its very place nine times
in ten.

Told beside them, and not part of a claim: the newest run alone; a level that goes back; noise with outliers (Student's
t with four degrees of freedom), and noise that lasts from run to run (a first-order autoregression), which is taken for
steps more often.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from benchbench.stats.shifts import levels
from benchmarks.simulations import records

Array = npt.NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Array]

CONFIDENCE, THRESHOLD, NO_THRESHOLD = 0.95, 0.02, 1e-6
NOISE, SIZE = 0.01, 0.05
FALSE_ALARMS, FOUND = 0.05, 0.9
COUNTS = (5, 8, 15, 30, 60)
CORRELATIONS = (0.3, 0.6, 0.9)
CLAIMED = ((5, 5), (10, 10), (30, 30))
TOLD = ((3, 3), (5, 1), (10, 1), (20, 1), (10, 2), (20, 10, 20), (20, 3, 20), (10, 3, 3))


def normal(generator: np.random.Generator, count: int) -> Array:
    """Independent noise of variance 1."""
    return generator.standard_normal(count)


def with_outliers(generator: np.random.Generator, count: int) -> Array:
    """Student's t with four degrees of freedom."""
    return generator.standard_t(4, count)


def lasting(correlation: float, generator: np.random.Generator, count: int) -> Array:
    """A stationary first-order autoregression of variance 1."""
    shocks = generator.standard_normal(count) * np.sqrt(1 - correlation**2)
    shocks[0] /= np.sqrt(1 - correlation**2)
    return np.asarray(lfilter([1.0], [1.0, -correlation], shocks))


def starts(logs: Array, threshold: float) -> list[int]:
    """Where `history` sees steps in a series of logarithms."""
    return [level.start for level in levels(np.exp(logs).tolist(), [None] * len(logs), threshold, CONFIDENCE)[1:]]


def alarms(draw: Draw, count: int, threshold: float, trials: int) -> float:
    """The share of constant series that show a step."""
    generator = np.random.default_rng([records.SEED, count, round(1e6 * threshold)])
    return sum(bool(starts(NOISE * draw(generator, count), threshold)) for _ in range(trials)) / trials


def found(lengths: Sequence[int], trials: int) -> float:
    """The share of series whose levels, by turns 1 and 1.05 and so many runs each, are found exactly."""
    generator = np.random.default_rng([records.SEED, *lengths])
    edges: list[int] = np.cumsum(lengths).tolist()
    means = np.repeat([np.log1p(SIZE) * (i % 2) for i in range(len(lengths))], lengths)
    series = (means + NOISE * normal(generator, edges[-1]) for _ in range(trials))
    return sum(1 for logs in series if starts(logs, THRESHOLD) == edges[:-1]) / trials


def main() -> None:
    """Simulates everything, prints the tables and writes the record."""
    chosen = records.options(__doc__, "steps.json", trials=4000)
    noises: dict[str, Draw] = {"normal": normal, "with outliers": with_outliers}
    noises |= {f"lasting, correlation {c:g}": partial(lasting, c) for c in CORRELATIONS}
    table = {
        name: {
            told: {str(n): alarms(draw, n, threshold, chosen.trials) for n in COUNTS}
            for told, threshold in (("no threshold", NO_THRESHOLD), (f"{THRESHOLD:.0%}", THRESHOLD))
        }
        for name, draw in noises.items()
    }
    places = {" + ".join(map(str, lengths)): found(lengths, chosen.trials) for lengths in (*CLAIMED, *TOLD)}
    for name, row in (*table.items(), ("found exactly", places)):
        print(f"{name}: {row}", flush=True)
    worst = max(table["normal"]["no threshold"].values())
    least = min(places[" + ".join(map(str, lengths))] for lengths in CLAIMED)
    margin = 2 * records.standard_error(FALSE_ALARMS, chosen.trials)
    claims = {
        "false_alarms": {"claim": FALSE_ALARMS, "largest": worst, "holds": worst <= FALSE_ALARMS + margin},
        "found": {"claim": FOUND, "smallest": least, "holds": least >= FOUND},
    }
    records.write(chosen, {"claims": claims, "noise": NOISE, "size": SIZE, "alarms": table, "found_exactly": places})


if __name__ == "__main__":
    main()
