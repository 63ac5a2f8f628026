"""The random numbers that a training draws: where their generators stand."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch


def state() -> dict[str, Any]:
    """Where the generators of torch, its CUDA devices, numpy and Python stand: tensors, numbers and texts, nested."""
    name, keys, *rest = np.random.get_state(legacy=True)
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": (name, torch.from_numpy(np.asarray(keys, dtype=np.int64)), *rest),
        "python": random.getstate(),
    }


def restore(found: Mapping[str, Any]) -> None:
    """Puts the generators where `state` found them; CUDA devices that were not there then are left alone."""
    torch.set_rng_state(found["torch"])
    for device, one in enumerate(found["cuda"][: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(one, device)
    name, keys, *rest = found["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    random.setstate(found["python"])


@contextmanager
def undisturbed() -> Iterator[None]:
    """Afterwards the generators stand where they stood before."""
    before = state()
    try:
        yield
    finally:
        restore(before)
