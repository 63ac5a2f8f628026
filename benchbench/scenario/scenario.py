"""A scenario: one question about training speed, frozen, with the key that makes two of them the same."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from benchbench.scenario.training_types import Parallelism, Precision, Training
from benchbench.scenario.types import Data, Hardware, Measure, Model, Search, Target, Task, Text, Trainer
from benchbench.scenario.knobs import Factor, Lever, knob
from benchbench.values import Value

KEY_EXCLUDES = {"schema", "name", "question", "search"}
NAME_LIMIT = 200
_SLUG_BYTES = 60


def _plain_name(name: str) -> str:
    if "/" in name or "\\" in name:
        raise ValueError("a name is not a path: leave the slashes out")
    if name.startswith(".") or not name.strip() or name != name.strip():
        raise ValueError("a name does not begin with a dot, and neither begins nor ends with a space")
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in name):
        raise ValueError("a name holds no control characters")
    return name


Name = Annotated[str, Field(min_length=1, max_length=NAME_LIMIT), AfterValidator(_plain_name)]


class Scenario(Value):
    """The whole of a scenario file (`docs/scenario.md`), checked alone and in combination."""

    schema_version: Literal[1] = Field(1, alias="schema")
    name: Name
    question: str | None = None
    model: Model | None = None
    task: Task | None = None
    trainer: Trainer | None = None
    data: Data = Data()
    training: Training = Training()
    precision: Precision = knob("fp32", Lever.SOFTWARE, Factor.BOTH)
    parallelism: Parallelism = Parallelism()
    hardware: Hardware = Hardware()
    measure: Measure = Measure()
    target: Target | None = None
    search: Search = Search()

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
        return slug or "scenario"

    @property
    def key(self) -> str:
        """`sha256:` of the canonical form: every field but name, question, search and repeats."""
        fields = {k: v for k, v in self.document().items() if k not in KEY_EXCLUDES}
        fields["measure"].pop("repeats")
        canonical = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def data_degree(self) -> int:
        """Replicas of the model: the data degree, `auto` filled from the devices."""
        if self.parallelism.data != "auto":
            return self.parallelism.data
        other = self.parallelism.tensor * self.parallelism.pipeline
        return max(1, self.hardware.devices * self.hardware.nodes // other)

    def document(self) -> dict[str, Any]:
        """The scenario as JSON-ready data, every default filled in, that validates to an equal scenario."""
        return self.model_dump(mode="json", by_alias=True)


class Misfit(ValueError):
    """Settings that are legal alone and impossible together; `key` is the one to change."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


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
    world = scenario.hardware.devices * scenario.hardware.nodes
    p = scenario.parallelism
    fixed = p.tensor * p.pipeline
    product = scenario.data_degree * fixed
    if product != world:
        raise Misfit(
            "parallelism", f"data {p.data} x tensor {p.tensor} x pipeline {p.pipeline} = {product if p.data != 'auto' else fixed} "
            f"does not fill devices {scenario.hardware.devices} x nodes {scenario.hardware.nodes} = {world}"
        )


def _batches(scenario: Scenario) -> None:
    t, degree = scenario.training, scenario.data_degree
    if t.global_batch % degree:
        raise Misfit("training.global_batch", f"{t.global_batch} is not divisible by the data degree {degree}")
    share = t.global_batch // degree
    if t.micro_batch == "auto":
        return
    if t.micro_batch > share:
        raise Misfit(
            "training.micro_batch", f"{t.micro_batch} is above global_batch / data degree = {t.global_batch} / {degree} = {share}"
        )
    if share % t.micro_batch:
        raise Misfit(
            "training.micro_batch", f"{t.micro_batch} does not divide global_batch / data degree = {share}; "
            f"legal: {', '.join(str(d) for d in range(1, share + 1) if share % d == 0)}"
        )
