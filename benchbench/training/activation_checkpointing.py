"""Activation checkpointing: what a forward pass keeps for the backward one, and what is computed again instead.

`full` keeps the input of each layer alone (Chen et al. 2016, "Training deep nets with sublinear memory cost").
`selective` keeps the results of the matrix products and of attention as well, which cost the most to compute, and
computes the cheap rest again: activations, norms, dropout (the idea of Korthikanti et al. 2022, section 5).
"""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import torch
from torch.utils.checkpoint import CheckpointPolicy, create_selective_checkpoint_contexts

from benchbench.errors import UnsupportedError

_KEY = "training.activation_checkpointing"
_PRODUCTS = ("mm", "addmm", "bmm", "baddbmm", "linear", "_scaled_mm", "_int_mm")
_ATTENTIONS = (
    "_scaled_dot_product_flash_attention", "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_efficient_attention", "_scaled_dot_product_cudnn_attention",
    "_scaled_dot_product_fused_attention_overrideable",
)  # fmt: skip


def apply(model: torch.nn.Module, mode: str) -> None:
    """Sets how much of each layer's activations is kept, for training alone.

    Args:
        model: a transformers model, perhaps without weights.
        mode: `none`, `full` or `selective`.

    Raises:
        UnsupportedError: the family has no checkpoints between its layers.
    """
    if mode == "none":
        return
    settings: dict[str, Any] = {"use_reentrant": False}
    if mode == "selective":
        settings["context_fn"] = partial(create_selective_checkpoint_contexts, _policy)
    family = getattr(getattr(model, "config", None), "model_type", type(model).__name__)
    if not getattr(model, "supports_gradient_checkpointing", False):
        raise UnsupportedError(f"transformers' {family} cannot checkpoint its activations; use none", key=_KEY)
    try:
        _enable(model, settings)
    except ValueError as error:
        raise UnsupportedError(f"transformers' {family} cannot checkpoint its activations: {error}", key=_KEY) from None


def _enable(model: Any, settings: dict[str, Any]) -> None:
    """Under the name that this transformers has for it: earlier ones of 5.x know the second alone."""
    if hasattr(model, "activation_checkpointing_enable"):
        model.activation_checkpointing_enable(activation_checkpointing_kwargs=settings)
    else:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=settings)


def _policy(_context: object, operator: Any, *arguments: Any, **settings: Any) -> CheckpointPolicy:
    """Whether an operator's result is kept.

    Attention with dropout is computed again: it draws random numbers, and if it were left out, whatever draws behind
    it would draw others than in the forward pass.
    """
    if operator in _operators(_PRODUCTS):
        return CheckpointPolicy.MUST_SAVE
    if operator in _operators(_ATTENTIONS) and _dropout(operator, arguments, settings) == 0.0:
        return CheckpointPolicy.MUST_SAVE
    return CheckpointPolicy.PREFER_RECOMPUTE


@cache
def _operators(names: tuple[str, ...]) -> frozenset[Any]:
    """Those that this torch has."""
    return frozenset(getattr(torch.ops.aten, name).default for name in names if hasattr(torch.ops.aten, name))


def _dropout(operator: Any, arguments: tuple[Any, ...], settings: dict[str, Any]) -> float:
    if "dropout_p" in settings:
        return float(settings["dropout_p"])
    places = {argument.name: place for place, argument in enumerate(operator._schema.arguments)}
    place = places["dropout_p"]
    return float(arguments[place]) if place < len(arguments) else 0.0
