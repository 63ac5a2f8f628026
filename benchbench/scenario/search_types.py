"""The section of a scenario that says what a search may change: `search`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainSerializer, model_validator

from benchbench import registry
from benchbench.errors import nearest
from benchbench.scenario.misfit import Misfit
from benchbench.scenario.training_types import Positive, Real
from benchbench.units import Size
from benchbench.values import FrozenMapping, Value

LONGEST_LIST = 1_000
_NUMBER = {"expects": "a number"}
_SCALAR = {"expects": "a plain value (a text, a number, true, false or null)"}
_VALUES = {"expects": "a list of values, or {low, high, log, step}"}

Number = Annotated[int | Real, Field(json_schema_extra=_NUMBER)]
Scalar = Annotated[bool | int | Real | str | None, Field(json_schema_extra=_SCALAR)]


class Range(Value):
    """Every number from `low` to `high`, both within."""

    low: Number = Field(description="the lowest value")
    high: Number = Field(description="the highest value")
    log: bool = Field(False, description="try orders of magnitude evenly")
    step: Number | None = Field(None, description="the distance between two values; null = any in between")

    @model_validator(mode="after")
    def _is_a_range(self) -> Range:
        if not self.low < self.high:
            raise Misfit("high", f"low = {self.low} is not below high = {self.high}")
        if self.log and self.low <= 0:
            raise Misfit("low", f"a logarithmic range needs low above 0, not {self.low}")
        if self.log and self.step is not None:
            raise Misfit("step", "log and step exclude each other; keep one of them")
        if self.step is not None and not 0 < self.step <= self.high - self.low:
            raise Misfit(
                "step", f"step must be above 0 and at most high - low = {self.high - self.low}, not {self.step}"
            )
        return self

    @property
    def whole(self) -> bool:
        """Whether the range is one of whole numbers. A range of a scenario is as its field is."""
        return all(isinstance(v, int) for v in (self.low, self.high)) and isinstance(self.step, (int, type(None)))


Choices = Annotated[tuple[Scalar, ...], Field(min_length=1, max_length=LONGEST_LIST)]


def _space_document(space: Mapping[str, Range | tuple[Any, ...]]) -> dict[str, Any]:
    return {k: v.model_dump(exclude_defaults=True) if isinstance(v, Range) else list(v) for k, v in space.items()}


SpaceMap = Annotated[
    Mapping[str, Annotated[Range | Choices, Field(json_schema_extra=_VALUES)]],
    AfterValidator(FrozenMapping),
    PlainSerializer(_space_document, return_type=dict[str, Any]),
]
Overrides = Annotated[
    Mapping[str, Scalar], AfterValidator(FrozenMapping), PlainSerializer(dict, return_type=dict[str, Any])
]


def _known_method(name: str) -> str:
    known = registry.names(registry.METHODS)
    if name not in known:
        raise ValueError(f"unknown search method {name!r}: {nearest(name, known)}")
    return name


class Bound(Value):
    """What a metric must be: `at_least` for scores, `at_most` for losses."""

    at_least: Real | None = Field(None, description="the lowest score that is allowed")
    at_most: Real | None = Field(None, description="the highest loss that is allowed")

    @model_validator(mode="after")
    def _one(self) -> Bound:
        if (self.at_least is None) == (self.at_most is None):
            key = "at_least" if self.at_least is None else "at_most"
            raise Misfit(key, "a bound needs exactly one of at_least (scores) and at_most (losses)")
        return self


MetricBounds = Annotated[
    Mapping[str, Annotated[Bound, Field(description="exactly one of at_least (scores) and at_most (losses)")]],
    AfterValidator(FrozenMapping),
    PlainSerializer(
        lambda bounds: {name: bound.model_dump(exclude_defaults=True) for name, bound in bounds.items()},
        return_type=dict[str, Any],
    ),
]


class Constraints(Value):
    """What a recommended setup must hold in every repeat; one that breaks it is measured, shown and not recommended."""

    peak_memory: Annotated[Size, Field(gt=0)] | None = Field(
        None,
        description="the most bytes, such as 12GiB: device-wide on a GPU, else the process tree's resident memory",
    )
    power_w: Positive | None = Field(None, description="the most watts over the measured steps, on the mean")
    cost: Positive | None = Field(
        None, description="the most that a training to the target may cost, at hardware.price_per_hour"
    )
    metric: MetricBounds = Field(
        {},
        validate_default=True,
        description="held-out metric -> {at_least: ...} or {at_most: ...}, where the target was reached",
    )

    @property
    def given(self) -> bool:
        """Whether there is any."""
        return self != Constraints()


class Search(Value):
    """What `tune` may change, and what a user runs today."""

    baseline: Overrides = Field(
        {}, validate_default=True, description="overrides that a user runs today; {} = the scenario as it stands"
    )
    space: SpaceMap = Field(
        {},
        validate_default=True,
        description=f"dotted key -> a list of at most {LONGEST_LIST:,} values, or {{low, high, log, step}}",
    )
    proxy: Overrides = Field(
        {},
        validate_default=True,
        description="overrides under which setups are compared where trainings are too long, such as "
        "model.layers: 2 or an easier target.at_least; {} = the scenario itself",
    )
    method: Annotated[str, AfterValidator(_known_method)] = Field(
        "factored",
        description="how setups are proposed: factored models seconds per step and steps to target; tpe, gp and random "
        "take each candidate as a whole",
    )
    constraints: Constraints = Constraints()
    reuse: bool = Field(
        True,
        description="whether what earlier studies and runs under the same results folder measured of this space, on "
        "this machine, is used again; what confirms a claim never is",
    )
