"""Optimizers, torch's own, with decay kept off biases and norms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from benchbench.scenario.training_types import Optimizer

_MOMENTUM = 0.9
_Make = Callable[..., torch.optim.Optimizer]
_MAKE: dict[str, tuple[_Make, dict[str, Any]]] = {
    "sgd": (torch.optim.SGD, {}),
    "momentum": (torch.optim.SGD, {"momentum": _MOMENTUM}),
    "adam": (torch.optim.Adam, {}),
    "adamw": (torch.optim.AdamW, {}),
}
_FUSED_DEVICES = ("cpu", "cuda", "mps")


def build(optimizer: Optimizer, model: torch.nn.Module, device: torch.device) -> torch.optim.Optimizer:
    """The optimizer of a model, fused into one kernel where the device has it.

    Matrices and embeddings decay; vectors (biases, norms' scales) do not, as in BERT's and GPT's own training.
    """
    make, settings = _MAKE[optimizer.name]
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": optimizer.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    fused = device.type in _FUSED_DEVICES
    return make([g for g in groups if g["params"]], lr=optimizer.learning_rate, fused=fused, **settings)
