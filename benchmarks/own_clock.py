"""The step times that a loop reports beside a stopwatch around that very loop (`python -m benchmarks.own_clock`).

Claim: they add up to it within 1 %. A stopwatch runs from before the first step of a block to after its last; the
block's own sum is read back from the file of events that the loop writes, as a run's is.
"""

from __future__ import annotations

import tempfile
import time
from contextlib import closing
from pathlib import Path

from benchbench.record import raw
from benchbench.scenario.loading import load
from benchbench.training.assembly import assemble, choose_device, load_data
from benchbench.training.events import EventFile
from benchmarks import pairs
from benchmarks.trainer_kinds.bench import finish

CLAIM = 0.01
_WARMUP_STEPS = 20


def main() -> None:
    """Measures, prints and records."""
    options = pairs.parser(__doc__, "own_clock.json", steps=40).parse_args()
    (scenario,) = load(options.scenario)
    device = choose_device(options.device)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / raw.EVENTS
        with closing(EventFile(file)) as events:
            loop = assemble(scenario, load_data(scenario), device, events)

            def block(steps: int) -> float:
                finish(device)
                began_s = time.perf_counter()
                loop.start()
                for _ in range(steps):
                    loop.step()
                loop.stop()
                finish(device)
                return time.perf_counter() - began_s

            block(_WARMUP_STEPS)
            watched_s = [block(options.steps) for _ in range(options.pairs)]
        times_s = [line["step_s"] for line in raw.lines(file) if line["event"] == "step"][_WARMUP_STEPS:]
    for number, stopwatch_s in enumerate(watched_s):
        reported_s = sum(times_s[number * options.steps : (number + 1) * options.steps])
        found.append(pairs.Pair(("reported", "stopwatch"), {"reported": reported_s, "stopwatch": stopwatch_s}))
    ratio = pairs.ratio(found, over="reported", under="stopwatch")
    assert ratio.low is not None
    assert ratio.high is not None
    verdict = "holds" if ratio.low >= 1 - CLAIM and ratio.high <= 1 + CLAIM else "fails"
    findings = {"claim": CLAIM, "verdict": verdict, "step_ratio": ratio.document()}
    pairs.write_record(options.out, options, found, findings)
    pairs.show(
        f"reported step times, {scenario.name} on {device.type}",
        {
            "their sum over a stopwatch": pairs.in_words(ratio),
            f"claim, within {CLAIM:.0%}": verdict,
            "record": str(options.out),
        },
    )


if __name__ == "__main__":
    main()
