"""What a scenario may legally say but no engine here carries out yet: refused by name, never ignored.

The one list of what is carried out. A setting that it does not name may only stand at its default, so a new
field is refused until its engine adds it here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from benchbench import registry
from benchbench.errors import UnsupportedError
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.search_types import Range
from benchbench.scenario.space import fields_of, split_key
from benchbench.scenario.text import shown

# Settings of which every legal value is carried out, by section.
_OBEYED = {
    "": "schema name question model precision target",
    "model": "family size layers hidden heads kv_heads ffn vocab pretrained revision",
    "data.split": "train validation test",
    "data.lengths": "name low high median sigma",
    "data": "path subset revision split lengths text_column label_column source_column target_column "
    "question_column context_column answer_column answer_start_column clean validation_fraction test_fraction "
    "sequence_length batching balance workers prefetch",
    "training": "global_batch micro_batch max_steps gradient_clip dropout label_smoothing ema "
    "adapter frozen_layers compile attention activation_checkpointing checkpoint_every resume "
    "seed",
    "training.optimizer": "name learning_rate weight_decay l1 momentum beta1 beta2 epsilon",
    "training.schedule": "name warmup_fraction",
    "training.adapter": "name rank alpha",
    "training.compression": "prune quantize",
    "parallelism": "data shard tensor communication parameter_server local_sgd bucket_mib",
    "hardware": "device devices threads memory_limit expect price_per_hour carbon_g_per_kwh",
    "measure": "procedure warmup steps repeats confidence relative_halfwidth timeout sample_interval "
    "subtract_idle profile remeasure",
    "target": "metric at_least at_most eval_every",
    "search": "baseline space method reuse proxy",
    "search.constraints": "peak_memory power_w cost metric",
}
OBEYED = frozenset(f"{section}.{name}".lstrip(".") for section, names in _OBEYED.items() for name in names.split())
# Settings of which some values are.
PARTLY: dict[str, tuple[object, ...]] = {}
# Settings whose values are plug-ins.
PLUGINS = {"task": registry.TASKS, "data.source": registry.SOURCES}


def check(scenario: Scenario) -> None:
    """Refuses what has no engine yet.

    Raises:
        UnsupportedError: names the key, its value and what can be had today.
    """
    for key, value, default in _settings(scenario):
        _check(key, value, default, key)


def check_search(scenario: Scenario) -> None:
    """Refuses a search space, a baseline or a proxy that holds values without an engine.

    Raises:
        UnsupportedError: names the key within `search`, the value and what can be had today.
    """
    defaults = {key: field.default for key, field in fields_of(Scenario)}
    search = scenario.search
    candidates: dict[str, Mapping[str, Any]] = {
        "space": search.space,
        "baseline": search.baseline,
        "proxy": search.proxy,
    }
    for part, entries in candidates.items():
        for key, values in entries.items():
            ends = (values.low, values.high) if isinstance(values, Range) else values
            for value in ends if isinstance(ends, tuple) else (ends,):
                _check(key, value, defaults[key], f"search.{part}.{key}")


def value_at(scenario: Scenario, key: str) -> Any:
    """A setting by its dotted key; None below a section that is absent."""
    value: Any = scenario
    for part in split_key(key):
        if isinstance(value, Mapping):
            value = value.get(part)
        else:
            fields = type(value).model_fields if isinstance(value, BaseModel) else {}
            value = next((getattr(value, n) for n, field in fields.items() if _key(n, field) == part), None)
    return value


def _key(name: str, field: FieldInfo) -> str:
    return field.alias or name


def _settings(section: BaseModel, prefix: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Every setting with its key, value and default; a section that may be absent is one too, before its own."""
    for name, field in type(section).model_fields.items():
        key, value = prefix + _key(name, field), getattr(section, name)
        if not isinstance(value, BaseModel) or not isinstance(field.default, BaseModel):
            yield key, value, field.default
        if isinstance(value, BaseModel):
            yield from _settings(value, key + ".")


def _check(key: str, value: object, default: object, place: str) -> None:
    if key in OBEYED:
        return
    here = PARTLY.get(key, (default,))
    if key in PLUGINS:
        here = (None, *registry.names(PLUGINS[key]))
    if value in here:
        return
    offer = ", ".join(str(one) for one in here if one not in (None, ()))
    raise UnsupportedError(
        f"{_named(value)} is legal, but is not implemented yet; {f'today: {offer}' if offer else 'leave it out'}",
        key=place,
    )


def _named(value: object) -> str:
    if isinstance(value, BaseModel):
        return shown(value.name) if hasattr(value, "name") else "this"
    return f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else shown(value)
