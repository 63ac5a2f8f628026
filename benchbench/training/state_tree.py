"""A nested state as JSON and tensors, and back: what a checkpoint holds without a line of code in it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch

Tensors = dict[str, torch.Tensor]


def flattened(state: object, prefix: str = "") -> tuple[Any, Tensors]:
    """A state as JSON-ready data, in which names stand for tensors, and the tensors.

    Args:
        state: numbers, texts, tensors, and mappings, lists and tuples of them, at any depth.
        prefix: with which the tensors' names begin.

    Raises:
        TypeError: it holds something else.
    """
    tensors: Tensors = {}
    return _flat(state, prefix or "state", tensors), tensors


def _flat(state: object, name: str, tensors: Tensors) -> Any:
    if state is None or isinstance(state, (bool, int, str)):
        return state
    if isinstance(state, float):
        return state if math.isfinite(state) else {"float": repr(state)}
    if isinstance(state, torch.Tensor):
        tensors[name] = state
        return {"tensor": name}
    if isinstance(state, Mapping):
        return {"mapping": [[key, _flat(value, f"{name}.{key}", tensors)] for key, value in state.items()]}
    if isinstance(state, (list, tuple)):
        items = [_flat(value, f"{name}.{number}", tensors) for number, value in enumerate(state)]
        return items if isinstance(state, list) else {"tuple": items}
    raise TypeError(f"{name} is a {type(state).__name__}, which a checkpoint cannot hold")


def restored(flat: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    """The state that `flattened` took apart.

    Raises:
        KeyError: a tensor is not there.
    """
    if isinstance(flat, list):
        return [restored(item, tensors) for item in flat]
    if not isinstance(flat, dict):
        return flat
    ((kind, content),) = flat.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "float":
        return float(content)
    items = [(key, restored(value, tensors)) for key, value in content] if kind == "mapping" else []
    return dict(items) if kind == "mapping" else tuple(restored(item, tensors) for item in content)
