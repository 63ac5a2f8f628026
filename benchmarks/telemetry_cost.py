"""What telemetry and the live view cost the training that they watch (`python -m benchmarks.telemetry_cost`).

Claim: at the defaults both together cost under 1 % of the step time. One training goes on, block by block; beside one
block of each pair the observer of a run is at work, watching this process and reading its events, and its parent draws
the live view of what the observer tells; beside the other block both are stopped (SIGSTOP), so that the two differ in
nothing else and may be short.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchbench.scenario.loading import load
from benchbench.scenario.scenario import Scenario
from benchbench.units import human
from benchmarks import pairs, watching

CLAIM = 1.01
_WARMUP_STEPS = 20


def main() -> int:
    """Runs the measurement in a process below this one, as a trainer runs below its command, and shows it live."""
    options = pairs.parser(__doc__, "telemetry_cost.json", steps=400).parse_args()
    (scenario,) = load(options.scenario)
    return watching.below(scenario, lambda telling: _measure(options, scenario, telling))


def _measure(options: argparse.Namespace, scenario: Scenario, telling: int) -> None:
    with tempfile.TemporaryDirectory() as name, watching.training(scenario, options.device, Path(name)) as block:
        cost = _Cost()
        block(_WARMUP_STEPS)
        with watching.observer(Path(name), telling) as watchers:

            def watched() -> float:
                with watching.awake(watchers):
                    return cost.of(watchers, lambda: block(options.steps))

            def alone() -> float:
                watching.calm()
                return block(options.steps)

            found = pairs.alternate({"on": watched, "off": alone}, options.pairs)
    _report(options, found, cost, scenario.name)


class _Cost:
    """CPU seconds of the observer and the live view, and the seconds of the blocks that they were beside."""

    def __init__(self) -> None:
        self.cpu_s = 0.0
        self.wall_s = 0.0

    def of(self, watchers: watching.Watchers, block: pairs.Block) -> float:
        before_s, began_s = watching.cpu_s(watchers), time.perf_counter()
        block_s = block()
        self.cpu_s += watching.cpu_s(watchers) - before_s
        self.wall_s += time.perf_counter() - began_s
        return block_s


def _report(options: argparse.Namespace, found: list[pairs.Pair], cost: _Cost, where: str) -> None:
    slowdown = pairs.ratio(found, over="on", under="off")
    assert slowdown.low is not None
    assert slowdown.high is not None
    verdict = "holds" if slowdown.high < CLAIM else "fails" if slowdown.low >= CLAIM else "undecided"
    findings = {
        "claim": CLAIM,
        "verdict": verdict,
        "interval_s": watching.INTERVAL_S,
        "step_time_ratio": slowdown.document(),
        "watching_cpu_s": cost.cpu_s,
        "watched_s": cost.wall_s,
        "watching_cpu_share": cost.cpu_s / cost.wall_s,
    }
    pairs.write_record(options.out, options, found, findings)
    pairs.show(
        f"telemetry every {human(watching.INTERVAL_S, 's')} and the live view, {where}",
        {
            "step time with over without": pairs.in_words(slowdown),
            "their share of one CPU": human(cost.cpu_s / cost.wall_s, "%"),
            f"claim, below {CLAIM}": verdict,
            "record": str(options.out),
        },
    )


if __name__ == "__main__":
    sys.exit(main())
