"""The measured loop beside a hand-written one (`python -m benchmarks.loop_overhead`).

Claim: the measured loop reaches at least 0.99 of the throughput of a hand-written loop over the same model, data and
settings. Both train a model of their own from the same weights on the same batches, block by block in one process, in
an order drawn for each pair; a stopwatch stands around each block. The measured loop writes its events to a file, as
in a run.
"""

from __future__ import annotations

from benchbench.scenario.loading import load
from benchbench.training.assembly import choose_device, load_data
from benchbench.units import human
from benchmarks import pairs
from benchmarks.trainer_kinds import hand_written, measured
from benchmarks.trainer_kinds.bench import Bench

CLAIM = 0.99
_WARMUP_STEPS = 20


def main() -> None:
    """Measures, prints and records."""
    options = pairs.parser(__doc__, "loop_overhead.json", steps=100).parse_args()
    (scenario,) = load(options.scenario)
    bench = Bench(scenario=scenario, prepared=load_data(scenario), device=choose_device(options.device))
    blocks = {"measured": measured.make(bench), "hand_written": hand_written.make(bench)}
    for block in blocks.values():
        block(_WARMUP_STEPS)
    timed = {
        "measured": lambda: blocks["measured"](options.steps),
        "hand_written": lambda: blocks["hand_written"](options.steps),
    }
    found = pairs.alternate(timed, options.pairs)
    throughput = pairs.ratio(found, over="hand_written", under="measured")
    assert throughput.low is not None
    assert throughput.high is not None
    verdict = "holds" if throughput.low >= CLAIM else "fails" if throughput.high < CLAIM else "undecided"
    findings = {"claim": CLAIM, "verdict": verdict, "throughput_ratio": throughput.document()}
    pairs.write_record(options.out, options, found, findings)
    step_s = {name: sum(p.figure[name] for p in found) / len(found) / options.steps for name in blocks}
    pairs.show(
        f"measured loop, {scenario.name} on {bench.device.type}",
        {
            "throughput over hand-written": pairs.in_words(throughput),
            **{f"step, {name.replace('_', '-')}": human(value, "s", 4) for name, value in step_s.items()},
            f"claim, at least {CLAIM}": verdict,
            "record": str(options.out),
        },
    )


if __name__ == "__main__":
    main()
