"""Int8 through torchao: weights for each output channel, activations for each token as they come."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import nn

from benchbench.errors import UnsupportedError
from benchbench.training.layers import linear_layers, unturned

KEY = "training.compression.quantize"
_DEVICES = ("cpu", "cuda")
# What torchao says at its import of kernels that were built for another Python or GPU; none of them is used here.
_NOISE = {"torchao": "Failed to load ", "torch.utils._pytree": "is an Enum subclass and is now natively supported"}


def check(quantize: str, precision: str, device: torch.device) -> None:
    """Refuses a quantisation that a device has no kernels for, or whose layers fp8 has taken.

    Raises:
        UnsupportedError: says which.
    """
    if quantize == "none":
        return
    if precision == "fp8":
        raise UnsupportedError("the layers that would become int8 compute in fp8; use another precision", key=KEY)
    if device.type not in _DEVICES:
        raise UnsupportedError(f"torchao has int8 kernels for {' and '.join(_DEVICES)}, not {device.type}", key=KEY)


def prepare(model: nn.Module) -> None:
    """Makes the linear layers of the body compute, in training, as if they were int8 already (`int8-qat`).

    Weights are rounded to 256 levels, symmetric around zero, one scale an output channel; activations to 256 levels
    between the least and the largest of a token. The rounding is passed over by the gradient.
    """
    from torchao.quantization.qat import IntxFakeQuantizeConfig, QATConfig

    unturned(model)
    config = QATConfig(
        activation_config=IntxFakeQuantizeConfig(torch.int8, "per_token", is_symmetric=False),
        weight_config=IntxFakeQuantizeConfig(torch.int8, "per_channel", is_symmetric=True),
        step="prepare",
    )
    _apply(model, config)


def restore(model: nn.Module) -> None:
    """Takes back what `prepare` did to a model; the weights stay."""
    from torchao.quantization.qat import QATConfig

    _apply(model, QATConfig(step="convert"))


def convert(model: nn.Module, quantize: str) -> None:
    """Makes the linear layers of the body int8.

    Args:
        model: a copy, which cannot be trained any more.
        quantize: `int8-dynamic`, or `int8-qat` for a model that was prepared.

    Half of the levels are used on a CPU without VNNI, whose sums of products would overflow.
    """
    from torchao.quantization import Int8DynamicActivationInt8WeightConfig
    from torchao.quantization.quant_primitives import MappingType
    from torchao.utils import should_reduce_range

    trained_for = quantize == "int8-qat"
    if trained_for:
        restore(model)
    unturned(model)
    config = Int8DynamicActivationInt8WeightConfig(
        act_mapping_type=MappingType.ASYMMETRIC if trained_for else MappingType.SYMMETRIC,
        set_inductor_config=False,
        reduce_range=should_reduce_range(next(model.parameters()).device),
    )
    _apply(model, config)


def _apply(model: nn.Module, config: Any) -> None:
    from torchao.quantization import quantize_

    names = linear_layers(model).keys()
    device = next(model.parameters()).device
    drawn_on = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=drawn_on):  # the random weights of layers in between are thrown away
        quantize_(model, config, filter_fn=lambda _module, name: name in names)


def _quieten() -> None:
    for name, words in _NOISE.items():
        logging.getLogger(name).addFilter(_Without(words))


class _Without(logging.Filter):
    """Keeps records back that hold certain words."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self._words = words

    def filter(self, record: logging.LogRecord) -> bool:
        return self._words not in record.getMessage()


_quieten()
