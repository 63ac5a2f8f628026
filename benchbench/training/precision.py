"""Precisions: how the forward pass computes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch

from benchbench.errors import UnsupportedError


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """How a forward pass computes.

    Attributes:
        autocast: wraps each forward pass.
        scaler: keeps small gradients from vanishing, where the precision needs it.
    """

    autocast: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext
    scaler: torch.amp.GradScaler | None = None

    def scaled(self, loss: torch.Tensor) -> torch.Tensor:
        """The loss whose gradients are taken."""
        return loss if self.scaler is None else self.scaler.scale(loss)


def arithmetic(precision: str, device: torch.device) -> Arithmetic:
    """How a precision is computed in on a device.

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
        return Arithmetic(autocast=lambda: torch.autocast(device.type, dtype=torch.bfloat16))
    return Arithmetic()
