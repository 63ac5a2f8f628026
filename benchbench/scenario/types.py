"""The sections of a scenario that say what is trained, on what, and how it is measured."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PlainSerializer, model_validator

from benchbench import registry
from benchbench.errors import nearest
from benchbench.scenario.knobs import Factor, Lever, knob
from benchbench.scenario.training_types import Count, Fraction
from benchbench.units import Duration, Size
from benchbench.values import Value

PLANNED_TASKS = (
    "masked-lm", "bert-pretraining", "causal-lm", "seq2seq-lm", "question-answering", "token-classification",
)  # fmt: skip
PLANNED_SOURCES = ("stdlib", "csv", "jsonl", "parquet", "text", "huggingface")
CLEANING_STEPS = ("unicode", "html", "whitespace", "lowercase", "stop-words", "dedupe")


def task_names() -> tuple[str, ...]:
    """Every task that a scenario may name: those with a plug-in here and those that the format foresees."""
    return (*registry.names(registry.TASKS), *PLANNED_TASKS)


def source_names() -> tuple[str, ...]:
    """Every data source that a scenario may name."""
    return (*registry.names(registry.SOURCES), *PLANNED_SOURCES)


def _known_task(name: str) -> str:
    if name not in task_names():
        raise ValueError(f"unknown task {name!r}: {nearest(name, task_names())}")
    return name


def _known_source(name: str) -> str:
    if name not in source_names():
        raise ValueError(f"unknown data source {name!r}: {nearest(name, source_names())}")
    return name


Task = Annotated[str, AfterValidator(_known_task), Field(json_schema_extra=lambda s: s.update(enum=[*task_names()]))]
Source = Annotated[
    str, AfterValidator(_known_source), Field(json_schema_extra=lambda s: s.update(enum=[*source_names()]))
]
Text = Annotated[str, Field(min_length=1)]


class Model(Value):
    """A model by family and named size, or by dimensions, which override the size's."""

    family: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
    size: Text | None = None
    layers: Count | None = None
    hidden: Count | None = None
    heads: Count | None = None
    kv_heads: Count | None = None
    ffn: Count | None = None
    vocab: Count | None = Field(None, description="the embedding's size; the tokenizer may be smaller")
    pretrained: Text | None = Field(None, description="a local folder or a hub id; null = random initial weights")
    revision: Text | None = None

    @model_validator(mode="after")
    def _heads_divide(self) -> Model:
        if self.hidden and self.heads and self.hidden % self.heads:
            raise ValueError(f"hidden = {self.hidden} is not divisible by heads = {self.heads}")
        if self.heads and self.kv_heads and self.heads % self.kv_heads:
            raise ValueError(f"heads = {self.heads} is not divisible by kv_heads = {self.kv_heads}")
        if self.revision and not self.pretrained:
            raise ValueError("revision stands without pretrained; name the hub id it belongs to")
        return self


class Split(Value):
    """One file a split."""

    train: Text
    validation: Text
    test: Text | None = None


class Data(Value):
    """Where the rows come from and how they become batches."""

    source: Source = "unicode-names"
    path: Text | None = None
    text_column: Text | None = None
    label_column: Text | None = None
    source_column: Text | None = None
    target_column: Text | None = None
    question_column: Text | None = None
    context_column: Text | None = None
    answer_column: Text | None = None
    split: Split | None = None
    validation_fraction: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    test_fraction: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.1
    sequence_length: Annotated[int, Field(ge=4)] = Field(128, description="tokens, the longest a row may be")
    batching: Literal["pad", "bucket", "pack"] = knob("pad", Lever.SOFTWARE, Factor.STEP_S)
    clean: tuple[Literal["unicode", "html", "whitespace", "lowercase", "stop-words", "dedupe"], ...] = ()
    balance: Literal["none", "class-weights", "oversample"] = knob("none", Lever.ALGORITHM, Factor.STEPS)
    workers: Annotated[int, Field(ge=0, le=256)] = knob(0, Lever.SOFTWARE, Factor.STEP_S)

    @model_validator(mode="after")
    def _something_left_to_train_on(self) -> Data:
        if self.validation_fraction + self.test_fraction >= 1:
            raise ValueError("validation_fraction + test_fraction leave no rows for training; keep their sum below 1")
        return self


class Hardware(Value):
    """The devices asked for."""

    device: Literal["auto", "cpu", "cuda", "mps"] = knob("auto", Lever.HARDWARE, Factor.STEP_S)
    devices: Count = knob(1, Lever.HARDWARE, Factor.STEP_S, description="per node; on CPU a device is one process")
    nodes: Count = knob(1, Lever.HARDWARE, Factor.STEP_S)
    threads: Count | None = knob(None, Lever.HARDWARE, Factor.STEP_S, description="CPU threads per process")
    memory_limit: Size | None = None
    expect: Text | None = Field(None, description="the device's name; refuse to run elsewhere")


class Measure(Value):
    """What is measured, how often, and when it stops."""

    procedure: Literal["throughput", "time-to-target"] = "throughput"
    warmup: Literal["auto"] | Annotated[int, Field(ge=0)] = "auto"
    steps: Literal["auto"] | Count = "auto"
    repeats: Literal["auto"] | Count = 3
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    relative_halfwidth: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.02
    timeout: Literal["auto"] | Duration = "auto"
    sample_interval: Annotated[Duration, Field(ge=0.01)] = 0.1


class Target(Value):
    """The accuracy that counts: `at_least` for scores, `at_most` for losses."""

    metric: Text
    at_least: float | None = None
    at_most: float | None = None
    eval_every: Count = 50

    @model_validator(mode="after")
    def _one_bound(self) -> Target:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("a target needs exactly one of at_least (scores) and at_most (losses)")
        return self

    def reached_by(self, value: float) -> bool:
        """Whether a metric's value meets the target."""
        if self.at_least is not None:
            return value >= self.at_least
        assert self.at_most is not None
        return value <= self.at_most


Scalar = bool | int | float | str | None


class Range(Value):
    """A range of the search space."""

    low: float | int
    high: float | int
    log: bool = False
    step: float | int | None = None

    @model_validator(mode="after")
    def _is_a_range(self) -> Range:
        if not self.low < self.high:
            raise ValueError(f"low = {self.low} is not below high = {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic range needs low above 0, not {self.low}")
        if self.log and self.step is not None:
            raise ValueError("log and step exclude each other; keep one of them")
        if self.step is not None and self.step <= 0:
            raise ValueError(f"step must be above 0, not {self.step}")
        return self

    @property
    def whole(self) -> bool:
        """Whether the range is one of whole numbers."""
        return all(isinstance(v, int) for v in (self.low, self.high)) and isinstance(self.step, (int, type(None)))


Choices = Annotated[tuple[Scalar, ...], Field(min_length=1)]
SpaceMap = Annotated[
    Mapping[str, Range | Choices],
    AfterValidator(lambda m: MappingProxyType(dict(m))),
    PlainSerializer(lambda m: {k: v.model_dump() if isinstance(v, Range) else list(v) for k, v in m.items()}),
]
Overrides = Annotated[
    Mapping[str, Scalar],
    AfterValidator(lambda m: MappingProxyType(dict(m))),
    PlainSerializer(dict),
]


class Search(Value):
    """What `tune` may change, and what a user runs today."""

    baseline: Overrides = Field(default_factory=dict, validate_default=True)
    space: SpaceMap = Field(default_factory=dict, validate_default=True)


class Trainer(Value):
    """An external trainer in place of `model` and `task`."""

    command: Annotated[tuple[Text, ...], Field(min_length=1)]
