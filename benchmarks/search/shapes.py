"""What a generated surface is made of: a model of the step time times a model of the steps to the target.

Every number that says where the optimum lies and how settings interact is drawn anew for every seed, within ranges
that are stated here. Steps to target follow `S_min (1 + B_crit / B)` (McCandlish et al. 2018, "An Empirical Model of
Large-Batch Training") times a lopsided bowl in the logarithm of the learning rate, whose best moves with the batch by a
drawn power and beyond which training diverges.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

Setup = Mapping[str, object]

BATCH, MICRO = "training.global_batch", "training.micro_batch"
RATE, OPTIMIZER = "training.optimizer.learning_rate", "training.optimizer.name"
PRECISION, COMPILE, CHECKPOINTING = "precision", "training.compile", "training.activation_checkpointing"


@dataclass(frozen=True, kw_only=True)
class Speed:
    """Seconds a step, seconds of warm-up, bytes.

    Attributes:
        launch_s: of every micro-batch, whatever its size;  sample_s: of every sequence.
        update_s: of the optimizer, by its name.
        factors: what a value of a setting multiplies the time of the micro-batches by.
        warmup_s: beyond steady steps;  compile_s: what compilation adds to it.
        fixed_bytes: weights, gradients, optimizer;  sample_bytes: of a micro-batch, a sequence.
        capacity_bytes: of the device.
    """

    launch_s: float = 0.005
    sample_s: float = 0.0
    update_s: Mapping[str, float] = field(default_factory=dict)
    factors: Mapping[str, Mapping[object, float]] = field(default_factory=dict)
    warmup_s: float = 0.4
    compile_s: float = 0.0
    fixed_bytes: float = 2e9
    sample_bytes: float = 0.0
    capacity_bytes: float = math.inf

    def step_s(self, setup: Setup) -> float:
        """The steady step."""
        batch, micro = _batches(setup)
        factor = math.prod(effect[setup[key]] for key, effect in self.factors.items())
        passes_s = math.ceil(batch / micro) * (self.launch_s + micro * self.sample_s) * factor
        return passes_s + self.update_s.get(str(setup.get(OPTIMIZER)), 0.0)

    def warming_s(self, setup: Setup) -> float:
        """What the first steps take beyond steady ones."""
        return self.warmup_s + (self.compile_s if setup.get(COMPILE) == "default" else 0.0)

    def peak_bytes(self, setup: Setup) -> float:
        """The most that it takes."""
        _, micro = _batches(setup)
        saved = 0.25 if setup.get(CHECKPOINTING) == "full" else 1.0
        narrow = 0.55 if setup.get(PRECISION) == "bf16" else 1.0
        return self.fixed_bytes + micro * self.sample_bytes * saved * narrow

    def fits(self, setup: Setup) -> bool:
        """Whether the device has room for it."""
        return self.peak_bytes(setup) <= self.capacity_bytes


@dataclass(frozen=True, kw_only=True)
class Bowl:
    """Where an optimizer's best learning rate lies and what missing it costs.

    Attributes:
        best: at a batch of 64;  power: of the batch by which it moves.
        below, above: the logarithm of the steps grows by these times the squared distance in factors of ten.
        diverges: times the best beyond which training diverges.
        steps: times the steps of the best optimizer.
    """

    best: float
    power: float = 0.5
    below: float = 1.0
    above: float = 2.0
    diverges: float = math.inf
    steps: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Learning:
    """Steps to the target.

    Attributes:
        least: steps at an endless batch;  critical: the batch at which twice as many are needed.
        bowls: by the optimizer's name; empty where the learning rate does not matter.
        factors: what a value of a setting multiplies the steps by.
        patience: steps after which a training gives up.
    """

    least: float
    critical: float = 0.0
    bowls: Mapping[str, Bowl] = field(default_factory=dict)
    factors: Mapping[str, Mapping[object, float]] = field(default_factory=dict)
    patience: float = math.inf

    def steps(self, setup: Setup) -> float:
        """The median over seeds."""
        batch, _ = _batches(setup)
        factor = math.prod(effect[setup[key]] for key, effect in self.factors.items())
        steps = self.least * (1 + self.critical / batch) * factor
        bowl = self._bowl(setup)
        if bowl is None:
            return steps
        distance = math.log10(_number(setup, RATE) / self._best(bowl, batch))
        steep = bowl.above if distance > 0 else bowl.below
        return steps * bowl.steps * math.exp(min(steep * distance**2, 50.0))

    def diverges(self, setup: Setup) -> bool:
        """Whether the learning rate is too high."""
        bowl = self._bowl(setup)
        batch, _ = _batches(setup)
        return bowl is not None and _number(setup, RATE) > bowl.diverges * self._best(bowl, batch)

    def _bowl(self, setup: Setup) -> Bowl | None:
        return self.bowls.get(str(setup.get(OPTIMIZER, "adamw")))

    @staticmethod
    def _best(bowl: Bowl, batch: float) -> float:
        return bowl.best * float((batch / 64) ** bowl.power)


@dataclass(frozen=True, kw_only=True)
class Noise:
    """Standard deviations of the logarithm, from seed to seed."""

    step: float = 0.015
    steps: float = 0.08
    cost: float = 0.08

    def factor(self, deviation: float, generator: np.random.Generator) -> float:
        """A factor of median 1."""
        return math.exp(deviation * float(generator.standard_normal()))


def _batches(setup: Setup) -> tuple[float, float]:
    batch = _number(setup, BATCH) if BATCH in setup else 32.0
    return batch, _number(setup, MICRO) if MICRO in setup else batch


def _number(setup: Setup, key: str) -> float:
    value = setup[key]
    assert isinstance(value, (int, float))
    return float(value)
