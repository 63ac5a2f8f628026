"""What a model and its data say of the memory that training takes (see `benchbench.theory.memory`)."""

from __future__ import annotations

import resource
import sys
from collections.abc import Mapping
from typing import Any

from torch import nn
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.pytorch_utils import Conv1D

from benchbench.theory.memory import ModelShape, Stack
from benchbench.workload.preparing import Prepared

_GATES = ("gate_proj", "wi_1")
_WIDTHS = ("head_dim", "d_kv")
_HEADS = ("num_attention_heads", "num_heads")
_FFN = ("intermediate_size", "d_ff", "hidden_dim", "n_inner", "encoder_ffn_dim", "ffn_dim")
_ACTIVATIONS = ("dense_act_fn", "hidden_act", "activation_function", "activation", "hidden_activation")
# Tensors that an activation keeps, its result among them; those written in Python keep what lies between.
_KEPT = {"relu": 1, "gelu_new": 5, "gelu_fast": 5}
_KEPT_ELSE = 2
_DROPOUTS = {
    "hidden": ("hidden_dropout_prob", "hidden_dropout", "resid_pdrop", "dropout_rate", "dropout"),
    "attention": ("attention_probs_dropout_prob", "attention_dropout", "attn_pdrop", "dropout_rate"),
    "inner": ("activation_dropout", "dropout_rate"),
}


def shape_of(model: Any, prepared: Prepared) -> ModelShape | None:
    """The shape of a model, perhaps without weights, and of its training rows.

    None where its matrices are not those of a plain transformer, such as where a layer has several experts.
    """
    config = getattr(model, "config", None)
    linear = {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, (nn.Linear, Conv1D)) and ".lora_" not in name
    }
    stacks = _stacks(model, config, linear)
    if not stacks:
        return None
    outputs: Any = getattr(model, "get_output_embeddings", lambda: None)()
    columns = prepared.train.columns
    lengths = columns["ids"].lengths
    return ModelShape(
        parameters=sum(p.numel() for p in model.parameters()),
        trainable_parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
        matrix_parameters=sum(module.weight.numel() for module in linear.values()),
        tied_parameters=_tied(model, outputs),
        stacks=stacks,
        fused=bool(getattr(model, "_supports_sdpa", False)),
        hidden_dropout=_drops(config, "hidden"),
        attention_dropout=_drops(config, "attention"),
        inner_dropout=_drops(config, "inner"),
        logits_per_token=0 if outputs is None else int(config.vocab_size),  # type: ignore[union-attr]
        row_tokens=int(lengths.max(initial=1)),
        target_tokens=int(columns["decoder_ids"].lengths.max(initial=1)) if "decoder_ids" in columns else 0,
        mean_tokens=float(lengths.mean()) if len(lengths) else 0.0,
        process_bytes=peak_resident_bytes(),
    )


def peak_resident_bytes() -> int:
    """The largest resident memory of this process so far; macOS counts it in bytes, Linux in KiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _stacks(model: Any, config: Any, linear: Mapping[str, Any]) -> tuple[Stack, ...]:
    """The layers of a model; empty where their matrices are others than a plain transformer's."""
    base = getattr(model, "base_model", model)
    bodies = [base.get_encoder(), base.get_decoder()] if getattr(config, "is_encoder_decoder", False) else [base]
    found: list[Stack] = []
    for number, body in enumerate(bodies):
        inside = {id(module) for module in body.modules()}
        blocks = [m for m in body.modules() if isinstance(m, GradientCheckpointingLayer)]
        stack = _stack(config, body, len(blocks), crossed=number == 1)
        own = [module for module in linear.values() if id(module) in inside]
        within = {id(m) for block in blocks for m in block.modules()}
        if stack is None or sum(m.weight.numel() for m in own if id(m) in within) != len(blocks) * stack.matrices:
            return ()
        learning = sum(any(p.requires_grad for p in block.parameters()) for block in blocks)
        found.append(stack.model_copy(update={"layers": learning}))
    return tuple(found)


def _stack(config: Any, body: Any, layers: int, *, crossed: bool) -> Stack | None:
    """One layer of a body as its configuration has it, as many times as there are."""
    hidden, heads = getattr(config, "hidden_size", None), _first(config, _HEADS)
    if not isinstance(hidden, int) or not isinstance(heads, int) or not layers:
        return None
    width = _first(config, _WIDTHS) or hidden // heads
    names = [name.rpartition(".")[2] for name, _ in body.named_modules()]
    gated = any(gate in names for gate in _GATES)
    activation = str(_first(config, _ACTIVATIONS) or "gelu")
    return Stack(
        layers=layers,
        hidden=hidden,
        heads=heads,
        queries=heads * width,
        keys=(getattr(config, "num_key_value_heads", None) or heads) * width,
        ffn=_first(config, _FFN) or 4 * hidden,
        gated=gated,
        inner=_KEPT.get(activation, _KEPT_ELSE) + (2 if gated else 0),
        norm=2
        if any("RMSNorm" in type(m).__name__ or type(m).__name__ == "T5LayerNorm" for m in body.modules())
        else 1,
        crossed=crossed,
    )


def _tied(model: Any, outputs: Any) -> int:
    """Numbers of the output's matrix, if it is the embedding too and is trained."""
    weight = getattr(outputs, "weight", None)
    if weight is None or not weight.requires_grad or model.get_input_embeddings().weight is not weight:
        return 0
    return int(weight.numel())


def _first(config: Any, names: tuple[str, ...]) -> Any:
    return next((getattr(config, name) for name in names if getattr(config, name, None) is not None), None)


def _drops(config: Any, where: str) -> bool:
    return bool(_first(config, _DROPOUTS[where]))
