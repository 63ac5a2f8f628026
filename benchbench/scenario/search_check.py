"""Each value of a search space, of the baseline and of the proxy must be one that its setting takes.

Combinations are the search's to handle; a whole baseline is checked where a file is loaded.
"""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from benchbench.scenario.expected import branches, expectation, mismatch, node_at, schema_of
from benchbench.scenario.knobs import knobs_of, section_of
from benchbench.scenario.misfit import Misfit
from benchbench.scenario.search_types import Range, Search
from benchbench.scenario.space import fields_of, unknown_key
from benchbench.scenario.text import shown
from benchbench.values import FrozenMapping

_PROXIED = ("model.", "data.", "training.", "precision", "target.")
_NOT_PROXIED = ("target.metric", "training.seed", "training.resume")


def typed(search: Search, model: type[BaseModel]) -> Search:
    """The section with every value checked, and whole numbers made floats where the setting is one.

    Args:
        search: as it was read.
        model: the scenario's type.

    Raises:
        Misfit: a key that is no knob, or a value that its setting does not take.
    """
    if not (search.space or search.baseline or search.proxy):
        return search
    space = {key: _entry(key, values, model) for key, values in search.space.items()}
    baseline = {key: _value(("baseline", key), key, value, model)[1] for key, value in search.baseline.items()}
    proxy = {key: _proxied(key, value, search, model) for key, value in search.proxy.items()}
    checked = {"space": space, "baseline": baseline, "proxy": proxy}
    return search.model_copy(update={name: FrozenMapping(value) for name, value in checked.items()})


def searchable(key: str, model: type[BaseModel]) -> bool:
    """Whether a key is a knob, which a search may change (not a name, a target, or how it is measured)."""
    return key in _knob_keys(model)


@cache
def _knob_keys(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(knob.key for knob in knobs_of(model))


@cache
def proxy_keys(model: type[BaseModel]) -> tuple[str, ...]:
    """The settings that a proxy may change: what is trained, on what and how, and how far; not what is judged.

    Args:
        model: the scenario's type.
    """
    settings = (key for key, field in fields_of(model) if section_of(field) is None)
    return tuple(key for key in settings if key.startswith(_PROXIED) and key not in _NOT_PROXIED)


def _proxied(key: str, value: object, search: Search, model: type[BaseModel]) -> Any:
    """A value of the proxy, checked."""
    place = ("proxy", key)
    if key in search.space:
        raise Misfit(place, "a key of search.space: what is searched cannot be held fixed; take it out of one of them")
    if key not in proxy_keys(model):
        if key in dict(fields_of(model)):
            allowed = "settings of the model, the data, the training and the precision, and the target's bound"
            raise Misfit(place, f"a proxy does not change this; it takes {allowed}")
        raise Misfit(place, unknown_key("", key, proxy_keys(model), proxy_keys(model)))
    if value is None and key.startswith("target."):
        raise Misfit(place, "a proxy keeps the kind of the target; give another bound, or leave it out")
    return _checked(place, key, value, model)[1]


def setting_value(key: str, value: object, model: type[BaseModel]) -> object:
    """A plain value as the setting of a key holds it.

    Args:
        key: a knob's dotted key.
        value: plain data.
        model: the scenario's type.

    Raises:
        Misfit: a key that is no knob, or a value that its setting does not take.
    """
    return _value((key,), key, value, model)[0]


def _entry(key: str, values: Range | tuple[Any, ...], model: type[BaseModel]) -> Range | tuple[Any, ...]:
    if isinstance(values, Range):
        return _range(key, values, model)
    checked = [_value(("space", key), key, value, model) for value in values]
    seen: set[object] = set()
    for valid, written in checked:
        if valid in seen:
            raise Misfit(("space", key), f"{shown(written)} stands twice in the list; keep one")
        seen.add(valid)
    return tuple(written for _, written in checked)


def _range(key: str, values: Range, model: type[BaseModel]) -> Range:
    place = ("space", key)
    _check_knob(place, key, model)
    schema = schema_of(model)
    node = node_at(schema, tuple(key.split(".")))
    kinds = {branch.get("type") for branch in branches(schema, node)}
    if not kinds & {"integer", "number"}:
        raise Misfit(
            place, f"a range needs numbers, and this takes {expectation(schema, node)}; write a list of values"
        )
    (_, low), (_, high) = (_value((*place, end), key, getattr(values, end), model) for end in ("low", "high"))
    step = values.step
    if step is not None and "number" not in kinds and not isinstance(step, int):
        raise Misfit((*place, "step"), f"expected a whole number, as the setting is one, not {shown(step)}")
    step = float(step) if step is not None and isinstance(low, float) else step
    return Range(low=low, high=high, log=values.log, step=step)


def _value(place: tuple[str, ...], key: str, value: object, model: type[BaseModel]) -> tuple[Any, Any]:
    """A value as its setting takes it, and as the space keeps it: as it was written, but a float where it must be."""
    _check_knob(place, key, model)
    return _checked(place, key, value, model)


def _checked(place: tuple[str, ...], key: str, value: object, model: type[BaseModel]) -> tuple[Any, Any]:
    try:
        valid = _setting(model, key).validate_python(value)
    except ValidationError as error:
        schema = schema_of(model)
        first = error.errors(include_url=False)[0]
        said = first["msg"].removeprefix("Value error, ") if first["type"] == "value_error" else None
        raise Misfit(place, said or mismatch(value, schema, node_at(schema, tuple(key.split("."))))) from None
    return valid, valid if isinstance(valid, float) else value


def _check_knob(place: tuple[str, ...], key: str, model: type[BaseModel]) -> None:
    if searchable(key, model):
        return
    fields = dict(fields_of(model))
    if key not in fields:
        raise Misfit(place, unknown_key("", key, _knob_keys(model), _knob_keys(model)))
    inside = [knob for knob in _knob_keys(model) if knob.startswith(key + ".")]
    if inside:
        raise Misfit(place, f"a section, not a setting; name one of {', '.join(inside)}")
    raise Misfit(place, "cannot be searched: it says what is asked, not how to train")


@cache
def _setting(model: type[BaseModel], key: str) -> TypeAdapter[Any]:
    field = dict(fields_of(model))[key]
    config = ConfigDict(strict=True, allow_inf_nan=False)
    kind: Any = Annotated[(field.annotation, *field.metadata, None)]  # None: there must be something to annotate with
    return TypeAdapter(kind, config=config)
