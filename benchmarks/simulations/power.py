"""How often `compare` alarms for nothing, and what it finds (`python -m benchmarks.simulations.power`).

Claims: two results of the same setup are called faster or slower in at most 5 % of comparisons; with `repeats: auto` a
slowdown of 3 % is called slower at least nine times in ten wherever the noise between processes is up to 1 %.

Told beside them: the repeats of each side that find an effect nine times in ten, by noise and effect, simulated and by
the formula that `compare` plans with; and what a drift of the machine does to rounds that are interleaved, and to two
results that are measured one after the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from benchbench.stats.comparison import POWER, Verdict, power, verdict
from benchbench.stats.intervals import ratio
from benchbench.stats.repeats import LOOKS, enough
from benchmarks.simulations import records

Array = npt.NDArray[np.float64]

THRESHOLD, CONFIDENCE, HALFWIDTH = 0.02, 0.95, 0.02
FALSE_ALARMS, FOUND = 0.05, 0.9
PLANTED, NOISE_LIMIT = 0.03, 0.01
NOISES = (0.001, 0.003, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05)
EFFECTS = (0.025, 0.03, 0.05, 0.1, 0.2)
REPEATS = (2, 3, 5, 10)
DRIFT = 0.05
_MOST = 60


def draws(noise: float, effect: float, shape: tuple[int, int], generator: np.random.Generator) -> Array:
    """Step times of repeats, log-normal between processes, of a setup that is slower by `effect`."""
    return np.asarray((1 + effect) * np.exp(noise * generator.standard_normal(shape)))


def decide(a: Sequence[float], b: Sequence[float]) -> Verdict:
    """What `compare` says of B."""
    found = ratio(b, a, CONFIDENCE)
    assert found is not None
    return verdict(found, THRESHOLD, higher_is_better=False)


def taken(row: Array, repeats: int | None) -> list[float]:
    """The first repeats of a row; None = as many as `repeats: auto` takes."""
    if repeats is None:
        counts = range(1, len(row) + 1)
        repeats = next(n for n in counts if enough(row[:n].tolist(), n, 0.0, CONFIDENCE, HALFWIDTH))
    return list(row[:repeats].tolist())


def verdicts(noise: float, effect: float, repeats: int | None, trials: int) -> dict[str, float]:
    """The share of every verdict on B, which is slower by `effect`, and the mean number of its repeats."""
    generator = np.random.default_rng([records.SEED, round(1e6 * noise), round(1e6 * effect), repeats or 0])
    width = repeats or LOOKS[-1]
    rows_a, rows_b = (draws(noise, e, (trials, width), generator) for e in (0.0, effect))
    counts = dict.fromkeys(("faster", "slower", "equivalent", "inconclusive", "mean_repeats"), 0.0)
    for row_a, row_b in zip(rows_a, rows_b, strict=True):
        a, b = taken(row_a, repeats), taken(row_b, repeats)
        counts[decide(a, b)] += 1 / trials
        counts["mean_repeats"] += len(b) / trials
    return counts


def repeats_needed(noise: float, effect: float, trials: int) -> int | None:
    """The fewest repeats of each side at which an effect is found nine times in ten; None beyond `_MOST`."""
    low, high = 2, _MOST
    if verdicts(noise, effect, high, trials)["slower"] < POWER:
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if verdicts(noise, effect, middle, trials)["slower"] >= POWER else (middle + 1, high)
    return low


def repeats_planned(noise: float, effect: float) -> int | None:
    """The same by the formula."""
    distance = math.log1p(effect)
    sizes = range(2, _MOST + 1)
    return next((n for n in sizes if power(distance, (noise, noise), (n, n), THRESHOLD, CONFIDENCE) >= POWER), None)


def alarms_under_drift(noise: float, repeats: int, trials: int, *, interleaved: bool) -> float:
    """The share of false alarms where the machine slows down by `DRIFT` from the first repeat to the last."""
    generator = np.random.default_rng([records.SEED, repeats, int(interleaved)])
    count = 0
    for _ in range(trials):
        rounds = [generator.permutation(2) for _ in range((repeats + 1) // 2)]
        order = np.concatenate([o for drawn in rounds for o in (drawn, drawn[::-1])])[: 2 * repeats]
        order = order if interleaved else np.sort(order)
        times = draws(noise, 0.0, (1, 2 * repeats), generator)[0] * np.linspace(1, 1 + DRIFT, 2 * repeats)
        count += decide(times[order == 0].tolist(), times[order == 1].tolist()) in ("faster", "slower")
    return count / trials


def main() -> None:
    """Simulates everything, prints the tables and writes the record."""
    chosen = records.options(__doc__, "power.json", trials=4000)
    same = _same(chosen.trials)
    found = {f"{noise:g}": verdicts(noise, PLANTED, None, chosen.trials) for noise in NOISES}
    _print("planted 3 %, repeats: auto", {n: f"{v['slower']:.3f} ({v['mean_repeats']:.1f})" for n, v in found.items()})
    needed = _needed(chosen.trials // 2)
    drift = {
        name: {str(n): alarms_under_drift(0.005, n, chosen.trials, interleaved=way) for n in REPEATS[1:]}
        for name, way in (("interleaved", True), ("one_after_the_other", False))
    }
    worst_alarm = max(share for row in same.values() for share in row.values())
    worst_found = min(v["slower"] for noise, v in found.items() if float(noise) <= NOISE_LIMIT)
    margin = 2 * records.standard_error(FALSE_ALARMS, chosen.trials)
    claims = {
        "false_alarms": {"claim": FALSE_ALARMS, "largest": worst_alarm, "holds": worst_alarm <= FALSE_ALARMS + margin},
        "planted_3_percent": {"claim": FOUND, "smallest": worst_found, "holds": worst_found >= FOUND},
    }
    print(f"largest share of false alarms {worst_alarm:.3f}; smallest share found {worst_found:.3f}")
    print(f"false alarms under a drift of {DRIFT:.0%}: {drift}")
    records.write(
        chosen,
        {
            "claims": claims, "threshold": THRESHOLD, "same_setup_alarms": same, "planted_3_percent_auto": found,
            "repeats_needed": needed, "alarms_under_drift": drift,
        },
    )  # fmt: skip


def _same(trials: int) -> dict[str, dict[str, float]]:
    """The share of false alarms by noise and number of repeats."""
    table: dict[str, dict[str, float]] = {}
    for noise in NOISES:
        shares = {str(n or "auto"): verdicts(noise, 0.0, n, trials) for n in (*REPEATS, None)}
        table[f"{noise:g}"] = {name: found["faster"] + found["slower"] for name, found in shares.items()}
        _print(f"the same twice, noise {noise:g}", {name: f"{v:.4f}" for name, v in table[f"{noise:g}"].items()})
    return table


def _needed(trials: int) -> dict[str, dict[str, dict[str, int | None]]]:
    table: dict[str, dict[str, dict[str, int | None]]] = {}
    for noise in NOISES:
        table[f"{noise:g}"] = {
            f"{effect:g}": {
                "simulated": repeats_needed(noise, effect, trials),
                "planned": repeats_planned(noise, effect),
            }
            for effect in EFFECTS
        }
        row = {name: f"{cell['simulated']} ({cell['planned']})" for name, cell in table[f"{noise:g}"].items()}
        _print(f"repeats needed, noise {noise:g}", row)
    return table


def _print(title: str, row: dict[str, str]) -> None:
    print(f"{title:32}" + "".join(f"  {name}: {text}" for name, text in row.items()), flush=True)


if __name__ == "__main__":
    main()
