"""The base of every value that passes between layers: frozen, closed, hashable."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class Value(BaseModel):
    """A frozen value whose unknown keys are errors. Two equal values hash alike, mappings inside included."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False, populate_by_name=True)

    def __hash__(self) -> int:
        return hash((type(self).__name__, self.model_dump_json(by_alias=True)))


class Observed(BaseModel):
    """A frozen value that was stored: keys that a later version added are ignored when it is read back."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null", populate_by_name=True)

    def document(self) -> dict[str, Any]:
        """The value as JSON-ready mappings and lists."""
        return self.model_dump(mode="json", by_alias=True)
