"""What a model and its data say of the memory that training takes (see `benchbench.theory.footprint`)."""

from __future__ import annotations

import resource
import sys
from typing import Any

from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.pytorch_utils import Conv1D

from benchbench.theory.footprint import ModelShape
from benchbench.workload.preparing import Prepared


def shape_of(model: nn.Module, prepared: Prepared) -> ModelShape | None:
    """The shape of a model, perhaps without weights, and of its training rows; None where it cannot be told."""
    config = getattr(model, "config", None)
    heads = getattr(config, "num_attention_heads", None)
    blocks = sum(isinstance(module, GradientCheckpointingLayer) for module in model.modules())
    if not isinstance(heads, int) or not blocks:
        return None
    outputs: Any = getattr(model, "get_output_embeddings", lambda: None)()
    linear = [m for m in model.modules() if isinstance(m, (nn.Linear, Conv1D)) and m is not outputs]
    crossed = 2 if getattr(config, "is_encoder_decoder", False) else 1
    return ModelShape(
        parameters=sum(p.numel() for p in model.parameters()),
        trainable_parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
        linear_features=sum(sum(m.weight.shape) for m in linear),
        score_heads=blocks * heads * crossed,
        logits_per_token=0 if outputs is None else int(config.vocab_size),  # type: ignore[union-attr]
        row_tokens=int(prepared.train.lengths.max(initial=1)),
        process_bytes=peak_resident_bytes(),
    )


def peak_resident_bytes() -> int:
    """The largest resident memory of this process so far; macOS counts it in bytes, Linux in KiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
