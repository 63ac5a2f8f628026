"""A scenario's dimensions under the names that each family's configuration has for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchbench.errors import ScenarioError, UnsupportedError, nearest
from benchbench.scenario.types import Model
from benchbench.workload.sizes import SIZES, Size

# The attribute of each dimension, the first that a family's configuration has.
_ATTRIBUTES = {
    "layers": ("num_hidden_layers", "num_layers", "n_layers"),
    "hidden": ("hidden_size", "d_model", "dim"),
    "heads": ("num_attention_heads", "num_heads", "n_heads"),
    "kv_heads": ("num_key_value_heads",),
    "ffn": (
        "intermediate_size", "d_ff", "hidden_dim", "n_inner", "encoder_ffn_dim", "ffn_dim", "d_inner", "dff",
        "ffn_hidden_size",
    ),
    "vocab": ("vocab_size",),
}  # fmt: skip
# Where a family has them, the decoder's follow the encoder's.
_TWINS = {
    "layers": ("num_decoder_layers", "decoder_layers"),
    "heads": ("decoder_attention_heads",),
    "ffn": ("decoder_ffn_dim",),
}
_HEAD_WIDTHS = ("head_dim", "d_head")
# A configuration with one of these inside describes several models, each with dimensions of its own.
_INNER = {"text_config", "encoder", "decoder", "encoder_config", "decoder_config"}


def size_of(model: Model) -> Size | None:
    """The named size of a scenario, if it names one.

    Raises:
        ScenarioError: the family has no size of that name.
    """
    if model.size is None:
        return None
    sizes = SIZES.get(model.family, {})
    if model.size not in sizes:
        hint = nearest(model.size, sizes) if sizes else "it has no named sizes here; give layers, hidden, heads, ffn"
        raise ScenarioError(f"{model.family!r} has no size {model.size!r}: {hint}", key="model.size")
    return sizes[model.size]


def settings(model: Model, family: Any) -> dict[str, Any]:
    """What a scenario says of a model's shape, under the family's own names, and what follows from it.

    Args:
        model: what is asked.
        family: the family's own configuration.

    Raises:
        ScenarioError: no such size, a dimension that the family does not have, or two that do not fit each other.
        UnsupportedError: the family is made of several models.
    """
    size = size_of(model)
    own = _own(model)
    wanted = {**(size.dimensions if size else {}), **own}
    found: dict[str, Any] = dict(size.settings) if size else {}
    inner = _INNER & set(type(family).sub_configs)
    if wanted and inner:
        raise UnsupportedError(
            f"{model.family!r} is made of several models, whose dimensions cannot be set here; leave them out",
            key=f"model.{next(iter(own), 'size')}",
        )
    for name, value in wanted.items():
        attribute = _attribute(name, family)
        if attribute is None:
            raise ScenarioError(f"the family {model.family!r} has no such dimension", key=f"model.{name}")
        found |= {a: value for a in (attribute, *_TWINS.get(name, ())) if hasattr(family, a)}
    return found | _following(wanted, found, family)


def _own(model: Model) -> dict[str, int]:
    """The dimensions that stand in the scenario as numbers."""
    given = {name: getattr(model, name) for name in _ATTRIBUTES}
    return {name: value for name, value in given.items() if value is not None}


def _attribute(dimension: str, family: Any) -> str | None:
    return next((a for a in _ATTRIBUTES[dimension] if hasattr(family, a)), None)


def _following(wanted: Mapping[str, int], found: Mapping[str, Any], family: Any) -> dict[str, int]:
    """The key and value heads, and the width of a head, that the other dimensions give."""
    if not wanted.keys() & {"hidden", "heads", "kv_heads"}:
        return {}
    hidden, heads, kv_heads = (_effective(name, found, family) for name in ("hidden", "heads", "kv_heads"))
    follows: dict[str, int] = {}
    attribute = _attribute("kv_heads", family)
    if attribute is not None and heads is not None and "kv_heads" not in wanted and "heads" in wanted:
        follows[attribute] = kv_heads = heads
    if heads is not None and kv_heads is not None and heads % kv_heads:
        raise ScenarioError(f"heads = {heads} is not divisible by kv_heads = {kv_heads}", key="model.kv_heads")
    if hidden is None or heads is None or not wanted.keys() & {"hidden", "heads"}:
        return follows
    if hidden % heads:
        raise ScenarioError(f"hidden = {hidden} is not divisible by heads = {heads}", key="model.heads")
    _check_rotation(hidden // heads, family)
    known = family.to_dict().keys() | family.attribute_map.keys()
    return follows | {a: hidden // heads for a in _HEAD_WIDTHS if a in known}


def _effective(dimension: str, found: Mapping[str, Any], family: Any) -> int | None:
    attribute = _attribute(dimension, family)
    return None if attribute is None else found.get(attribute, getattr(family, attribute))


def _check_rotation(width: int, family: Any) -> None:
    """Refuses heads of an odd width where positions rotate pairs of numbers (Su et al. 2021)."""
    rope = getattr(family, "rope_parameters", None)
    if not rope:
        return
    kinds = [kind for kind in rope.values() if isinstance(kind, Mapping)] or [rope]
    for kind in kinds:
        rotated = int(width * kind.get("partial_rotary_factor", 1.0))
        if rotated % 2 or not rotated:
            raise ScenarioError(
                f"a head is hidden / heads = {width} wide, of which this family's positions rotate {rotated} numbers "
                "in pairs; choose hidden and heads so that they are even",
                key="model.heads",
            )


def check_agreement(model: Model, config: Any, place: str) -> None:
    """Looks whether what a scenario says of a model's shape is what trained weights have.

    Args:
        model: what is asked.
        config: the weights' own configuration.
        place: where they come from.

    Raises:
        ScenarioError: names the dimension, and both numbers.
    """
    size = size_of(model)
    own = _own(model)
    for name, value in {**(size.dimensions if size else {}), **own}.items():
        attribute = _attribute(name, config)
        has = None if attribute is None else getattr(config, attribute)
        if has is None and name == "ffn" and attribute is not None:
            has = 4 * getattr(config, str(_attribute("hidden", config)))  # what GPT-2 means by None
        if has != value:
            key = f"model.{name}" if name in own else "model.size"
            raise ScenarioError(f"the weights of {place} have {name} = {has}, not {value}; leave the key out", key=key)
