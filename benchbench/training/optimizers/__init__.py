"""Optimizers: torch's own, and the update rules that it lacks, one file each.

Matrices and embeddings decay; vectors (biases, norms' scales) do not, as in BERT's and GPT's own training.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn

from benchbench.scenario.training_types import Optimizer
from benchbench.training.layers import matrices
from benchbench.training.optimizers.joined import Joined
from benchbench.training.optimizers.lamb import Lamb
from benchbench.training.optimizers.lion import Lion

Groups = list[dict[str, Any]]

_FUSED_DEVICES = ("cpu", "cuda", "mps")
# Adafactor's two floors: of the root of a squared gradient (the paper's 1e-30, as torch squares it) and of the RMS of
# the weights that a step is relative to. torch's own first floor, 1.2e-7, is above many a gradient.
_ADAFACTOR_FLOORS = (1e-15, 1e-3)


def build(optimizer: Optimizer, model: nn.Module, device: torch.device) -> torch.optim.Optimizer:
    """The optimizer of a model's trainable parameters, fused into one kernel where torch and the device have it.

    The weight decay is L2 for sgd, momentum and adam, and decoupled for all others. Muon moves the matrices of the
    body's linear layers, AdamW the rest; its step has the size of AdamW's (Liu et al. 2025, "Muon is Scalable for LLM
    Training", 0.2 sqrt(max(rows, columns)) times the orthogonalised gradient), so that one learning rate serves both.
    """
    parameters = [p for p in model.parameters() if p.requires_grad]
    if optimizer.name != "muon":
        return _RULES[optimizer.name](_groups(parameters, optimizer.weight_decay), optimizer, device)
    hidden = {id(weight) for weight in matrices(model).values()}
    turned = [p for p in parameters if id(p) in hidden]
    others = _groups([p for p in parameters if id(p) not in hidden], optimizer.weight_decay)
    parts = [_muon(turned, optimizer)] if turned else []
    return Joined([*parts, *([_adamw(others, optimizer, device)] if others else [])])


def is_decayed(parameter: torch.Tensor) -> bool:
    """Whether a penalty pulls at a parameter: at matrices, not at biases and norms' scales."""
    return parameter.ndim >= 2


def _groups(parameters: Iterable[nn.Parameter], weight_decay: float) -> Groups:
    every = list(parameters)
    groups: Groups = [
        {
            "params": [p for p in every if is_decayed(p) == decayed and _is_divided(p) == divided],
            "weight_decay": weight_decay if decayed else 0.0,
        }
        for divided in (False, True)  # among ranks: torch moves no such weights together with others
        for decayed in (True, False)
    ]
    return [group for group in groups if group["params"]]


def _is_divided(parameter: torch.Tensor) -> bool:
    """Whether a rank has only a part of a parameter (a DTensor, whose import a training of one process spares)."""
    return hasattr(parameter, "placements")


def _divided(groups: Groups) -> bool:
    """Whether some parameters are divided: torch's fused SGD takes none of them."""
    return any(_is_divided(p) for group in groups for p in group["params"])


def _sgd(groups: Groups, optimizer: Optimizer, device: torch.device) -> torch.optim.Optimizer:
    return torch.optim.SGD(groups, lr=optimizer.learning_rate, fused=_fused(device) and not _divided(groups))


def _momentum(groups: Groups, optimizer: Optimizer, device: torch.device) -> torch.optim.Optimizer:
    momentum = optimizer.constant("momentum")
    fused = _fused(device) and not _divided(groups)
    return torch.optim.SGD(groups, lr=optimizer.learning_rate, momentum=momentum, fused=fused)


def _adam(groups: Groups, optimizer: Optimizer, device: torch.device) -> torch.optim.Optimizer:
    epsilon = optimizer.constant("epsilon")
    return torch.optim.Adam(
        groups, lr=optimizer.learning_rate, betas=_betas(optimizer), eps=epsilon, fused=_fused(device)
    )


def _adamw(groups: Groups, optimizer: Optimizer, device: torch.device) -> torch.optim.Optimizer:
    epsilon = optimizer.constant("epsilon")
    return torch.optim.AdamW(
        groups, lr=optimizer.learning_rate, betas=_betas(optimizer), eps=epsilon, fused=_fused(device)
    )


def _lamb(groups: Groups, optimizer: Optimizer, _device: torch.device) -> torch.optim.Optimizer:
    return Lamb(groups, lr=optimizer.learning_rate, betas=_betas(optimizer), eps=optimizer.constant("epsilon"))


def _lion(groups: Groups, optimizer: Optimizer, _device: torch.device) -> torch.optim.Optimizer:
    return Lion(groups, lr=optimizer.learning_rate, betas=_betas(optimizer))


def _adafactor(groups: Groups, optimizer: Optimizer, device: torch.device) -> torch.optim.Optimizer:
    foreach = device.type == "cuda"
    return torch.optim.Adafactor(groups, lr=optimizer.learning_rate, eps=_ADAFACTOR_FLOORS, foreach=foreach)


def _muon(matrices: list[nn.Parameter], optimizer: Optimizer) -> torch.optim.Optimizer:
    return torch.optim.Muon(
        matrices,
        lr=optimizer.learning_rate,
        weight_decay=optimizer.weight_decay,
        momentum=optimizer.constant("momentum"),
        adjust_lr_fn="match_rms_adamw",
    )


def _betas(optimizer: Optimizer) -> tuple[float, float]:
    return optimizer.constant("beta1"), optimizer.constant("beta2")


def _fused(device: torch.device) -> bool:
    return device.type in _FUSED_DEVICES


_RULES: dict[str, Callable[[Groups, Optimizer, torch.device], torch.optim.Optimizer]] = {
    "sgd": _sgd, "momentum": _momentum, "adam": _adam, "adamw": _adamw, "lamb": _lamb, "lion": _lion,
    "adafactor": _adafactor,
}  # fmt: skip
