"""The linear layers of a transformer's body: what Muon moves, what is pruned, what becomes int8."""

from __future__ import annotations

from typing import Any, cast

from torch import nn
from transformers.pytorch_utils import Conv1D


def linear_layers(model: nn.Module) -> dict[str, nn.Module]:
    """The linear layers of a model's body, by name; GPT-2's `Conv1D`, whose weight stands on its side, is one.

    The task's head is left out (it is small, and the last thing that accuracy forgives), and so is a layer that
    shares its weight with an embedding.
    """
    body: nn.Module = getattr(model, "base_model", model)
    inside = {id(module) for module in body.modules()}
    outputs = getattr(model, "get_output_embeddings", lambda: None)()
    embeddings = {id(module.weight) for module in model.modules() if isinstance(module, nn.Embedding)}
    return {
        name: module
        for name, module in model.named_modules()
        if isinstance(module, (nn.Linear, Conv1D))
        and id(module) in inside
        and module is not outputs
        and id(module.weight) not in embeddings
    }


def matrices(model: nn.Module) -> dict[str, nn.Parameter]:
    """The weights of the `linear_layers`, by their layers' names."""
    return {name: cast(nn.Parameter, layer.weight) for name, layer in linear_layers(model).items()}


def unturned(model: nn.Module) -> None:
    """Puts an `nn.Linear` with the same weights in the place of every `Conv1D` of the body."""
    for name, layer in linear_layers(model).items():
        if isinstance(layer, Conv1D):
            model.set_submodule(name, _linear(layer))


def _linear(layer: Any) -> nn.Linear:
    rows, columns = layer.weight.shape
    linear = nn.Linear(rows, columns, device="meta", dtype=layer.weight.dtype)  # draws no random weights
    if not layer.weight.is_meta:
        linear.weight = nn.Parameter(layer.weight.detach().t().contiguous(), requires_grad=layer.weight.requires_grad)
        linear.bias = layer.bias
    return linear.train(layer.training)
