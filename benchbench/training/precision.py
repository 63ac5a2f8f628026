"""Precisions: how the forward pass computes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch

from benchbench.errors import UnsupportedError
from benchbench.training import float8

# Names of instructions, as `torch.cpu.get_capabilities` has them: on x86 and on ARM.
_NATIVE_FP16 = ("avx512_fp16", "amx_fp16", "fp16_arith")
_NATIVE_BF16 = ("avx512_bf16", "amx_bf16", "bf16")
_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp8": torch.bfloat16}


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """How a forward pass computes.

    Attributes:
        autocast: wraps each forward pass.
        scaler: keeps small gradients from vanishing, where the precision needs it; it leaves out a step whose
            gradients overflow.
    """

    autocast: Callable[[], AbstractContextManager[object]] = contextlib.nullcontext
    scaler: torch.amp.GradScaler | None = None

    def scaled(self, loss: torch.Tensor) -> torch.Tensor:
        """The loss whose gradients are taken."""
        return loss if self.scaler is None else self.scaler.scale(loss)


def arithmetic(precision: str, device: torch.device) -> Arithmetic:
    """How a precision is computed in on a device. Weights, their gradients and the loss stay in float32.

    Args:
        precision: `fp32`, `tf32`, `bf16`, `fp16` or `fp8`; in the last the layers that `converted` changed compute in
            8 bits and all else in bf16.
        device: where it runs.

    Raises:
        UnsupportedError: the device has no such arithmetic.
    """
    if device.type == "cuda":
        torch.backends.cuda.matmul.fp32_precision = "tf32" if precision == "tf32" else "ieee"
        torch.backends.cudnn.fp32_precision = "tf32" if precision == "tf32" else "ieee"
    elif precision == "tf32":
        raise UnsupportedError(f"tf32 is arithmetic of NVIDIA GPUs; {device.type} has none", key="precision")
    if precision == "fp16" and device.type == "cpu" and not _cpu_has(_NATIVE_FP16):
        raise UnsupportedError(
            "this CPU has no fp16 arithmetic (AVX512-FP16, AMX-FP16 or ARM's): every product would be converted to "
            "fp32 and back; use bf16 or fp32",
            key="precision",
        )
    if precision == "fp8":
        float8.check(device)
    if precision not in _AUTOCAST:
        return Arithmetic()
    return Arithmetic(
        autocast=lambda: torch.autocast(device.type, dtype=_AUTOCAST[precision]),
        scaler=torch.amp.GradScaler(device.type) if precision == "fp16" else None,
    )


def converted(model: torch.nn.Module, precision: str) -> torch.nn.Module:
    """The model with the layers that a precision needs, in place: of fp8 its own linear ones."""
    return float8.converted(model) if precision == "fp8" else model


def emulation(precision: str, device: torch.device) -> str | None:
    """What a reader must know of a precision that a device computes in another one; None where it is native."""
    if precision != "bf16":
        return None
    if device.type == "cpu" and not _cpu_has(_NATIVE_BF16):
        return (
            "this CPU has no bf16 arithmetic (AVX512-BF16, AMX-BF16 or ARM's) and computes it in fp32: it saves memory "
            "traffic at best, and tells nothing of bf16's speed elsewhere"
        )
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return "this GPU has no bf16 arithmetic and computes it in fp32; fp16 is what its tensor cores offer"
    return None


def _cpu_has(instructions: tuple[str, ...]) -> bool:
    """Whether the CPU has one of some instructions; a torch that cannot tell gives no ground to say that it has not."""
    capabilities: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return not capabilities or any(capabilities.get(name, False) for name in instructions)
