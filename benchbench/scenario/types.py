"""The sections of a scenario that say what is trained, on what, and how it is measured."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from benchbench import registry
from benchbench.errors import nearest
from benchbench.scenario.knobs import Factor, Lever, knob
from benchbench.scenario.misfit import Misfit
from benchbench.scenario.search_types import Range, Scalar, Search
from benchbench.scenario.training_types import Computable, Count, InnerFraction, NonNegative, Positive, Real
from benchbench.units import Duration, Size, exact_duration
from benchbench.values import Value

__all__ = [
    "Data", "Hardware", "Lengths", "Measure", "Model", "Range", "Scalar", "Search", "Source", "Split", "Target", "Task",
    "Text", "Trainer", "source_names", "task_names",
]  # fmt: skip

# What the format foresees; a plug-in adds its own name. `engines` refuses those that have none yet.
TASKS = (
    "sequence-classification", "masked-lm", "bert-pretraining", "causal-lm", "seq2seq-lm", "question-answering",
    "token-classification",
)  # fmt: skip
SOURCES = ("unicode-names", "stdlib", "synthetic", "csv", "jsonl", "parquet", "text", "huggingface")
CleaningStep = Literal["unicode", "html", "whitespace", "lowercase", "stop-words", "dedupe"]
SHORTEST_INTERVAL_S = 0.01


def task_names() -> tuple[str, ...]:
    """Every task that a scenario may name: those with a plug-in here and those that the format foresees."""
    return tuple(sorted({*registry.names(registry.TASKS), *TASKS}))


def source_names() -> tuple[str, ...]:
    """Every data source that a scenario may name."""
    return tuple(sorted({*registry.names(registry.SOURCES), *SOURCES}))


def _known_task(name: str) -> str:
    if name not in task_names():
        raise ValueError(f"unknown task {name!r}: {nearest(name, task_names())}")
    return name


def _known_source(name: str) -> str:
    if name not in source_names():
        raise ValueError(f"unknown data source {name!r}: {nearest(name, source_names())}")
    return name


def _printable(text: str) -> str:
    if any(unicodedata.category(c) == "Cc" and c not in "\t\n" for c in text):
        raise ValueError(f"expected a text without control characters, not {text[:60]!r}")
    return text


def _not_too_short(interval_s: float) -> float:
    if interval_s < SHORTEST_INTERVAL_S:
        shortest = exact_duration(SHORTEST_INTERVAL_S)
        raise ValueError(f"expected a duration of at least {shortest}, not {exact_duration(interval_s)}")
    return interval_s


def _name_tasks(schema: dict[str, Any]) -> None:
    schema["enum"] = [*task_names()]


def _name_sources(schema: dict[str, Any]) -> None:
    schema["enum"] = [*source_names()]


Text = Annotated[str, Field(min_length=1), AfterValidator(_printable)]
Task = Annotated[str, AfterValidator(_known_task), Field(json_schema_extra=_name_tasks)]
Source = Annotated[str, AfterValidator(_known_source), Field(json_schema_extra=_name_sources)]
Family = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9][a-z0-9_.-]*$",
        max_length=100,
        json_schema_extra={"expects": "a family that transformers knows, in lower case, such as bert, gpt2 or llama"},
    ),
]


class Model(Value):
    """A model by family and named size, or by dimensions, which override the size's; else the family's own default."""

    family: Family = Field(description="any family that transformers' AutoConfig knows")
    size: Text | None = Field(None, description="a named size of the family, such as base")
    layers: Count | None = Field(None, description="transformer blocks")
    hidden: Count | None = Field(None, description="width of the residual stream")
    heads: Count | None = Field(None, description="attention heads a layer; divides hidden")
    kv_heads: Count | None = Field(None, description="key and value heads a layer; divides heads")
    ffn: Count | None = Field(None, description="width inside the feed-forward layer")
    vocab: Count | None = Field(None, description="the embedding's size; the tokenizer may be smaller")
    pretrained: Text | None = Field(None, description="a local folder or a hub id; null = random initial weights")
    revision: Text | None = Field(None, description="of the hub id: a branch, a tag or a commit")

    @model_validator(mode="after")
    def _fits(self) -> Model:
        if self.hidden and self.heads and self.hidden % self.heads:
            raise Misfit("heads", f"hidden = {self.hidden} is not divisible by heads = {self.heads}")
        if self.heads and self.kv_heads and self.heads % self.kv_heads:
            raise Misfit("kv_heads", f"heads = {self.heads} is not divisible by kv_heads = {self.kv_heads}")
        if self.revision and not self.pretrained:
            raise Misfit("revision", "revision stands without pretrained; name the hub id that it belongs to")
        return self


class Split(Value):
    """One file a split; of a huggingface dataset, the names of its parts."""

    train: Text = Field(description="the file that is learned from")
    validation: Text = Field(description="the file that a target looks at")
    test: Text | None = Field(
        None, description="the file that confirms a claim; null = test_fraction of the training rows"
    )


class Lengths(Value):
    """How long random rows are, in tokens, drawn for each row and held between 2 and `sequence_length`."""

    model_config = ConfigDict(
        json_schema_extra={
            "expects": "lengths such as {name: uniform, low: 8, high: 64} or {name: lognormal, median: 20}"
        }
    )

    name: Literal["uniform", "lognormal"] = Field(description="the distribution")
    low: Count | None = Field(None, description="of uniform: the shortest")
    high: Count | None = Field(None, description="of uniform: the longest")
    median: Positive | None = Field(None, description="of lognormal: half of the rows are shorter")
    sigma: Positive | None = Field(
        None, description="of lognormal: the standard deviation of the length's logarithm; null = 0.6"
    )

    @model_validator(mode="after")
    def _complete(self) -> Lengths:
        own = ("low", "high") if self.name == "uniform" else ("median",)
        missing = [key for key in own if getattr(self, key) is None]
        allowed = {*own, *(("sigma",) if self.name == "lognormal" else ())}
        foreign = [k for k in ("low", "high", "median", "sigma") if getattr(self, k) is not None and k not in allowed]
        if missing or foreign:
            wants = "low and high" if self.name == "uniform" else "median, and sigma if it is not 0.6"
            raise Misfit([*missing, *foreign][0], f"{self.name} lengths take {wants}")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise Misfit("high", f"low = {self.low} is above high = {self.high}")
        return self


class Data(Value):
    """Where the rows come from and how they become batches."""

    source: Source = Field("unicode-names", description="a data source plug-in")
    path: Text | None = Field(
        None, description="the file of a file source, any URL that fsspec opens; a dataset's folder or hub name"
    )
    subset: Text | None = Field(None, description="configuration of a huggingface dataset")
    revision: Text | None = Field(None, description="of a huggingface dataset: a branch, a tag or a commit")
    lengths: Lengths | None = Field(None, description="of synthetic rows; null = every row of sequence_length tokens")
    text_column: Text | None = Field(None, description="column of the text, for classification and language models")
    label_column: Text | None = Field(None, description="column of the class")
    source_column: Text | None = Field(None, description="column that a seq2seq model reads")
    target_column: Text | None = Field(None, description="column that a seq2seq model writes")
    question_column: Text | None = Field(None, description="column of the question")
    context_column: Text | None = Field(None, description="column of the text that holds the answer")
    answer_column: Text | None = Field(None, description="column of the answer")
    answer_start_column: Text | None = Field(
        None,
        description="column of how many characters of the context precede the answer; null = where it first occurs",
    )
    split: Split | None = Field(None, description="a file for each split, in place of fractions of one file")
    validation_fraction: InnerFraction = Field(0.1, description="part of the rows that a target looks at")
    test_fraction: InnerFraction = Field(0.1, description="part of the rows that confirms a claim")
    sequence_length: Annotated[int, Field(ge=4), Computable] = knob(
        128, Lever.ALGORITHM, Factor.BOTH, "tokens, the longest a row may be"
    )
    batching: Literal["pad", "bucket", "pack"] = knob(
        "pad", Lever.SOFTWARE, Factor.STEP_S, "pad to the batch's longest row, sort by length, or pack rows together"
    )
    clean: tuple[CleaningStep, ...] = knob((), Lever.ALGORITHM, Factor.BOTH, "named cleaning steps, in order")
    balance: Literal["none", "class-weights", "oversample"] = knob(
        "none", Lever.ALGORITHM, Factor.STEPS, "what is done about rare classes"
    )
    workers: Annotated[int, Field(ge=0, le=256)] = knob(
        0, Lever.SOFTWARE, Factor.STEP_S, "processes that make batches; 0 = the training process itself"
    )
    prefetch: Annotated[int, Field(ge=1, le=1024)] = knob(
        2, Lever.SOFTWARE, Factor.STEP_S, "global batches that each worker makes ahead"
    )

    @model_validator(mode="after")
    def _one_place(self) -> Data:
        if self.path is not None and self.split is not None and self.source in ("csv", "jsonl", "parquet", "text"):
            raise Misfit("split", "path names one file for all rows and split one for each part; leave one of them out")
        return self

    @model_validator(mode="after")
    def _answers_stay_where_they_are(self) -> Data:
        if self.answer_start_column is not None and set(self.clean) - {"dedupe"}:
            raise Misfit("clean", "cleaning moves the characters that answer_start_column counts; leave one out")
        return self

    @model_validator(mode="after")
    def _something_left_to_train_on(self) -> Data:
        if self.validation_fraction + self.test_fraction >= 1:
            raise Misfit(
                "validation_fraction",
                "validation_fraction + test_fraction leave no rows for training; keep their sum below 1",
            )
        return self


class Hardware(Value):
    """The devices asked for."""

    device: Literal["auto", "cpu", "cuda", "mps"] = knob(
        "auto", Lever.HARDWARE, Factor.STEP_S, "the kind of device; auto = the fastest here"
    )
    devices: Count = knob(1, Lever.HARDWARE, Factor.STEP_S, "per node; on CPU a device is one process")
    nodes: Count = knob(1, Lever.HARDWARE, Factor.STEP_S, "machines")
    threads: Count | None = knob(None, Lever.HARDWARE, Factor.STEP_S, "CPU threads per process; null = torch's own")
    memory_limit: Size | None = knob(
        None,
        Lever.HARDWARE,
        Factor.STEP_S,
        "bytes that a run may use, such as 16GiB; enforced, and used for feasibility",
    )
    expect: Text | None = Field(None, description="the device's name; refuse to run elsewhere")
    price_per_hour: NonNegative | None = Field(
        None, description="of all that a run uses, in US dollars by custom; no currency is converted"
    )
    carbon_g_per_kwh: NonNegative | None = Field(
        None, description="grams of carbon dioxide a kilowatt-hour, of the electricity there"
    )


class Measure(Value):
    """What is measured, how often, and when it stops."""

    procedure: Literal["throughput", "time-to-target"] = Field("throughput", description="what is measured")
    warmup: Literal["auto"] | Annotated[int, Field(ge=0), Computable] = Field(
        "auto", description="steps left out at the start; auto detects the steady state"
    )
    steps: Literal["auto"] | Count = Field(
        "auto", description="measured steps of a throughput run; auto stops when the interval is narrow enough"
    )
    repeats: Literal["auto"] | Count = Field(3, description="fresh processes; auto = until the wanted power")
    confidence: Annotated[float, Field(gt=0.5, lt=1.0)] = Field(0.95, description="of every interval")
    relative_halfwidth: InnerFraction = Field(0.02, description="half of the wanted interval, over its value")
    timeout: Literal["auto"] | Duration = Field(
        "auto",
        description="hard deadline of one repeat; auto = 10m for throughput, else what the budget leaves, or 24h",
    )
    sample_interval: Annotated[Duration, AfterValidator(_not_too_short)] = Field(
        0.1, description="between two samples of telemetry, at least 10ms", json_schema_extra={"default": "100ms"}
    )
    remeasure: Annotated[int, Field(ge=0, le=100)] = Field(
        2, description="how often, over all repeats, one that was disturbed from outside is measured again; 0 = never"
    )
    subtract_idle: bool = Field(
        False, description="measure what the devices draw before each repeat and leave it out of its energy"
    )
    profile: Literal["auto"] | bool = Field(
        "auto",
        description="look at where time and memory go, in a few steps after the measured ones; auto = in the first "
        "repeat of a run, where it takes seconds",
    )


class Target(Value):
    """The accuracy that counts: `at_least` for scores, `at_most` for losses."""

    metric: Text = Field(description="a metric of the task, on the held-out rows")
    at_least: Real | None = Field(None, description="reached at this score or above")
    at_most: Real | None = Field(None, description="reached at this loss or below")
    eval_every: Count = Field(50, description="steps between two looks")

    @model_validator(mode="after")
    def _one_bound(self) -> Target:
        if (self.at_least is None) == (self.at_most is None):
            key = "at_least" if self.at_least is None else "at_most"
            raise Misfit(key, "a target needs exactly one of at_least (scores) and at_most (losses)")
        return self

    def reached_by(self, value: float) -> bool:
        """Whether a metric's value meets the target."""
        if self.at_least is not None:
            return value >= self.at_least
        assert self.at_most is not None
        return value <= self.at_most


class Trainer(Value):
    """An external trainer in place of `model` and `task`."""

    command: Annotated[tuple[Text, ...], Field(min_length=1)] = Field(
        description="the program and its arguments; {key} stands for a setting"
    )
