"""A loop through Hugging Face accelerate."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping

import torch
from accelerate import Accelerator

from benchmarks.trainer_kinds.bench import Bench, Block, finish, loader


def make(bench: Bench) -> Block:
    """See `bench.Block`."""
    accelerator = Accelerator(cpu=bench.device.type == "cpu")
    own = bench.model()
    optimizer = bench.optimizer(own)
    model, prepared, batches, scheduler = accelerator.prepare(
        own, optimizer, loader(bench.batches()), bench.scheduler(optimizer)
    )
    clip = bench.scenario.training.gradient_clip
    stream: Iterator[Mapping[str, torch.Tensor]] = iter(batches)

    def block(steps: int) -> float:
        model.train()
        finish(bench.device)
        began_s = time.perf_counter()
        for _ in range(steps):
            with accelerator.accumulate(model):
                accelerator.backward(model(**next(stream)).loss)
                if clip is not None:
                    accelerator.clip_grad_norm_(model.parameters(), clip)
                prepared.step()
                scheduler.step()
                prepared.zero_grad()
        finish(bench.device)
        return time.perf_counter() - began_s

    return block
