"""What single software levers are worth here (`python -m benchmarks.levers LEVER`).

Each lever is two ways of the same training, block by block in one process, in an order drawn for each pair. The ratio
is that of the throughput in sequences with the lever over without it: above 1, the lever pays.
"""

from __future__ import annotations

import argparse
import dataclasses
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import torch

from benchbench.scenario.loading import load, vary
from benchbench.scenario.scenario import Scenario
from benchbench.training.assembly import assemble, choose_device, load_data
from benchbench.training.events import EventFile, Events
from benchbench.training.loop import Loop
from benchbench.units import human
from benchmarks import pairs

_WARMUP_STEPS = 10
_SCENARIOS = pairs.ROOT / "scenarios"


class Lever(NamedTuple):
    """One comparison.

    Attributes:
        scenario: the file's stem.
        common: settings of both sides.
        without: settings of the side that is compared with.
        with_it: settings of the other.
        change: what is done to the loop without the lever beyond its settings.
    """

    scenario: str
    common: Mapping[str, Any]
    without: Mapping[str, Any]
    with_it: Mapping[str, Any]
    change: Callable[[Loop], None] = lambda _loop: None


def _plain_optimizer(loop: Loop) -> None:
    """AdamW one tensor after another, in place of the fused kernel."""
    groups = [{k: v for k, v in g.items() if k != "fused"} for g in loop.parts.optimizer.param_groups]
    plain = torch.optim.AdamW(groups, lr=loop.parts.training.optimizer.learning_rate, fused=False, foreach=False)
    loop.parts = dataclasses.replace(loop.parts, optimizer=plain)


LEVERS = {
    "bucket": Lever("summarization", {}, {"data.batching": "pad"}, {"data.batching": "bucket"}),
    "bucket-short": Lever("bert_tiny", {}, {"data.batching": "pad"}, {"data.batching": "bucket"}),
    "pack": Lever("roberta_mlm", {}, {"data.batching": "pad"}, {"data.batching": "pack"}),
    "pack-short": Lever("bert_tiny", {}, {"data.batching": "pad"}, {"data.batching": "pack"}),
    "bf16": Lever("bert_tiny", {}, {"precision": "fp32"}, {"precision": "bf16"}),
    "bf16-base": Lever("bert_base", {}, {"precision": "fp32"}, {"precision": "bf16"}),
    "fused": Lever("bert_base", {"training.global_batch": 4}, {}, {}, _plain_optimizer),
    "sdpa": Lever("bert_tiny", {}, {"training.attention": "eager"}, {"training.attention": "sdpa"}),
}


def main() -> None:
    """Measures, prints and records."""
    parser = pairs.parser(__doc__, "", steps=20)
    parser.add_argument("lever", choices=sorted(LEVERS), help="which")
    parser.set_defaults(out=None)
    options = parser.parse_args()
    options.out = options.out or pairs.RESULTS / f"lever_{options.lever}.json"
    lever = LEVERS[options.lever]
    options.scenario = _SCENARIOS / f"{lever.scenario}.yaml"
    (scenario,) = load(options.scenario)
    with tempfile.TemporaryDirectory() as name, closing(EventFile(Path(name) / "events.jsonl")) as events:
        loops = {
            "with": _loop(vary(scenario, {**lever.common, **lever.with_it}), options, events),
            "without": _loop(vary(scenario, {**lever.common, **lever.without}), options, events),
        }
        lever.change(loops["without"])
        for loop in loops.values():
            _block(loop, _WARMUP_STEPS)
        timed = {kind: _timed(loop, options.steps) for kind, loop in loops.items()}
        found = pairs.alternate(timed, options.pairs)
    _report(options, lever, found, scenario)


def _loop(scenario: Scenario, options: argparse.Namespace, events: Events) -> Loop:
    return assemble(scenario, load_data(scenario), choose_device(options.device), events)


def _block(loop: Loop, steps: int) -> float:
    began_s = time.perf_counter()
    loop.start()
    for _ in range(steps):
        loop.step()
    loop.stop()
    return time.perf_counter() - began_s


def _timed(loop: Loop, steps: int) -> pairs.Block:
    return lambda: _block(loop, steps)


def _report(options: argparse.Namespace, lever: Lever, found: list[pairs.Pair], scenario: Scenario) -> None:
    speedup = pairs.ratio(found, over="without", under="with")
    settings = {"common": dict(lever.common), "without": dict(lever.without), "with": dict(lever.with_it)}
    findings = {"lever": options.lever, "settings": settings, "throughput_ratio": speedup.document()}
    pairs.write_record(options.out, options, found, findings)
    step_s = {kind: sum(p.figure[kind] for p in found) / len(found) / options.steps for kind in ("with", "without")}
    pairs.show(
        f"{options.lever}, {scenario.name}",
        {
            "throughput with over without": pairs.in_words(speedup),
            **{f"step {kind}": human(value, "s", 4) for kind, value in step_s.items()},
            "record": str(options.out),
        },
    )


if __name__ == "__main__":
    main()
