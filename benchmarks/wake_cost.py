"""What one waking of the observer costs the step that it falls into (`python -m benchmarks.wake_cost`).

Claim: at the defaults telemetry and the live view cost at most 0.5 % of the step time. `telemetry_cost` shows it by
blocks with and without them, whose difference drowns in what the machine does from one second to the next. Here both
are on all the time: they wake ten times a second, the view right after the observer, and sleep in between, so that the
step in which they woke, and the one after it, stand beside steps of the same tenth of a second that they left alone.

The comparison is with the steps half an interval before and after, chosen in the same way, by a moment that falls into
them: a longer step is hit more often, and this holds for both alike. The moments are those of the observer's grid, not
those at which it got a CPU. What lasts longer than two steps is not seen; the blocks see it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchbench.record import raw
from benchbench.scenario.loading import load, vary
from benchbench.scenario.scenario import Scenario
from benchbench.units import human
from benchmarks import pairs, watching

CLAIM = 1.005
_WARMUP_STEPS = 100
_TOUCHED_STEPS = 2
_STALL = 3.0  # times the usual step: what is longer came with the machine, and counts as that long
Array = NDArray[np.float64]


def main() -> int:
    """Measures, prints and records."""
    parser = pairs.parser(__doc__, "wake_cost.json", steps=800)
    parser.add_argument(
        "--batch", type=int, default=16, help="rows of a step: few, so that it ends before the next waking"
    )
    options = parser.parse_args()
    scenario = vary(load(options.scenario)[0], {"training.global_batch": options.batch})
    return watching.below(scenario, lambda telling: _measure(options, scenario, telling))


def _measure(options: argparse.Namespace, scenario: Scenario, telling: int) -> None:
    with tempfile.TemporaryDirectory() as name, watching.training(scenario, options.device, Path(name)) as block:
        with watching.observer(Path(name), telling) as watchers, watching.awake(watchers):
            block(_WARMUP_STEPS)
            for number in range(options.pairs):
                print(f"block {number + 1} of {options.pairs}: {human(block(options.steps), 's')}", flush=True)
        steps = [line for line in raw.lines(Path(name) / raw.EVENTS) if line["event"] == "step"][_WARMUP_STEPS:]
        looks = [line["t"] for line in raw.lines(Path(name) / raw.TELEMETRY) if line.get("device") == "cpu"]
    ends_s, step_s = (np.array([line[key] for line in steps]) for key in ("t", "step_s"))
    moments_s = grid(np.array(looks), watching.INTERVAL_S)
    found = []
    for number in range(options.pairs):
        block_steps = slice(number * options.steps, (number + 1) * options.steps)
        cost_s, wakes = cost_of_a_wake(ends_s[block_steps], step_s[block_steps], moments_s, watching.INTERVAL_S)
        all_s = float(step_s[block_steps].sum())
        found.append(pairs.Pair(("on", "off"), {"on": all_s, "off": all_s - wakes * cost_s}))
    _report(options, found, scenario.name)


def grid(looks_s: Array, interval_s: float) -> Array:
    """The moments at which the observer wanted to look, from those at which it did, some of them late."""
    phase_s = (looks_s - looks_s[len(looks_s) // 2] + interval_s / 2) % interval_s
    start_s = looks_s[len(looks_s) // 2] - interval_s / 2 + float(np.quantile(phase_s, 0.05))
    count = round((looks_s[-1] - looks_s[0]) / interval_s) + 1
    first = round((looks_s[0] - start_s) / interval_s)
    moments_s: Array = start_s + interval_s * np.arange(first, first + count)
    return moments_s


def cost_of_a_wake(ends_s: Array, step_s: Array, moments_s: Array, interval_s: float) -> tuple[float, int]:
    """What one moment costs the step that it falls into and the next, in seconds, and how many moments there were.

    Args:
        ends_s: when each step of one stretch was over.
        step_s: how long it took.
        moments_s: when something woke up, by the same clock.
        interval_s: from one moment to the next. Two steps have to fit into half of it.
    """
    usual_s = float(np.median(step_s))
    if _TOUCHED_STEPS * usual_s > interval_s / 2:
        raise SystemExit(f"a step takes {human(usual_s, 's')}: too long to tell a step with a waking from one without")
    heights_s = np.minimum(step_s, _STALL * usual_s)
    inside = moments_s[(moments_s > ends_s[0] + interval_s) & (moments_s < ends_s[-1] - 2 * interval_s)]
    if not len(inside):
        raise SystemExit(
            f"a block of {human(float(step_s.sum()), 's')} has no waking with steps around it; more --steps"
        )

    def touched_s(offset_s: float) -> Array:
        first = np.searchsorted(ends_s, inside + offset_s, side="right")
        sums: Array = np.sum([heights_s[first + later] for later in range(_TOUCHED_STEPS)], axis=0)
        return sums

    untouched_s = (touched_s(-interval_s / 2) + touched_s(interval_s / 2)) / 2
    wakes = round(float(step_s.sum()) / interval_s)
    return float((touched_s(0.0) - untouched_s).mean()), wakes


def _report(options: argparse.Namespace, found: list[pairs.Pair], name: str) -> None:
    ratio = pairs.ratio(found, over="on", under="off")
    assert ratio.low is not None
    assert ratio.high is not None
    verdict = "holds" if ratio.high <= CLAIM else "fails" if ratio.low > CLAIM else "undecided"
    findings = {
        "claim": CLAIM,
        "verdict": verdict,
        "interval_s": watching.INTERVAL_S,
        "step_time_ratio": ratio.document(),
    }
    pairs.write_record(options.out, options, found, findings)
    pairs.show(
        f"wakings every {human(watching.INTERVAL_S, 's')}, {name}",
        {
            "step time with over without": pairs.in_words(ratio),
            f"claim, at most {CLAIM}": verdict,
            "record": str(options.out),
        },
    )


if __name__ == "__main__":
    sys.exit(main())
