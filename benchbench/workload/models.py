"""A scenario's model as a transformers configuration and, with random weights, as a transformers model."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import AutoConfig

from benchbench.errors import ScenarioError, UnsupportedError, nearest
from benchbench.scenario.types import Model
from benchbench.workload.sizes import SIZES
from benchbench.workload.vocabulary import CLS_ID, PAD_ID, SEP_ID

# The attribute of each dimension, the first that a family's configuration has.
_ATTRIBUTES = {
    "layers": ("num_hidden_layers", "num_layers", "n_layers"),
    "hidden": ("hidden_size", "d_model", "dim"),
    "heads": ("num_attention_heads", "num_heads", "n_heads"),
    "kv_heads": ("num_key_value_heads", "num_kv_heads"),
    "ffn": ("intermediate_size", "d_ff", "hidden_dim", "n_inner", "encoder_ffn_dim", "ffn_dim", "d_inner"),
    "vocab": ("vocab_size",),
}
# Where a family has them, the decoder's follow the encoder's.
_TWINS = {
    "layers": ("num_decoder_layers", "decoder_layers"),
    "heads": ("decoder_attention_heads",),
    "ffn": ("decoder_ffn_dim",),
}
_TOKENS = {
    "pad_token_id": PAD_ID, "bos_token_id": CLS_ID, "cls_token_id": CLS_ID, "eos_token_id": SEP_ID,
    "sep_token_id": SEP_ID,
}  # fmt: skip
_DROPOUT_WORDS = ("dropout", "pdrop")


def configuration(model: Model, dropout: float | None, labels: int) -> Any:
    """The transformers configuration: the family's defaults, the named size, then the scenario's dimensions.

    Args:
        model: what is asked.
        dropout: sets every dropout probability of the model; None keeps the family's.
        labels: classes of the head.

    Raises:
        ScenarioError: no such family or size, or a dimension that the family does not have.
    """
    family = _family(model.family)
    settings = _settings(model, family) | _tokens(family)
    if dropout is not None:
        settings |= {
            attribute: dropout
            for attribute, value in family.to_dict().items()
            if isinstance(value, (int, float)) and any(word in attribute for word in _DROPOUT_WORDS)
        }
    if hasattr(family, "use_cache"):
        settings["use_cache"] = False  # for generation only
    try:
        return AutoConfig.for_model(model.family, num_labels=labels, **settings)
    except (ValueError, NotImplementedError, StrictDataclassError) as error:
        said = str(error).strip().splitlines()[-1].strip().removeprefix("ValueError: ")
        raise ScenarioError(f"transformers refuses this {model.family}: {said}", key="model") from None


def _family(name: str) -> Any:
    try:
        return AutoConfig.for_model(name)
    except ValueError:
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

        known = nearest(name, CONFIG_MAPPING_NAMES)
        hint = known if known.startswith("did") else "see transformers' list of model types"
        raise ScenarioError(f"transformers knows no family {name!r}: {hint}", key="model.family") from None


def _settings(model: Model, family: Any) -> dict[str, Any]:
    """The scenario's dimensions under the family's own names, and those that follow from them."""
    found: dict[str, int] = {}
    wanted = dimensions(model)
    for name, value in wanted.items():
        attribute = _attribute(name, family)
        if attribute is None:
            raise ScenarioError(f"the family {model.family!r} has no such dimension", key=f"model.{name}")
        found |= {a: value for a in (attribute, *_TWINS.get(name, ())) if hasattr(family, a)}
    hidden, heads, kv_heads = (_attribute(name, family) for name in ("hidden", "heads", "kv_heads"))
    if kv_heads is not None and heads in found and "kv_heads" not in wanted:
        found[kv_heads] = found[heads]
    own_head_dim = "head_dim" in family.to_dict() or "head_dim" in family.attribute_map
    if own_head_dim and hidden is not None and heads is not None and (hidden in found or heads in found):
        width, count = (found.get(a, getattr(family, a)) for a in (hidden, heads))
        found["head_dim"] = width // count
    return found


def _attribute(dimension: str, family: Any) -> str | None:
    return next((a for a in _ATTRIBUTES[dimension] if hasattr(family, a)), None)


def _tokens(family: Any) -> dict[str, int]:
    """The special tokens' ids as our vocabularies have them, in place of the family's own vocabulary's."""
    ids = {name: value for name, value in _TOKENS.items() if hasattr(family, name)}
    ids["pad_token_id"] = PAD_ID
    if family.is_encoder_decoder:
        start, end = (getattr(family, name, None) for name in ("decoder_start_token_id", "eos_token_id"))
        ids["decoder_start_token_id"] = SEP_ID if start is not None and start == end else PAD_ID
    return ids


def dimensions(model: Model) -> Mapping[str, int]:
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


def build(config: Any, head: str, attention: str) -> torch.nn.Module:
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


def longest_row(model: torch.nn.Module) -> int | None:
    """The most tokens that a model has positions for; None where it has no such limit.

    RoBERTa and its kin count positions from behind the padding's, so they have fewer than their configuration says.
    """
    limit: int | None = getattr(getattr(model, "config", None), "max_position_embeddings", None)
    tables = [m for name, m in model.named_modules() if name.endswith("position_embeddings")]
    for table in tables:
        if limit is not None and isinstance(table, torch.nn.Embedding) and table.padding_idx is not None:
            limit = min(limit, table.num_embeddings - table.padding_idx - 1)
    return limit
