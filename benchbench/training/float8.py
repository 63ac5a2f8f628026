"""Training in 8-bit floating point, through torchao: the products of the linear layers, scaled tensor by tensor."""

from __future__ import annotations

import torch

from benchbench.errors import UnsupportedError
from benchbench.training.layers import linear_layers, unturned

_LEAST_CAPABILITY = (8, 9)  # Ada; Hopper is 9.0
_MULTIPLE = 16  # of both sides of a matrix: what the product of `torch._scaled_mm` takes


def check(device: torch.device) -> None:
    """Looks whether a device can train in fp8.

    Raises:
        UnsupportedError: it cannot.
    """
    if device.type != "cuda":
        raise UnsupportedError(
            f"fp8 is arithmetic of NVIDIA GPUs from compute capability 8.9 on; {device.type} has none: use bf16",
            key="precision",
        )
    capability = torch.cuda.get_device_capability(device)
    if capability < _LEAST_CAPABILITY:
        raise UnsupportedError(
            f"fp8 needs compute capability 8.9, and {torch.cuda.get_device_name(device)} has "
            f"{'.'.join(map(str, capability))}: use bf16",
            key="precision",
        )


def converted(model: torch.nn.Module, *, emulate: bool = False) -> torch.nn.Module:
    """The model with its body's linear layers computing in fp8, in place; weights and gradients stay in float32.

    A layer of which a side is no multiple of 16 is left as it is, and so is the head.

    Args:
        model: on any device, no optimizer built yet.
        emulate: compute in float32 what would be computed in fp8, rounded in the same way: for devices without it.

    Raises:
        UnsupportedError: no layer is left to convert.
    """
    from torchao.float8 import Float8LinearConfig, convert_to_float8_training

    unturned(model)
    layers = linear_layers(model)
    names = {
        name
        for name, layer in layers.items()
        if isinstance(layer, torch.nn.Linear) and not (layer.in_features % _MULTIPLE or layer.out_features % _MULTIPLE)
    }
    if not names:
        raise UnsupportedError("the model has no linear layer whose sides are multiples of 16", key="precision")
    # The inner dimension of a weight's gradient is the number of tokens, whatever that is.
    config = Float8LinearConfig(emulate=emulate, pad_inner_dim=True)
    found: torch.nn.Module = convert_to_float8_training(
        model, module_filter_fn=lambda _module, name: name in names, config=config
    )
    return found
