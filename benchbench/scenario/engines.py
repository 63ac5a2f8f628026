"""What a scenario may legally say but no engine here carries out yet: refused by name, never ignored.

The one list of gaps. An issue that brings an engine deletes its row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchbench import registry
from benchbench.errors import UnsupportedError
from benchbench.scenario.scenario import Scenario

_HERE: dict[str, tuple[Any, ...]] = {
    "precision": ("fp32", "tf32", "bf16"),
    "data.batching": ("pad",),
    "data.balance": ("none",),
    "data.workers": (0,),
    "data.path": (None,),
    "data.split": (None,),
    "data.clean": ((),),
    "model.pretrained": (None,),
    "training.optimizer.name": ("sgd", "momentum", "adam", "adamw"),
    "training.optimizer.l1": (0.0,),
    "training.schedule.name": ("constant", "linear", "cosine"),
    "training.compile": ("none",),
    "training.attention": ("auto", "eager", "sdpa"),
    "training.activation_checkpointing": ("none",),
    "training.adapter": ("none",),
    "training.compression.prune": (0.0,),
    "training.compression.quantize": ("none",),
    "parallelism.data": ("auto", 1),
    "parallelism.shard": ("none",),
    "parallelism.tensor": (1,),
    "parallelism.pipeline": (1,),
    "parallelism.communication": ("none",),
    "parallelism.local_sgd": (1,),
    "hardware.devices": (1,),
    "hardware.nodes": (1,),
    "trainer": (None,),
}


def _columns(scenario: Scenario) -> str | None:
    named = [k for k, v in scenario.data if k.endswith("_column") and v is not None]
    return f"data.{named[0]}" if named else None


_PLUGINS: tuple[tuple[str, str, Callable[[Scenario], str | None]], ...] = (
    ("task", registry.TASKS, lambda s: s.task),
    ("data.source", registry.SOURCES, lambda s: s.data.source),
)


def check(scenario: Scenario) -> None:
    """Refuses what has no engine yet.

    Raises:
        UnsupportedError: names the key, its value and what can be had today.
    """
    for key, kind, value_of in _PLUGINS:
        value = value_of(scenario)
        if value is not None and value not in registry.names(kind):
            raise _refusal(key, value, registry.names(kind))
    for key, here in _HERE.items():
        value = value_at(scenario, key)
        if value not in here:
            raise _refusal(key, value, tuple(h for h in here if h not in (None, ())))
    column = _columns(scenario)
    if column is not None:
        raise UnsupportedError("set, but the embedded data sources have no columns to map; leave it out", key=column)


def value_at(scenario: Scenario, key: str) -> Any:  # noqa: ANN401 - a setting of any type
    """A setting by its dotted key; None below a section that is absent."""
    value: Any = scenario
    for part in key.split("."):
        value = getattr(value, part, None)
    return value


def _refusal(key: str, value: object, here: tuple[object, ...]) -> UnsupportedError:
    shown = getattr(value, "name", value)
    offer = f"today: {', '.join(map(str, here))}" if here else "leave it out"
    return UnsupportedError(f"{shown!r} is a legal value, but is not implemented yet; {offer}", key=key)
