"""Precisions: how the forward pass computes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager

import torch

from benchbench.errors import UnsupportedError


def autocast(precision: str, device: torch.device) -> Callable[[], AbstractContextManager[object]]:
    """What to wrap a forward pass in.

    Args:
        precision: `fp32`, `tf32` or `bf16`.
        device: where it runs.

    Raises:
        UnsupportedError: the device has no such arithmetic.
    """
    if device.type == "cuda":
        torch.backends.cuda.matmul.fp32_precision = "tf32" if precision == "tf32" else "ieee"
        torch.backends.cudnn.fp32_precision = "tf32" if precision == "tf32" else "ieee"
    elif precision == "tf32":
        raise UnsupportedError(f"tf32 is arithmetic of NVIDIA GPUs; {device.type} has none", key="precision")
    if precision == "bf16":
        return lambda: torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext
