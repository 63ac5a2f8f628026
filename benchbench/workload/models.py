"""A scenario's model as a transformers configuration and, with random weights, as a transformers model."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from transformers import AutoConfig

from benchbench.errors import ScenarioError, UnsupportedError, nearest
from benchbench.scenario.types import Model
from benchbench.workload.sizes import SIZES

# The attribute of each dimension, the first that a family's configuration has.
_ATTRIBUTES = {
    "layers": ("num_hidden_layers", "num_layers", "n_layers"),
    "hidden": ("hidden_size", "d_model", "dim"),
    "heads": ("num_attention_heads", "num_heads", "n_heads"),
    "kv_heads": ("num_key_value_heads",),
    "ffn": ("intermediate_size", "d_ff", "hidden_dim", "n_inner"),
    "vocab": ("vocab_size",),
}
_DROPOUT_WORDS = ("dropout", "pdrop")


def configuration(model: Model, dropout: float | None, labels: int) -> Any:  # noqa: ANN401 - transformers' own types
    """The transformers configuration: the family's defaults, the named size, then the scenario's dimensions.

    Args:
        model: what is asked.
        dropout: sets every dropout probability of the model; None keeps the family's.
        labels: classes of the head.

    Raises:
        ScenarioError: no such family or size, or a dimension that the family does not have.
    """
    try:
        config = AutoConfig.for_model(model.family)
    except ValueError:
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

        known = nearest(model.family, CONFIG_MAPPING_NAMES)
        hint = known if known.startswith("did") else "see transformers' list of model types"
        raise ScenarioError(f"transformers knows no family {model.family!r}: {hint}", key="model.family") from None
    for name, value in dimensions(model).items():
        attribute = next((a for a in _ATTRIBUTES[name] if hasattr(config, a)), None)
        if attribute is None:
            raise ScenarioError(f"the family {model.family!r} has no such dimension", key=f"model.{name}")
        setattr(config, attribute, value)
    if dropout is not None:
        for attribute, value in config.to_dict().items():
            if isinstance(value, float) and any(word in attribute for word in _DROPOUT_WORDS):
                setattr(config, attribute, dropout)
    config.num_labels = labels
    return config


def dimensions(model: Model) -> dict[str, int]:
    """The dimensions that a scenario sets, by its named size and by number.

    Raises:
        ScenarioError: the family has no size of that name.
    """
    found: dict[str, int] = {}
    if model.size is not None:
        sizes = SIZES.get(model.family, {})
        if model.size not in sizes:
            hint = (
                nearest(model.size, sizes) if sizes else "it has no named sizes here; give layers, hidden, heads, ffn"
            )
            raise ScenarioError(f"{model.family!r} has no size {model.size!r}: {hint}", key="model.size")
        found |= sizes[model.size]._asdict()
    own = {name: getattr(model, name) for name in _ATTRIBUTES}
    return found | {name: value for name, value in own.items() if value is not None}


def build(config: Any, head: str, attention: str) -> torch.nn.Module:  # noqa: ANN401 - transformers' own types
    """A model with random weights, drawn from torch's current generator.

    Args:
        config: a transformers configuration.
        head: the transformers class, such as `AutoModelForSequenceClassification`.
        attention: `auto`, `eager` or `sdpa`.

    Raises:
        UnsupportedError: the family has no such attention or head.
    """
    wanted = {} if attention == "auto" else {"attn_implementation": attention}
    auto_class = getattr(importlib.import_module("transformers"), head)
    try:
        model: torch.nn.Module = auto_class.from_config(config, **wanted)
    except ValueError as error:
        raise UnsupportedError(str(error).splitlines()[0]) from None
    return model
