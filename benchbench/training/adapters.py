"""What of a model is trained: all of it, low-rank adapters in place of its matrices, or all but its lowest layers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from transformers.pytorch_utils import Conv1D

from benchbench.errors import ScenarioError, UnsupportedError
from benchbench.scenario.training_types import Compression, Lora, Training
from benchbench.training.layers import linear_layers

_KEY_ADAPTER, _KEY_FROZEN = "training.adapter", "training.frozen_layers"


def prepare(training: Training, model: Any) -> None:
    """Leaves to train what a training asks for, before its optimizer is made.

    Raises:
        ScenarioError: more layers are to be frozen than there are.
        UnsupportedError: a model or a combination for which it cannot be done.
    """
    if isinstance(training.adapter, Lora):
        if training.compression != Compression():
            message = "pruning and quantisation change the weights that an adapter leaves alone; use one or the other"
            raise UnsupportedError(message, key=_KEY_ADAPTER)
        add(model, training.adapter)
    freeze(model, training.frozen_layers)


def add(model: Any, lora: Lora) -> None:
    """Puts low-rank adapters beside every linear layer below the head, and leaves only them and the head to train.

    A layer W becomes W + alpha / rank x B A, with A random and B zero, so that at first nothing changes (Hu et al.
    2021). A pooler counts as head; a language model's output matrix does not: it is as large as the vocabulary, and
    mostly the embedding itself.

    Args:
        model: a transformers model; changed in place, its class stays.
        lora: rank and alpha.

    Raises:
        UnsupportedError: the library finds no layer that it can adapt.
    """
    from peft import LoraConfig, inject_adapter_in_model

    head = dict(_head(model))
    layers = {name: layer for name, layer in linear_layers(model).items() if name not in head}
    on_their_sides = any(isinstance(layer, Conv1D) for layer in layers.values())
    try:
        config = LoraConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,  # type: ignore[arg-type] # a number that is divided by the rank, no more
            target_modules=list(layers),
            fan_in_fan_out=on_their_sides,
        )
        inject_adapter_in_model(config, model)
    except (ValueError, TypeError, NotImplementedError) as error:
        message = f"peft cannot adapt this {model.config.model_type}: {str(error).strip().splitlines()[0]}"
        raise UnsupportedError(message, key=_KEY_ADAPTER) from None
    for module in head.values():
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad_(True)


def _head(model: Any) -> Iterator[tuple[str, torch.nn.Module]]:
    """Every module of the head: what stands beside the base model, and poolers."""
    base, outputs = model.base_model, model.get_output_embeddings()
    below = set() if base is model else {id(module) for module in base.modules()}
    for name, module in model.named_modules():
        beside = base is not model and module is not model and id(module) not in below
        if module is not outputs and (beside or "pooler" in name.split(".")):
            yield name, module


def freeze(model: Any, layers: int) -> None:
    """Leaves the embeddings and the lowest transformer blocks as they are; of an encoder-decoder, the encoder's.

    An output matrix that is tied to the embedding stays as it is too.

    Args:
        model: a transformers model; changed in place.
        layers: how many blocks; with 0 nothing is frozen, not the embeddings either.

    Raises:
        ScenarioError: the model has fewer blocks, or nothing would be left to train.
        UnsupportedError: the model's blocks cannot be told apart.
    """
    if not layers:
        return
    body = model.base_model.get_encoder() if model.config.is_encoder_decoder else model.base_model
    count = model.config.num_hidden_layers
    if layers > count:
        raise ScenarioError(f"the model has {count} layers, of which {layers} cannot be frozen", key=_KEY_FROZEN)
    stacks = _stacks(body, count)
    if not stacks:
        message = (
            f"the layers of this {model.config.model_type} share their weights or cannot be told apart; leave it out"
        )
        raise UnsupportedError(message, key=_KEY_FROZEN)
    for stack in stacks.values():
        for block in list(stack)[:layers]:
            block.requires_grad_(False)
    for name, module in body.named_modules():
        inside = any(name.startswith(f"{stack}.") for stack in stacks)
        if not inside and (isinstance(module, torch.nn.Embedding) or "embed" in name.rpartition(".")[2]):
            module.requires_grad_(False)
    if not any(parameter.requires_grad for parameter in model.parameters()):
        raise ScenarioError("nothing is left to train; freeze fewer layers", key=_KEY_FROZEN)


def _stacks(body: torch.nn.Module, count: int) -> dict[str, torch.nn.ModuleList]:
    """The lists that hold the blocks, one part of each block in each list: the outermost of the right length."""
    lists = {
        name: module
        for name, module in body.named_modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == count
    }
    depth = min((name.count(".") for name in lists), default=0)
    return {name: module for name, module in lists.items() if name.count(".") == depth}
