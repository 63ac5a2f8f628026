"""The step time that a run reports beside a stopwatch around the same steps (`python -m benchmarks.own_clock`).

Claim: they agree within 1 %. As pyperf does it, each reading is a fresh process: a whole repeat, with supervisor,
observer and evaluation of the record. Its trainer carries a stopwatch of our own, another clock, read whenever the loop
hands a step back; what it says of the steps that the repeat calls measured is held against the repeat's `step_s`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from benchbench.executors.base import Request
from benchbench.executors.kinds.child import ChildExecutor
from benchbench.scenario.loading import load, vary
from benchbench.scenario.scenario import Scenario
from benchmarks import pairs

CLAIM = 0.01
_WARMUP_STEPS = 20
_TIMEOUT_S = 300.0
_READINGS = "stopwatch.json"


def main() -> int:
    """Measures, prints and records; as a trainer, trains with a stopwatch beside it."""
    if "--trainer" in sys.argv:
        return _train()
    options = pairs.parser(__doc__, "own_clock.json", steps=40).parse_args()
    (scenario,) = load(options.scenario)
    settings = {"measure.warmup": _WARMUP_STEPS, "measure.steps": options.steps, "hardware.device": options.device}
    os.environ.update(pairs.environment())
    found = [_repeat(vary(scenario, settings), number) for number in range(options.pairs)]
    ratio = pairs.ratio(found, over="reported", under="stopwatch")
    assert ratio.low is not None
    assert ratio.high is not None
    verdict = "holds" if ratio.low >= 1 - CLAIM and ratio.high <= 1 + CLAIM else "fails"
    findings = {"claim": CLAIM, "verdict": verdict, "step_ratio": ratio.document()}
    pairs.write_record(options.out, options, found, findings)
    pairs.show(
        f"reported step time, {scenario.name}",
        {
            "over a stopwatch around the same steps": pairs.in_words(ratio),
            f"claim, within {CLAIM:.0%}": verdict,
            "record": str(options.out),
        },
    )
    return 0


def _repeat(scenario: Scenario, index: int) -> pairs.Pair:
    """Seconds of one repeat's measured steps: by the repeat, and by the stopwatch."""
    trainer = ChildExecutor((sys.executable, "-P", "-m", "benchmarks.own_clock", "--trainer"))
    with tempfile.TemporaryDirectory() as folder:
        request = Request(scenario=scenario, index=index, order=0, folder=Path(folder), timeout_s=_TIMEOUT_S)
        repeat = trainer.run(request, lambda _what: None)
        assert repeat.figures is not None, repeat.failure
        ends_s = json.loads((Path(folder) / _READINGS).read_text())
    before, steps = repeat.figures.warmup_steps, repeat.figures.measured_steps
    stopwatch_s = ends_s[before + steps - 1] - ends_s[before - 1]
    print(f"process {index + 1}: {repeat.figures.step_s * steps:.6f} s, stopwatch {stopwatch_s:.6f} s", flush=True)
    return pairs.Pair(("reported", "stopwatch"), {"reported": repeat.figures.step_s * steps, "stopwatch": stopwatch_s})


def _train() -> int:
    """The trainer of a run, with a stopwatch that is read when a step comes back, and written down at the end.

    A device that runs ahead hands a step back before it is over, the last one as the first: over many steps that is
    nothing.
    """
    from benchbench.training.__main__ import main as train
    from benchbench.training.loop import Loop

    ends_s: list[float] = []
    take = Loop.step

    def timed(loop: Loop) -> list[float]:
        times_s = take(loop)
        ends_s.append(time.perf_counter())
        return times_s

    setattr(Loop, "step", timed)  # noqa: B010 - mypy takes it for a bound method
    code = train()
    (Path(os.environ["BENCHBENCH_EVENTS"]).parent / _READINGS).write_text(json.dumps(ends_s))
    return code


if __name__ == "__main__":
    sys.exit(main())
