"""The measured loop beside a hand-written one (`python -m benchmarks.loop_overhead`).

Claim: the measured loop reaches at least 0.99 of the throughput of a hand-written loop over the same model, data and
settings. Both train a model of their own from the same weights on the same batches, block by block in one process, in
an order drawn for each pair; a stopwatch stands around each block. The measured loop writes its events to a file, as
in a run.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from benchbench.scenario.loading import load
from benchbench.scenario.scenario import Scenario
from benchbench.training.events import EventFile
from benchbench.training.assembly import assemble, choose_device, load_data
from benchbench.units import human
from benchbench.workload import models
from benchbench.workload.batches import collate, global_batches
from benchbench.workload.source import Prepared
from benchmarks import pairs

CLAIM = 0.99
_WARMUP_STEPS = 20


def main() -> None:
    """Measures, prints and records."""
    options = _options()
    (scenario,) = load(options.scenario)
    device = choose_device(options.device)
    prepared = load_data(scenario)
    with tempfile.TemporaryDirectory() as folder, contextlib.closing(
        EventFile(Path(folder) / "events.jsonl")
    ) as events:  # fmt: skip
        blocks = {
            "measured": _measured(scenario, prepared, device, events),
            "hand_written": by_hand(scenario, prepared, device),
        }
        for block in blocks.values():
            block(_WARMUP_STEPS)
        timed = {name: timed_block(block, options.steps, device) for name, block in blocks.items()}
        found = pairs.alternate(timed, options.pairs)
    throughput = pairs.ratio(found, over="hand_written", under="measured")
    assert throughput.low is not None
    assert throughput.high is not None
    verdict = "holds" if throughput.low >= CLAIM else "fails" if throughput.high < CLAIM else "undecided"
    findings = {"claim": CLAIM, "verdict": verdict, "throughput_ratio": throughput.document()}
    pairs.write_record(options.out, options, found, findings)
    step_s = {name: sum(p.block_s[name] for p in found) / len(found) / options.steps for name in blocks}
    pairs.show(
        f"measured loop, {scenario.name} on {device.type}",
        {
            "throughput over hand-written": pairs.in_words(throughput),
            **{f"step, {name.replace('_', '-')}": human(value, "s", 4) for name, value in step_s.items()},
            f"claim, at least {CLAIM}": verdict,
            "record": str(options.out),
        },
    )


def _options() -> argparse.Namespace:
    return pairs.parser(__doc__, "loop_overhead.json", steps=100).parse_args()


def timed_block(block: Callable[[int], None], steps: int, device: torch.device) -> pairs.Block:
    """A block of steps with a stopwatch around it, the device's work finished on both sides."""

    def timed() -> float:
        _finish(device)
        began_s = time.perf_counter()
        block(steps)
        _finish(device)
        return time.perf_counter() - began_s

    return timed


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()


def _measured(scenario: Scenario, prepared: Prepared, device: torch.device, events: EventFile) -> Callable[[int], None]:
    loop = assemble(scenario, prepared, device, events)

    def block(steps: int) -> None:
        loop.start()
        for _ in range(steps):
            loop.step()
        loop.stop()

    return block


def by_hand(scenario: Scenario, prepared: Prepared, device: torch.device) -> Callable[[int], None]:
    """What a careful user writes: no event, no clock, no loss read; the same collating, clipping and schedule."""
    training, model = scenario.training, _model(scenario, prepared, device)
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in model.parameters() if p.ndim >= 2], "weight_decay": training.optimizer.weight_decay},
            {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
        ],
        lr=training.optimizer.learning_rate,
        fused=True,
    )
    warmup = round(training.schedule.warmup_fraction * training.max_steps)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: _linear(done + 1, warmup, training.max_steps))
    order = global_batches(len(prepared.train), training.global_batch, training.seed)
    autocast = torch.autocast(device.type, dtype=torch.bfloat16, enabled=scenario.precision == "bf16")

    def block(steps: int) -> None:
        model.train()
        for _ in range(steps):
            batch = collate(prepared.train, next(order), prepared.pad_id, pin=device.type == "cuda").to(device)
            with autocast:
                loss = model(input_ids=batch.ids_bs, attention_mask=batch.mask_bs, labels=batch.labels_b).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), training.gradient_clip or math.inf)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad(set_to_none=True)

    return block


def _linear(step: int, warmup: int, last: int) -> float:
    return step / warmup if step <= warmup else max(0.0, (last - step + 1) / (last - warmup))


def _model(scenario: Scenario, prepared: Prepared, device: torch.device) -> torch.nn.Module:
    assert scenario.model is not None
    torch.manual_seed(scenario.training.seed)
    config = models.configuration(scenario.model, scenario.training.dropout, len(prepared.labels))
    return models.build(config, "AutoModelForSequenceClassification", scenario.training.attention).to(device)


if __name__ == "__main__":
    main()
