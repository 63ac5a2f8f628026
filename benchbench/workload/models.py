"""A scenario's model as a transformers configuration and, with random weights, as a transformers model."""

from __future__ import annotations

import importlib
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import AutoConfig

from benchbench.errors import ScenarioError, UnsupportedError, nearest
from benchbench.scenario.types import Model
from benchbench.workload import dimensions
from benchbench.workload.vocabulary import CLS_ID, PAD_ID, SEP_ID

_TOKENS = {
    "pad_token_id": PAD_ID, "bos_token_id": CLS_ID, "cls_token_id": CLS_ID, "eos_token_id": SEP_ID,
    "sep_token_id": SEP_ID,
}  # fmt: skip
_DROPOUT_WORDS = ("dropout", "pdrop")
# How transformers says that it cannot build something. Not RuntimeError: memory that runs out is one.
REFUSALS = (
    ValueError, TypeError, AttributeError, LookupError, ImportError, AssertionError, NotImplementedError,
    StrictDataclassError,
)  # fmt: skip


def configuration(model: Model, dropout: float | None, labels: int) -> Any:
    """The transformers configuration: the family's defaults, the named size, then the scenario's dimensions.

    Args:
        model: what is asked.
        dropout: sets every dropout probability of the model; None keeps the family's.
        labels: classes of the head.

    Raises:
        ScenarioError: no such family or size, a dimension that the family does not have, or a family without a
            vocabulary.
    """
    family = _family(model.family)
    settings = dimensions.settings(model, family) | _tokens(family) | dropouts(family, dropout)
    if hasattr(family, "use_cache"):
        settings["use_cache"] = False  # for generation only
    try:
        config = AutoConfig.for_model(model.family, num_labels=labels, **settings)
    except REFUSALS as error:
        raise ScenarioError(f"transformers refuses this {model.family}: {said(error)}", key="model") from None
    if not isinstance(getattr(config, "vocab_size", None), int):
        raise ScenarioError(f"the family {model.family!r} has no vocabulary to train with", key="model.family")
    return config


def _family(name: str) -> Any:
    try:
        return AutoConfig.for_model(name)
    except REFUSALS as error:
        from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

        if name in CONFIG_MAPPING_NAMES:
            raise UnsupportedError(f"transformers refuses {name}: {said(error)}", key="model.family") from None
        known = nearest(name, CONFIG_MAPPING_NAMES)
        hint = known if known.startswith("did") else "see transformers' list of model types"
        raise ScenarioError(f"transformers knows no family {name!r}: {hint}", key="model.family") from None


def said(error: BaseException) -> str:
    """The line of an error that says what is wrong."""
    lines = [line.strip() for line in str(error).strip().splitlines()] or [type(error).__name__]
    line = lines[-1] if isinstance(error, StrictDataclassError) else lines[0]
    return line.removeprefix("ValueError: ")


def dropouts(config: Any, dropout: float | None) -> dict[str, float]:
    """Every dropout probability of a configuration, set to one value; none where it is None."""
    if dropout is None:
        return {}
    return {"classifier_dropout": dropout} | {  # heads of decoders look for it, though their families do not name it
        attribute: dropout
        for attribute, value in config.to_dict().items()
        if isinstance(value, (int, float)) and any(word in attribute for word in _DROPOUT_WORDS)
    }


def _tokens(family: Any) -> dict[str, int]:
    """The special tokens' ids as our vocabularies have them, in place of the family's own vocabulary's."""
    ids = {name: value for name, value in _TOKENS.items() if hasattr(family, name)}
    ids["pad_token_id"] = PAD_ID
    if family.is_encoder_decoder:
        start, end = (getattr(family, name, None) for name in ("decoder_start_token_id", "eos_token_id"))
        ids["decoder_start_token_id"] = SEP_ID if start is not None and start == end else PAD_ID
    return ids


def auto_class(head: str) -> Any:
    """The transformers class of a head, such as `AutoModelForSequenceClassification`."""
    return getattr(importlib.import_module("transformers"), head)


def build(config: Any, head: str, attention: str) -> torch.nn.Module:
    """A model with random weights, drawn from torch's current generator.

    Args:
        config: a transformers configuration.
        head: the transformers class, such as `AutoModelForSequenceClassification`.
        attention: `auto`, `eager` or `sdpa`.

    Raises:
        UnsupportedError: the family has no such attention or head.
    """
    check_head(config, head)
    try:
        model: torch.nn.Module = auto_class(head).from_config(config, **attention_setting(attention))
    except REFUSALS as error:
        raise UnsupportedError(
            f"transformers cannot build this {config.model_type}: {said(error)}", key="model"
        ) from None
    return model


def check_head(config: Any, head: str) -> None:
    """Refuses a head that would look at padding.

    Raises:
        UnsupportedError: XLNet's classifier.
    """
    if head == "AutoModelForSequenceClassification" and getattr(config, "summary_type", None) == "last":
        raise UnsupportedError(
            f"{config.model_type} classifies by a row's last token, which is padding where rows are filled up behind",
            key="model.family",
        )


def attention_setting(attention: str) -> dict[str, str]:
    """The argument by which transformers is told of the attention."""
    return {} if attention == "auto" else {"attn_implementation": attention}


def longest_row(model: torch.nn.Module) -> int | None:
    """The most tokens that a model has positions for; None where it has no such limit.

    RoBERTa and its kin count positions from behind the padding's, so they have fewer than their configuration says.
    """
    limit: int | None = getattr(getattr(model, "config", None), "max_position_embeddings", None)
    if limit is None or limit <= 0:  # XLNet says -1
        return None
    tables = [m for name, m in model.named_modules() if name.endswith("position_embeddings")]
    for table in tables:
        if isinstance(table, torch.nn.Embedding) and table.padding_idx is not None:
            limit = min(limit, table.num_embeddings - table.padding_idx - 1)
    return limit
