"""Bytes that a step's operators read and write, counted tensor by tensor.

Each operator is charged with every tensor that it takes in and gives out, as if nothing stayed in a cache and no two
operators were fused. It is what unfused kernels move, and an upper bound for fused ones. Views move nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_UNWRITTEN = ("aten::empty", "aten::empty_like", "aten::new_empty", "aten::empty_strided", "aten::new_empty_strided")


class Moved(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the bytes of every operator while it is entered.

    Attributes:
        total_bytes: read and written so far.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total_bytes = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Carries out an operator and adds what it moves."""
        found = func(*args, **(kwargs or {}))
        if not _moves_nothing(func):
            self.total_bytes += _bytes((args, kwargs)) + _bytes(_changed(func, args, kwargs or {})) + _new(func, found)
        return found


def _moves_nothing(operator: Any) -> bool:
    """Whether an operator gives out another look at what it was given, or memory that it did not write to."""
    if operator._schema.name in _UNWRITTEN:
        return True
    returns = operator._schema.returns
    return bool(returns) and all(r.alias_info is not None and not r.alias_info.is_write for r in returns)


def _changed(operator: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> list[Any]:
    """The arguments that an operator writes to."""
    arguments = operator._schema.arguments
    given = [*zip(arguments, args, strict=False), *((a, kwargs[a.name]) for a in arguments if a.name in kwargs)]
    return [value for argument, value in given if argument.alias_info is not None and argument.alias_info.is_write]


def _new(operator: Any, found: Any) -> int:
    """Bytes of the results that are not arguments which were written to."""
    results = found if isinstance(found, (tuple, list)) else (found,)
    returns = operator._schema.returns
    if len(returns) != len(results):  # one list of tensors
        return _bytes(found)
    return _bytes([value for told, value in zip(returns, results, strict=True) if told.alias_info is None])


def _bytes(values: object) -> int:
    tensors = {id(leaf): leaf for leaf in tree_leaves(values) if isinstance(leaf, torch.Tensor)}
    return sum(_extent(tensor) for tensor in tensors.values())


def _extent(tensor: torch.Tensor) -> int:
    """Bytes of what a tensor really holds: an expanded dimension is read once."""
    elements = 1
    for size, stride in zip(tensor.shape, tensor.stride(), strict=True):
        elements *= size if stride else 1
    return elements * tensor.element_size() if tensor.numel() else 0
