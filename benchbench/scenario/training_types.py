"""The sections of a scenario that say how to train: `training`, `precision`, `parallelism`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, field_validator, model_validator

from benchbench.scenario.knobs import Factor, Lever, knob
from benchbench.scenario.misfit import Misfit
from benchbench.values import LARGEST_INTEGER, Value


def _computable(number: int) -> int:
    if number > LARGEST_INTEGER:
        raise ValueError("a number too large to compute with")
    return number


# Adding 0.0 makes -0.0 the 0.0 that it equals, so that equal scenarios have one key.
Real = Annotated[float, AfterValidator(lambda value: value + 0.0)]
Positive = Annotated[float, Field(gt=0.0)]
NonNegative = Annotated[float, Field(ge=0.0), AfterValidator(lambda value: value + 0.0)]
Fraction = Annotated[float, Field(ge=0.0, lt=1.0), AfterValidator(lambda value: value + 0.0)]
InnerFraction = Annotated[float, Field(gt=0.0, lt=1.0)]
Computable = AfterValidator(_computable)
Count = Annotated[int, Field(ge=1), Computable]
Precision = Literal["fp32", "tf32", "bf16", "fp16", "fp8"]

_ALGORITHM, _SOFTWARE, _HARDWARE = Lever.ALGORITHM, Lever.SOFTWARE, Lever.HARDWARE
_STEP_S, _STEPS, _BOTH = Factor.STEP_S, Factor.STEPS, Factor.BOTH


# The constants that each rule has, with the values of its authors.
_ADAM = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8}
_CONSTANTS: dict[str, dict[str, float]] = {
    "sgd": {},
    "momentum": {"momentum": 0.9},
    "adam": _ADAM,
    "adamw": _ADAM,
    "lamb": _ADAM | {"epsilon": 1e-6},
    "lion": {"beta1": 0.9, "beta2": 0.99},
    "adafactor": {},
    "muon": {"momentum": 0.95, **_ADAM},
}


class Optimizer(Value):
    """The optimizer and its decay. `weight_decay` is L2 for sgd, momentum and adam, and decoupled for all others."""

    name: Literal["sgd", "momentum", "adam", "adamw", "lamb", "lion", "adafactor", "muon"] = knob(
        "adamw", _ALGORITHM, _BOTH, "the update rule"
    )
    learning_rate: Positive = knob(5.0e-5, _ALGORITHM, _STEPS, "at the schedule's peak")
    weight_decay: NonNegative = knob(0.01, _ALGORITHM, _STEPS, "pull of every weight towards zero")
    l1: NonNegative = knob(0.0, _ALGORITHM, _STEPS, "factor of the sum of absolute weights that is added to the loss")
    momentum: Fraction | None = knob(
        None, _ALGORITHM, _STEPS, "decay of the sum of gradients; null = 0.9 for momentum, 0.95 for muon"
    )
    beta1: Fraction | None = knob(
        None, _ALGORITHM, _STEPS, "decay of the mean gradient: adam, adamw, lamb, lion, muon; null = 0.9"
    )
    beta2: Fraction | None = knob(
        None, _ALGORITHM, _STEPS, "decay of the mean squared gradient (lion: of the mean); null = 0.999, lion 0.99"
    )
    epsilon: Positive | None = knob(
        None, _ALGORITHM, _STEPS, "added to the root of the mean squared gradient; null = 1e-8, lamb 1e-6"
    )

    @model_validator(mode="after")
    def _constants_of_the_rule(self) -> Optimizer:
        for name in ("momentum", "beta1", "beta2", "epsilon"):
            if getattr(self, name) is not None and name not in _CONSTANTS[self.name]:
                have = ", ".join(rule for rule, constants in _CONSTANTS.items() if name in constants)
                raise Misfit(name, f"{self.name} has none; leave it out, or choose one of {have}")
        return self

    def constant(self, name: str) -> float:
        """One of the rule's constants (`momentum`, `beta1`, `beta2`, `epsilon`): as asked, else its authors'."""
        asked: float | None = getattr(self, name)
        return _CONSTANTS[self.name][name] if asked is None else asked


class Schedule(Value):
    """The learning rate over the steps: linear warm-up for `warmup_fraction` of `max_steps`, then `name`."""

    name: Literal["constant", "linear", "cosine", "exponential", "inverse-sqrt", "step"] = knob(
        "linear", _ALGORITHM, _STEPS, "the learning rate's course after the warm-up"
    )
    warmup_fraction: Fraction = knob(0.1, _ALGORITHM, _STEPS, "part of `max_steps` over which the rate climbs from 0")


class Lora(Value):
    """Low-rank adapters: only rank x (in + out) parameters a matrix are trained."""

    model_config = ConfigDict(json_schema_extra={"expects": "an adapter such as {name: lora, rank: 8, alpha: 16}"})

    name: Literal["lora"] = Field(description="the kind of adapter")
    rank: Count = knob(8, _ALGORITHM, _BOTH, "columns of each factor")
    alpha: Positive = knob(16.0, _ALGORITHM, _STEPS, "the adapter's output is scaled by alpha / rank")


class Compression(Value):
    """Magnitude pruning to a fraction, and int8 quantisation."""

    prune: Fraction = knob(0.0, _ALGORITHM, _BOTH, "fraction of each matrix, the smallest, that ends at zero")
    quantize: Literal["none", "int8-dynamic", "int8-qat"] = knob(
        "none", _ALGORITHM, _BOTH, "int8 weights: converted after training, or trained for"
    )


class Training(Value):
    """One optimizer step, and how many of them."""

    global_batch: Count = knob(32, _ALGORITHM, _BOTH, "sequences per optimizer step, over all devices")
    micro_batch: Literal["auto"] | Count = knob(
        "auto", _SOFTWARE, _STEP_S, "sequences per device per forward; auto = the largest that fits"
    )
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    max_steps: Count = knob(1000, _ALGORITHM, _STEPS, "optimizer steps of a whole training")
    gradient_clip: Positive | None = knob(1.0, _ALGORITHM, _STEPS, "largest global gradient norm; null = no clipping")
    dropout: Fraction | None = knob(
        None, _ALGORITHM, _STEPS, "every dropout probability of the model; null keeps the model's own"
    )
    label_smoothing: Fraction = knob(
        0.0, _ALGORITHM, _STEPS, "share of each label that is spread over all classes, in training alone"
    )
    ema: InnerFraction | None = knob(
        None, _ALGORITHM, _BOTH, "decay of the average of the weights that is evaluated; null = the weights themselves"
    )
    compile: Literal["none", "default", "reduce-overhead", "max-autotune"] = knob(
        "none", _SOFTWARE, _STEP_S, "the mode of torch.compile"
    )
    attention: Literal["auto", "eager", "sdpa", "flash"] = knob(
        "auto", _SOFTWARE, _STEP_S, "the attention kernel; flash is torch's own, auto leaves it to the model"
    )
    activation_checkpointing: Literal["none", "full", "selective"] = knob(
        "none", _SOFTWARE, _STEP_S, "activations that are computed again in the backward pass, to save memory"
    )
    adapter: Literal["none", "lora"] | Lora = knob(
        "none", _ALGORITHM, _BOTH, "train small adapters in place of all weights; lora = one of rank 8"
    )
    frozen_layers: Annotated[int, Field(ge=0), Computable] = knob(
        0, _ALGORITHM, _BOTH, "lowest transformer blocks that are not trained, with the embeddings; 0 = all is trained"
    )
    compression: Compression = Compression()
    checkpoint_every: Count | None = Field(
        None, description="steps between two checkpoints of a time-to-target training; null = none are kept"
    )
    resume: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="the folder of a checkpoint that the training goes on from, exactly"
    )
    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(
        0, description="of weights, order and dropout; repeat r uses seed + r"
    )

    @field_validator("adapter")
    @classmethod
    def _written_out(cls, adapter: Literal["none", "lora"] | Lora) -> Literal["none"] | Lora:
        return Lora(name="lora") if adapter == "lora" else adapter


class Parallelism(Value):
    """How the work is divided; the product of the degrees is devices x nodes."""

    data: Literal["auto"] | Count = knob(
        1, _HARDWARE, _STEP_S, "replicas of the model; auto fills what the other degrees leave"
    )
    shard: Literal["none", "zero1", "zero2", "zero3"] = knob(
        "none", _HARDWARE, _STEP_S, "what the replicas divide: optimizer state, and gradients, and weights"
    )
    tensor: Count = knob(1, _HARDWARE, _STEP_S, "devices that divide each matrix")
    pipeline: Count = knob(1, _HARDWARE, _STEP_S, "stages that divide the layers")
    pipeline_schedule: Literal["gpipe", "1f1b", "interleaved"] = knob(
        "1f1b", _HARDWARE, _STEP_S, "in which order the stages take the micro-batches, forward and back"
    )
    context: Count = knob(1, _HARDWARE, _STEP_S, "devices that divide each sequence")
    communication: Literal["none", "fp16", "bf16", "powersgd"] = knob(
        "none", _HARDWARE, _BOTH, "compression of the gradients on their way"
    )
    parameter_server: Literal["none", "sync", "async"] = knob(
        "none", _HARDWARE, _BOTH, "one rank keeps the weights; the others send it gradients, in turns or at any time"
    )
    cpu_offload: bool = knob(
        False, _HARDWARE, _STEP_S, "weights and optimizer state of zero2 and zero3 wait in the host's memory"
    )
    local_sgd: Count = knob(1, _HARDWARE, _BOTH, "average the replicas every N steps; 1 = synchronous")
    bucket_mib: Positive = knob(
        25.0,
        _HARDWARE,
        _STEP_S,
        "MiB of gradients that replicas send at a time; the larger, the less is sent meanwhile",
    )
