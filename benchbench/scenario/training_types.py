"""The sections of a scenario that say how to train: `training`, `precision`, `parallelism`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from benchbench.scenario.knobs import Factor, Lever, knob
from benchbench.values import Value

Fraction = Annotated[float, Field(ge=0.0, lt=1.0)]
Count = Annotated[int, Field(ge=1)]
Precision = Literal["fp32", "tf32", "bf16", "fp16", "fp8"]

_ALGORITHM, _SOFTWARE, _HARDWARE = Lever.ALGORITHM, Lever.SOFTWARE, Lever.HARDWARE


class Optimizer(Value):
    """The optimizer and its decay. `weight_decay` is decoupled where the optimizer is (adamw), else L2."""

    name: Literal["sgd", "momentum", "adam", "adamw", "lamb", "lion", "adafactor", "muon"] = knob(
        "adamw", _ALGORITHM, Factor.BOTH
    )
    learning_rate: float = knob(5.0e-5, _ALGORITHM, Factor.STEPS, gt=0.0)
    weight_decay: float = knob(0.01, _ALGORITHM, Factor.STEPS, ge=0.0)
    l1: float = knob(0.0, _ALGORITHM, Factor.STEPS, ge=0.0)


class Schedule(Value):
    """The learning rate over the steps: linear warm-up for `warmup_fraction` of `max_steps`, then `name`."""

    name: Literal["constant", "linear", "cosine", "exponential", "inverse-sqrt", "step"] = knob(
        "linear", _ALGORITHM, Factor.STEPS
    )
    warmup_fraction: Fraction = knob(0.1, _ALGORITHM, Factor.STEPS)


class Lora(Value):
    """Low-rank adapters: only rank x (in + out) parameters a matrix are trained."""

    name: Literal["lora"]
    rank: Count = knob(8, _ALGORITHM, Factor.BOTH)
    alpha: float = knob(16.0, _ALGORITHM, Factor.STEPS, gt=0.0)


class Compression(Value):
    """Magnitude pruning to a fraction, and int8 quantisation."""

    prune: Fraction = knob(0.0, _ALGORITHM, Factor.BOTH)
    quantize: Literal["none", "int8-dynamic", "int8-qat"] = knob("none", _ALGORITHM, Factor.BOTH)


class Training(Value):
    """One optimizer step, and how many of them."""

    global_batch: Count = knob(32, _ALGORITHM, Factor.BOTH, description="sequences per optimizer step, over all devices")
    micro_batch: Literal["auto"] | Count = knob(
        "auto", _SOFTWARE, Factor.STEP_S, description="sequences per device per forward; auto = the largest that fits"
    )
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    max_steps: Count = knob(1000, _ALGORITHM, Factor.STEPS)
    gradient_clip: Annotated[float, Field(gt=0.0)] | None = knob(1.0, _ALGORITHM, Factor.STEPS)
    dropout: Fraction | None = knob(None, _ALGORITHM, Factor.STEPS, description="null keeps the model's own")
    compile: Literal["none", "default", "reduce-overhead", "max-autotune"] = knob("none", _SOFTWARE, Factor.STEP_S)
    attention: Literal["auto", "eager", "sdpa", "flash"] = knob("auto", _SOFTWARE, Factor.STEP_S)
    activation_checkpointing: Literal["none", "full", "selective"] = knob("none", _SOFTWARE, Factor.STEP_S)
    adapter: Literal["none"] | Lora = knob("none", _ALGORITHM, Factor.BOTH)
    compression: Compression = Compression()
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0


class Parallelism(Value):
    """How the work is divided; the product of the degrees is devices x nodes."""

    data: Literal["auto"] | Count = knob(1, _HARDWARE, Factor.STEP_S)
    shard: Literal["none", "zero1", "zero2", "zero3"] = knob("none", _HARDWARE, Factor.STEP_S)
    tensor: Count = knob(1, _HARDWARE, Factor.STEP_S)
    pipeline: Count = knob(1, _HARDWARE, Factor.STEP_S)
    communication: Literal["none", "fp16", "bf16", "powersgd"] = knob("none", _HARDWARE, Factor.BOTH)
    local_sgd: Count = knob(1, _HARDWARE, Factor.BOTH, description="average parameters every N steps; 1 = synchronous")
