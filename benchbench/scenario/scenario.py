"""A scenario: one question about training speed, frozen, with the key that makes two of them the same."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field, field_validator, model_validator

from benchbench.scenario.knobs import Factor, Lever, knob
from benchbench.scenario.misfit import Misfit
from benchbench.scenario.plan import Plan, plan_of
from benchbench.scenario.search_check import typed
from benchbench.scenario.training_types import Parallelism, Precision, Training
from benchbench.scenario.types import Data, Hardware, Measure, Model, Search, Target, Task, Trainer
from benchbench.values import Value

__all__ = ["KEY_EXCLUDES", "NAME_LIMIT", "Misfit", "Scenario"]

KEY_EXCLUDES = {"schema", "name", "question", "search"}
NAME_LIMIT = 200
_SLUG_BYTES = 60
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])\Z")  # no file may be called so on Windows
_LISTED_UP_TO = 4096


def _plain_name(name: str) -> str:
    if "/" in name or "\\" in name:
        raise ValueError("a name is not a path: leave the slashes out")
    if name.startswith("."):
        raise ValueError("a name does not begin with a dot")
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name):
        raise ValueError("a name holds no control characters or line breaks")
    if not name.strip():
        raise ValueError("expected a name, not blanks")
    return name


Name = Annotated[
    str,
    Field(min_length=1, max_length=NAME_LIMIT, json_schema_extra={"pattern": r"^[^./\\][^/\\]*$"}),
    AfterValidator(_plain_name),
]
Format = Annotated[
    int, Field(ge=1, le=1, json_schema_extra={"const": 1, "expects": "1, the one format that this version reads"})
]


class Scenario(Value):
    """The whole of a scenario file (`docs/scenario.md`), checked alone and in combination."""

    model_config = ConfigDict(populate_by_name=False)

    schema_version: Format = Field(1, alias="schema", description="the format of this file")
    name: Name = Field(description="any text without slashes, control characters or a leading dot")
    question: str | None = Field(None, description="what the scenario is to answer, in words")
    model: Model | None = Field(None, description="what is trained; required unless a trainer stands in its place")
    task: Task | None = Field(None, description="what it learns; required unless a trainer stands in its place")
    trainer: Trainer | None = Field(None, description="a program of one's own, in place of model and task")
    data: Data = Data()
    training: Training = Training()
    precision: Precision = knob("fp32", Lever.SOFTWARE, Factor.BOTH, "the numbers that the device computes with")
    parallelism: Parallelism = Parallelism()
    hardware: Hardware = Hardware()
    measure: Measure = Measure()
    target: Target | None = Field(None, description="the accuracy that counts; required for time-to-target")
    search: Search = Search()

    @field_validator("search")
    @classmethod
    def _values_fit_their_settings(cls, search: Search) -> Search:
        return typed(search, cls)

    @model_validator(mode="after")
    def _combinations(self) -> Scenario:
        for check in (_trainer_or_model, _target_and_data, _degrees, _batches):
            check(self)
        return self

    @property
    def slug(self) -> str:
        """The name as a folder and file name."""
        text = unicodedata.normalize("NFKC", self.name).lower()
        slug = re.sub(r"[^\w]+", "-", text, flags=re.UNICODE).strip("-_")
        slug = slug.encode()[:_SLUG_BYTES].decode(errors="ignore").strip("-_")
        return f"{slug}-scenario" if _RESERVED.match(slug) else slug or "scenario"

    @property
    def key(self) -> str:
        """`sha256:` of the canonical form: every field but name, question, search and repeats.

        Settings at their defaults are left out, so that a scenario keeps its key when the format gains a field.
        """
        fields = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        fields = {key: value for key, value in fields.items() if key not in KEY_EXCLUDES}
        fields.get("measure", {}).pop("repeats", None)
        fields = {key: value for key, value in fields.items() if value != {}}
        canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def plan(self) -> Plan:
        """How many ranks there are and what they divide, `auto` filled from the devices."""
        return plan_of(self.parallelism, self.hardware)

    def document(self) -> dict[str, Any]:
        """The scenario as JSON-ready data, every default filled in, that validates to an equal scenario."""
        return self.model_dump(mode="json", by_alias=True)


def _trainer_or_model(scenario: Scenario) -> None:
    if scenario.trainer is not None:
        if scenario.model is not None or scenario.task is not None:
            raise Misfit("trainer", "trainer stands in place of model and task; leave those two out")
        return
    missing = [key for key in ("model", "task") if getattr(scenario, key) is None]
    if missing:
        raise Misfit(missing[0], f"required: {' and '.join(missing)} (or a trainer in place of model and task)")


def _target_and_data(scenario: Scenario) -> None:
    if scenario.measure.procedure != "time-to-target":
        return
    if scenario.target is None:
        raise Misfit("measure.procedure", "time-to-target needs a target, such as {metric: accuracy, at_least: 0.9}")
    if scenario.data.source == "synthetic":
        raise Misfit("data.source", "synthetic holds nothing to learn, so no target can be reached; measure throughput")


def _degrees(scenario: Scenario) -> None:
    assert scenario.plan.world == scenario.hardware.devices * scenario.hardware.nodes


def _batches(scenario: Scenario) -> None:
    t, degree, stages = scenario.training, scenario.plan.data, scenario.parallelism.pipeline
    if t.global_batch % degree:
        raise Misfit("training.global_batch", f"{t.global_batch} is not divisible by the data degree {degree}")
    share = t.global_batch // degree
    said = f"global_batch / data degree = {t.global_batch} / {degree} = {share}"
    if share < stages:
        raise Misfit("training.global_batch", f"{said} is below the {stages} stages of the pipeline")
    if t.micro_batch == "auto":
        return
    if t.micro_batch > share // stages:
        stated = said if stages == 1 else f"{said}, over {stages} pipeline stages = {share // stages}"
        raise Misfit("training.micro_batch", f"{t.micro_batch} is above {stated}")
    if share % t.micro_batch:
        raise Misfit(
            "training.micro_batch",
            f"{t.micro_batch} does not divide {said}; legal: {_divisors(share, share // stages)}",
        )


def _divisors(share: int, highest: int) -> str:
    if share > _LISTED_UP_TO:
        return "its divisors, and auto"
    return ", ".join(str(d) for d in range(1, highest + 1) if share % d == 0)
