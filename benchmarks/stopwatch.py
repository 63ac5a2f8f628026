"""The step time that a run reports beside a stopwatch around the same loop (`python -m benchmarks.stopwatch`).

Claim: they agree within 3 %. Each pair is two fresh processes in an order drawn for it: a repeat of the scenario, whole
(supervisor, observer, trainer), and a plain program that trains the same model on the same batches with a hand-written
loop and a stopwatch around its measured steps.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from benchbench.executors.base import Request
from benchbench.executors.kinds.child import ChildExecutor
from benchbench.scenario.loading import load, vary
from benchbench.scenario.scenario import Scenario
from benchbench.training.assembly import choose_device, load_data
from benchmarks import pairs
from benchmarks.trainer_kinds import hand_written
from benchmarks.trainer_kinds.bench import Bench

CLAIM = 0.03
_WARMUP_STEPS = 20
_TIMEOUT_S = 300.0


def main() -> None:
    """Measures, prints and records; as a child, times one hand-written loop."""
    options = pairs.parser(__doc__, "stopwatch.json", steps=200)
    options.add_argument("--by-hand", action="store_true", help="time one hand-written loop and print its seconds")
    chosen = options.parse_args()
    (scenario,) = load(chosen.scenario)
    if chosen.by_hand:
        print(_by_stopwatch(scenario, chosen.device, chosen.steps))
        return
    blocks = {
        "reported": lambda: _reported(scenario, chosen.device, chosen.steps),
        "stopwatch": lambda: _in_a_process(chosen.scenario, chosen.device, chosen.steps),
    }
    found = pairs.alternate(blocks, chosen.pairs)
    ratio = pairs.ratio(found, over="reported", under="stopwatch")
    assert ratio.low is not None
    assert ratio.high is not None
    inside = ratio.low >= 1 - CLAIM and ratio.high <= 1 + CLAIM
    outside = ratio.high < 1 - CLAIM or ratio.low > 1 + CLAIM
    verdict = "holds" if inside else "fails" if outside else "undecided"
    pairs.write_record(chosen.out, chosen, found, {"claim": CLAIM, "verdict": verdict, "step_ratio": ratio.document()})
    pairs.show(
        f"reported step time, {scenario.name}",
        {
            "reported over stopwatch": pairs.in_words(ratio),
            f"claim, within {CLAIM:.0%}": verdict,
            "record": str(chosen.out),
        },
    )


def _reported(scenario: Scenario, device: str, steps: int) -> float:
    settings = {"measure.warmup": _WARMUP_STEPS, "measure.steps": steps, "hardware.device": device}
    with tempfile.TemporaryDirectory() as folder:
        request = Request(
            scenario=vary(scenario, settings), index=0, order=0, folder=Path(folder), timeout_s=_TIMEOUT_S
        )
        repeat = ChildExecutor().run(request, lambda _what: None)
    assert repeat.figures is not None, repeat.failure
    return repeat.figures.step_s * steps


def _in_a_process(scenario: Path, device: str, steps: int) -> float:
    command = [
        sys.executable, "-P", "-m", "benchmarks.stopwatch", "--by-hand", "--scenario", str(scenario.absolute()),
        "--device", device, "--steps", str(steps),
    ]  # fmt: skip
    answer = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=_TIMEOUT_S, env=pairs.environment()
    )
    return float(answer.stdout.split()[-1])


def _by_stopwatch(scenario: Scenario, device_name: str, steps: int) -> float:
    device: torch.device = choose_device(device_name)
    block = hand_written.make(Bench(scenario=scenario, prepared=load_data(scenario), device=device))
    block(_WARMUP_STEPS)
    return block(steps)


if __name__ == "__main__":
    main()
