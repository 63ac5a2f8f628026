"""Declares, beside each field, which lever it pulls and which factor of the time to target it moves."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple, cast

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo


class Lever(StrEnum):
    """Where training speed is decided."""

    HARDWARE = "hardware"
    SOFTWARE = "software"
    ALGORITHM = "algorithm"


class Factor(StrEnum):
    """What a knob moves in `time to target = seconds per step x steps to target`."""

    STEP_S = "seconds-per-step"
    STEPS = "steps-to-target"
    BOTH = "both"


class Knob(NamedTuple):
    """One declared knob."""

    key: str
    lever: Lever
    moves: Factor


def knob(default: object, lever: Lever, moves: Factor, description: str) -> Any:
    """A pydantic field that declares its lever and factor; both also stand in the JSON Schema.

    Args:
        default: the field's default.
        lever: where this knob acts.
        moves: the factor it changes.
        description: what it is, with its unit.
    """
    return Field(default, description=description, json_schema_extra={"lever": lever.value, "moves": moves.value})


def knobs_of(model: type[BaseModel], prefix: str = "") -> Iterator[Knob]:
    """Every knob below a section type, with its dotted key."""
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        extra = field.json_schema_extra
        if isinstance(extra, dict) and "lever" in extra:
            yield Knob(key, Lever(cast(str, extra["lever"])), Factor(cast(str, extra["moves"])))
        section = section_of(field)
        if section is not None:
            yield from knobs_of(section, key + ".")


def section_of(field: FieldInfo) -> type[BaseModel] | None:
    """The section type that a field holds (`Section`, `Section | None`, `Literal[...] | Section`), or None."""
    annotation: Any = field.annotation
    for candidate in (annotation, *getattr(annotation, "__args__", ())):
        if isinstance(candidate, type) and issubclass(candidate, BaseModel):
            return candidate
    return None
