"""Attention: the kernel that is asked for, and the one that really computes."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchbench.errors import UnsupportedError
from benchbench.scenario.scenario import Scenario
from benchbench.training.precision import Arithmetic
from benchbench.workload.batches import Batch

if TYPE_CHECKING:
    from benchbench.training.loop import Parts

_KEY = "training.attention"
_FLASH_CAPABILITY = (8, 0)
# The operator that each kernel of torch's scaled_dot_product_attention is called by.
_KERNELS = {
    "aten::_scaled_dot_product_flash_attention": "flash",
    "aten::_scaled_dot_product_flash_attention_for_cpu": "flash",
    "aten::_scaled_dot_product_efficient_attention": "efficient",
    "aten::_scaled_dot_product_cudnn_attention": "cudnn",
    "aten::_scaled_dot_product_attention_math": "math",
    "aten::_scaled_dot_product_attention_math_for_mps": "math",
}


def implementation(attention: str) -> str:
    """What transformers is told: flash is one of the kernels behind sdpa."""
    return "sdpa" if attention == "flash" else attention


def check(scenario: Scenario, model: torch.nn.Module, device: torch.device) -> None:
    """Refuses flash attention where torch's kernel cannot compute it.

    Args:
        scenario: asks for some attention.
        model: perhaps without weights.
        device: where it would run.

    Raises:
        UnsupportedError: names what stands in the way.
    """
    if scenario.training.attention != "flash":
        return
    if device.type == "mps":
        raise UnsupportedError("torch has no flash attention for mps; use sdpa", key=_KEY)
    if device.type == "cpu" and any(_attention_dropouts(model).values()):
        names = ", ".join(f"{name} = {value:g}" for name, value in _attention_dropouts(model).items() if value)
        raise UnsupportedError(
            f"on the CPU torch's flash attention has no dropout, and the model has {names}; set training.dropout: 0.0, "
            "or use sdpa",
            key=_KEY,
        )
    if device.type != "cuda":
        return
    if scenario.precision not in ("bf16", "fp16", "fp8"):
        raise UnsupportedError(
            f"on a GPU torch's flash attention computes in bf16 or fp16, not {scenario.precision}", key=_KEY
        )
    if torch.cuda.get_device_capability(device) < _FLASH_CAPABILITY:
        raise UnsupportedError(
            f"torch's flash attention needs compute capability 8.0, which {torch.cuda.get_device_name(device)} lacks; "
            "use sdpa",
            key=_KEY,
        )


def restricted(arithmetic: Arithmetic, attention: str) -> Arithmetic:
    """The arithmetic of forward passes in which sdpa may use the flash kernel alone, if that is asked for."""
    if attention != "flash":
        return arithmetic

    @contextlib.contextmanager
    def forward() -> Iterator[None]:
        with sdpa_kernel(SDPBackend.FLASH_ATTENTION), arithmetic.autocast():
            yield

    def autocast() -> AbstractContextManager[object]:
        return forward()

    return replace(arithmetic, autocast=autocast)


def attempt(parts: Parts, batch: Batch) -> None:
    """Takes one forward pass with flash attention, to learn before anything is measured whether it can be.

    Args:
        parts: of a loop that was asked for flash attention.
        batch: a micro-batch of the training.

    Raises:
        UnsupportedError: the kernel cannot compute this model and these rows, or the model does not use it.
    """
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            with parts.compiler.plain():
                found = kernel(parts, batch)
        except RuntimeError as error:
            if "No available kernel" not in str(error):
                raise
            raise UnsupportedError(
                f"torch's flash attention cannot compute this model with these rows ({_reason(told)}); use sdpa",
                key=_KEY,
            ) from None
    if found != "flash":
        raise UnsupportedError(
            f"the family's attention does not pass through torch's kernels (it used {found}); use eager or auto",
            key=_KEY,
        )


def kernel(parts: Parts, batch: Batch) -> str:
    """The kernel that computes attention in the training's forward pass, seen in one more of them.

    Random numbers are drawn from a copy of the generators, and no gradient is left behind.

    Args:
        parts: of the loop.
        batch: a micro-batch of the training.

    Returns:
        `flash`, `efficient`, `cudnn`, `math`, or `eager` where the model's own code computes it; several are joined
        with `+`.
    """
    device = parts.device
    with (
        torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
        torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile,
        parts.arithmetic.autocast(),
    ):
        parts.model.train()
        parts.task.loss_sums(parts.model, batch.to(device), parts.objective)
    names = {event.name for event in profile.events() or ()}
    found = sorted({kind for name, kind in _KERNELS.items() if name in names})
    if found:
        return "+".join(found)
    told = getattr(getattr(parts.model, "config", None), "_attn_implementation", None)
    # A compiled model has torch's math kernel dissolved into its own.
    return "math" if told == "sdpa" else "eager"


def _attention_dropouts(model: torch.nn.Module) -> Mapping[str, float]:
    """The probabilities of dropout within attention: those that say so, else the family's only one."""
    config = getattr(model, "config", None)
    settings = config.to_dict() if config is not None else {}
    every = {
        name: float(value)
        for name, value in settings.items()
        if isinstance(value, (int, float)) and ("drop" in name) and "classifier" not in name
    }
    inside = {name: value for name, value in every.items() if "att" in name}
    return inside or every


def _reason(told: list[warnings.WarningMessage]) -> str:
    """What torch says of the kernels that it did not use, in one line."""
    lines = [str(one.message).partition(" (Triggered")[0].strip() for one in told]
    about = [line for line in lines if line and not line.endswith("not used because:")]
    return "; ".join(dict.fromkeys(about)) or "torch gives no reason"
