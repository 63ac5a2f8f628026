"""What a careful user writes: no event, no clock, no loss read."""

from __future__ import annotations

import time

import torch

from benchmarks.trainer_kinds.bench import Bench, Block, finish


def make(bench: Bench) -> Block:
    """See `bench.Block`."""
    model = bench.model()
    optimizer = bench.optimizer(model)
    scheduler = bench.scheduler(optimizer)
    batches = bench.batches()
    clip = bench.scenario.training.gradient_clip
    done = 0

    def block(steps: int) -> float:
        nonlocal done
        model.train()
        finish(bench.device)
        began_s = time.perf_counter()
        for number in range(done, done + steps):
            batch = {name: tensor.to(bench.device) for name, tensor in batches[number].items()}
            model(**batch).loss.backward()
            if clip is not None:
                torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            scheduler.step()
            optimizer.zero_grad(set_to_none=True)
        done += steps
        finish(bench.device)
        return time.perf_counter() - began_s

    return block
