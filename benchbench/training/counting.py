"""FLOPs of a training step: matrix products and attention, counted on the very model and the very batches.

Two figures: `flops` are those that are computed, recomputation by activation checkpoints and by attention kernels
included; `model_flops` leave recomputation out, which is what a utilization of the model's FLOPs is made of
(Chowdhery et al. 2022, "PaLM", section 4.1). Padding is computed, and so it is counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import Any, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode, bmm_flop, sdpa_backward_flop_count, sdpa_flop_count

from benchbench.training import activation_checkpointing
from benchbench.training.loop import Loop, Parts
from benchbench.workload.batches import Batch
from benchbench.workload.feeding import Part

BATCHES = 32  # global batches over whose widths the mean is taken
WHOLE_BATCHES = 4  # where each is computed as a whole
_BACKWARDS = (
    "_scaled_dot_product_flash_attention_backward", "_scaled_dot_product_flash_attention_for_cpu_backward",
    "_scaled_dot_product_efficient_attention_backward", "_scaled_dot_product_cudnn_attention_backward",
    "_flash_attention_backward", "_efficient_attention_backward",
)  # fmt: skip
_CPU_FORWARD = "_scaled_dot_product_flash_attention_for_cpu"


class StepFlops(NamedTuple):
    """FLOPs of one training step, the mean over batches."""

    flops: float
    model_flops: float


def step_flops(loop: Loop, *, whole: bool = False) -> StepFlops:
    """Counts the FLOPs of a step, from passes over single rows; weights, gradients and random numbers stay as they are.

    A batch's FLOPs are proportional to its rows at one width, so that one row of every width is enough. Ranks count
    the whole batches too, together: none takes a pass that the others do not.

    Args:
        loop: between two stretches.
        whole: count whole batches, and fewer of them: where a row has no place of its own (packing), or cannot be
            computed by itself (fp8 multiplies sixteen at a time).
    """
    parts = loop.parts
    batches = WHOLE_BATCHES if whole else BATCHES
    known: dict[tuple[object, ...], tuple[int, int]] = {}
    flops = model_flops = 0
    recipe = replace(parts.batches.recipe, part=Part())
    with _untouched(parts):
        for number in range(batches):
            for batch in recipe.batch(number):
                rows, shown = (1, batch) if whole else (len(batch.inputs["input_ids"]), _first_row(batch))
                shape = _shape(shown)
                if shape not in known:
                    known[shape] = _counted(loop, shown)
                flops += rows * known[shape][0]
                model_flops += rows * known[shape][1]
    return StepFlops(flops / batches, model_flops / batches)


def counter(*, recomputing: bool) -> FlopCounterMode:
    """Counts FLOPs while it is entered; `total` gives them.

    Args:
        recomputing: whether what attention kernels compute again in their backward pass is counted.
    """
    backward = sdpa_backward_flop_count if recomputing else _backward_without_scores
    mapping: dict[Any, Callable[..., int]] = {
        packet: _backward_of(backward) for name in _BACKWARDS if (packet := getattr(torch.ops.aten, name, None))
    }
    mapping[getattr(torch.ops.aten, _CPU_FORWARD)] = _forward
    return FlopCounterMode(display=False, custom_mapping=mapping)


def _counted(loop: Loop, batch: Batch) -> tuple[int, int]:
    """FLOPs, and model FLOPs, of a forward and a backward pass."""
    parts = loop.parts
    mode = parts.training.activation_checkpointing
    with counter(recomputing=False) as plain, counter(recomputing=True) as whole:
        loop.accumulate([batch])
    if mode == "none":
        return whole.get_total_flops(), plain.get_total_flops()
    with _without_checkpoints(parts), counter(recomputing=False) as plain:
        loop.accumulate([batch])
    return whole.get_total_flops(), plain.get_total_flops()


@contextmanager
def _without_checkpoints(parts: Parts) -> Iterator[None]:
    model: Any = parts.model
    disable = getattr(model, "activation_checkpointing_disable", None) or model.gradient_checkpointing_disable
    disable()
    try:
        yield
    finally:
        activation_checkpointing.apply(model, parts.training.activation_checkpointing)


def _first_row(batch: Batch) -> Batch:
    return replace(batch.each(lambda tensor: tensor[:1]), samples=1)


def _shape(batch: Batch) -> tuple[object, ...]:
    return tuple((name, *tensor.shape) for name, tensor in {**batch.inputs, **batch.labels}.items())


@contextmanager
def _untouched(parts: Parts) -> Iterator[None]:
    """Passes that leave no trace: no gradients, no random numbers drawn, no compilation."""
    devices = [parts.device.index or 0] if parts.device.type == "cuda" else []
    parts.model.train()
    quiet = nullcontext() if parts.spread is None else parts.spread.quiet()
    with torch.random.fork_rng(devices), parts.compiler.plain(), quiet:
        try:
            yield
        finally:
            parts.optimizer.zero_grad(set_to_none=True)


def _forward(query: Any, key: Any, value: Any, *_rest: Any, **_named: Any) -> int:
    return int(sdpa_flop_count(query, key, value))  # type: ignore[no-untyped-call]


def _backward_of(count: Callable[..., int]) -> Callable[..., int]:
    def counted(grad_out: Any, query: Any, key: Any, value: Any, *_rest: Any, **_named: Any) -> int:
        return int(count(grad_out, query, key, value))

    return counted


def _backward_without_scores(grad_out: Any, query: Any, key: Any, value: Any) -> int:
    """Torch's count for a fused kernel's backward pass, less the scores that it computes again."""
    (b, h, s_q, d), s_k = query, key[-2]
    whole = sdpa_backward_flop_count(grad_out, query, key, value)  # type: ignore[no-untyped-call]
    return int(whole - bmm_flop((b * h, s_q, d), (b * h, d, s_k)))
