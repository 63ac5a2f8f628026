"""The measured loop beside other people's trainers (`python -m benchmarks.trainers`).

Claims: the measured loop reaches at least 0.99 of the throughput of a hand-written PyTorch loop, and is not behind
Hugging Face `Trainer`, `accelerate` or PyTorch Lightning (each ratio's interval reaches 1 or lies above it), on the
same model, data, precision, batches and settings. All train in one process, in rounds of one block each whose order
is drawn. Wants the extra `benchmarks`.
"""

from __future__ import annotations

import importlib

from benchbench.scenario.loading import load
from benchbench.stats.estimate import Estimate
from benchbench.training.assembly import choose_device, load_data
from benchbench.units import human
from benchmarks import pairs
from benchmarks.trainer_kinds.bench import Bench, Block

OF_HAND_WRITTEN = 0.99
OTHERS = ("trainer", "accelerate", "lightning")
KINDS = ("measured", "hand_written", *OTHERS)
_WARMUP_STEPS = 20


def main() -> None:
    """Measures, prints and records."""
    options = pairs.parser(__doc__, "trainers.json", steps=60).parse_args()
    (scenario,) = load(options.scenario)
    bench = Bench(scenario=scenario, prepared=load_data(scenario), device=choose_device(options.device))
    blocks = {kind: _block(kind, bench) for kind in KINDS}
    for block in blocks.values():
        block(_WARMUP_STEPS)
    timed = {kind: _timed(block, options.steps) for kind, block in blocks.items()}
    found = pairs.alternate(timed, options.pairs)
    ratios = {kind: pairs.ratio(found, over=kind, under="measured") for kind in KINDS if kind != "measured"}
    verdicts = {kind: _verdict(kind, ratio) for kind, ratio in ratios.items()}
    step_s = {kind: sum(p.figure[kind] for p in found) / len(found) / options.steps for kind in KINDS}
    findings = {
        "claim_of_hand_written": OF_HAND_WRITTEN,
        "verdicts": verdicts,
        "throughput_ratio": {kind: ratio.document() for kind, ratio in ratios.items()},
        "step_s": step_s,
    }
    pairs.write_record(options.out, options, found, findings)
    rows = {
        f"throughput over {kind.replace('_', '-')}": f"{pairs.in_words(ratio)}: {verdicts[kind]}"
        for kind, ratio in ratios.items()
    }
    steps = {f"step, {kind.replace('_', '-')}": human(value, "s", 4) for kind, value in step_s.items()}
    pairs.show(f"trainers, {scenario.name} on {bench.device.type}", {**rows, **steps, "record": str(options.out)})


def _block(kind: str, bench: Bench) -> Block:
    module = importlib.import_module(f"benchmarks.trainer_kinds.{kind}")
    made: Block = module.make(bench)
    return made


def _timed(block: Block, steps: int) -> pairs.Block:
    return lambda: block(steps)


def _verdict(kind: str, ratio: Estimate) -> str:
    assert ratio.low is not None
    assert ratio.high is not None
    if kind == "hand_written":
        return "holds" if ratio.low >= OF_HAND_WRITTEN else "fails" if ratio.high < OF_HAND_WRITTEN else "undecided"
    return "ahead" if ratio.low > 1 else "behind" if ratio.high < 1 else "level"


if __name__ == "__main__":
    main()
