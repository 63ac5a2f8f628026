"""Surfaces to replay, of kinds that ask different things of a search (`python -m benchmarks.search.surfaces OUT`).

- `mixed`: everything matters: an out-of-memory cliff; batch, rate and optimizer interact; compiling has a price.
- `flat`: nothing matters; the honest verdict is a tie.
- `needle`: most setups never reach the target.
- `noisy`: small differences under large noise from seed to seed.

Writes `KIND-SEED.csv` and `KIND-SEED.yaml`, the scenario to tune on it, whose baseline is what a user runs today.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from benchbench.executors.records import Row, Scalar, to_csv
from benchbench.record.types import Outcome
from benchmarks.search.shapes import (
    BATCH,
    CHECKPOINTING,
    COMPILE,
    MICRO,
    OPTIMIZER,
    PRECISION,
    RATE,
    Bowl,
    Learning,
    Noise,
    Setup,
    Speed,
)

PROBE_STEPS = 30
_STARTUP_S = 5.0
_DIVERGED_SHARE = 0.1  # of the patience after which a divergence is noticed

Space = Mapping[str, Sequence[Scalar]]


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A surface before any noise.

    Attributes:
        space: the values of every key.
        speed, learning: its two factors.
        noise: from seed to seed.
        repeats: rows a setup.
        today: settings that a user's own setup has.
    """

    space: Space
    speed: Speed
    learning: Learning
    noise: Noise
    repeats: int
    today: Mapping[str, Scalar]

    def setups(self) -> Iterator[Setup]:
        """Every legal setup."""
        for values in itertools.product(*self.space.values()):
            setup = dict(zip(self.space, values, strict=True))
            if MICRO not in setup or cast("int", setup[MICRO]) <= cast("int", setup[BATCH]):
                yield setup

    def time_s(self, setup: Setup) -> float:
        """The median time to target; infinite for a setup that does not reach it."""
        steps = self.learning.steps(setup)
        if not self.speed.fits(setup) or self.learning.diverges(setup) or steps > self.learning.patience:
            return math.inf
        return self.speed.warming_s(setup) + steps * self.speed.step_s(setup)


@dataclass(frozen=True, kw_only=True)
class Surface:
    """A table, and the truth behind it.

    Attributes:
        name: `KIND-SEED`.
        space: of the search.
        baseline: what a user runs today.
        rows: values and measurements, in the order of the space.
        truth: the median time to target of each setup, by the values of its keys, in seconds.
    """

    name: str
    space: Space
    baseline: Setup
    rows: Sequence[tuple[Sequence[Scalar], Row]]
    truth: Mapping[tuple[object, ...], float]

    @property
    def best_s(self) -> float:
        """The least of the truth."""
        return min(self.truth.values())

    def csv(self) -> str:
        """The table."""
        return to_csv(tuple(self.space), self.rows)

    def scenario(self) -> str:
        """A scenario to tune on it."""
        return json.dumps({
            "name": self.name, "model": {"family": "bert", "size": "tiny"}, "task": "sequence-classification",
            "target": {"metric": "accuracy", "at_least": 0.9},
            "search": {"baseline": dict(self.baseline), "space": {k: list(v) for k, v in self.space.items()}},
        }, indent=1) + "\n"  # fmt: skip


def surface(kind: str, seed: int) -> Surface:
    """The surface of a kind and a seed, the same every time."""
    generator = np.random.default_rng([seed, *kind.encode()])
    while True:
        drawn = KINDS[kind](generator)
        baseline = _baseline(drawn, generator)
        if baseline is not None:
            break
    rows = [
        (tuple(cast("Scalar", setup[key]) for key in drawn.space), row)
        for setup in drawn.setups()
        for row in _rows(drawn, setup, generator)
    ]
    truth = {tuple(setup[key] for key in drawn.space): drawn.time_s(setup) for setup in drawn.setups()}
    return Surface(name=f"{kind}-{seed}", space=drawn.space, baseline=baseline, rows=rows, truth=truth)


def _baseline(kind: Kind, generator: np.random.Generator) -> Setup | None:
    """What a user runs today: one of those with today's settings that reach, from the middle half of their times."""
    usual = [s for s in kind.setups() if all(s[key] == value for key, value in kind.today.items())]
    reaching = sorted((s for s in usual if math.isfinite(kind.time_s(s))), key=kind.time_s)
    if not reaching:
        return None
    middle = reaching[len(reaching) // 4 : max(1, math.ceil(len(reaching) * 0.75))]
    return middle[int(generator.integers(len(middle)))]


def _rows(kind: Kind, setup: Setup, generator: np.random.Generator) -> Iterator[Row]:
    memory = round(kind.speed.peak_bytes(setup))
    for seed in range(kind.repeats):
        startup_s = round(_STARTUP_S * kind.noise.factor(kind.noise.cost, generator), 2)
        step_s = round(kind.speed.step_s(setup) * kind.noise.factor(kind.noise.step, generator), 6)
        warmup_s = round(kind.speed.warming_s(setup) * kind.noise.factor(kind.noise.cost, generator), 2)
        steps = math.ceil(kind.learning.steps(setup) * kind.noise.factor(kind.noise.steps, generator))
        if not kind.speed.fits(setup):
            yield Row(
                seed=seed,
                outcome=Outcome.OOM,
                startup_s=startup_s,
                probe_cost_s=startup_s,
                train_cost_s=startup_s,
                peak_memory_bytes=memory,
            )
            continue
        diverged, patience = kind.learning.diverges(setup), kind.learning.patience
        reached = not diverged and steps <= patience
        taken = steps if reached else patience * (_DIVERGED_SHARE if diverged else 1.0)
        time_s = round(warmup_s + taken * step_s, 3)
        yield Row(
            seed=seed,
            outcome=Outcome.DIVERGED if diverged else Outcome.OK,
            startup_s=startup_s,
            step_s=step_s,
            warmup_s=warmup_s,
            probe_cost_s=round(startup_s + warmup_s + PROBE_STEPS * step_s, 2),
            steps_to_target=float(steps) if reached else None,
            time_to_target_s=time_s if reached else None,
            train_cost_s=round(startup_s + time_s, 3),
            peak_memory_bytes=memory,
        )


def _mixed(draw: np.random.Generator) -> Kind:
    space: Space = {
        BATCH: (16, 32, 64, 128, 256), MICRO: (8, 16, 32, 64), RATE: (5e-5, 2e-4, 6e-4, 2e-3, 6e-3),
        OPTIMIZER: ("adamw", "lamb", "sgd"), PRECISION: ("fp32", "bf16"), CHECKPOINTING: ("none", "full"),
        COMPILE: ("none", "default"),
    }  # fmt: skip
    sample_bytes = draw.uniform(1e8, 3e8)
    speed = Speed(
        launch_s=draw.uniform(0.003, 0.02),
        sample_s=draw.uniform(0.001, 0.006),
        update_s={"adamw": draw.uniform(0.005, 0.02), "lamb": draw.uniform(0.01, 0.03), "sgd": 0.003},
        factors={
            PRECISION: {"fp32": 1.0, "bf16": draw.uniform(0.45, 0.95)},
            CHECKPOINTING: {"none": 1.0, "full": draw.uniform(1.2, 1.4)},
            COMPILE: {"none": 1.0, "default": draw.uniform(0.65, 0.98)},
        },
        compile_s=draw.uniform(5, 40),
        sample_bytes=sample_bytes,
        capacity_bytes=2e9 + sample_bytes * draw.uniform(20, 70),
    )
    learning = Learning(
        least=draw.uniform(60, 200),
        critical=draw.uniform(30, 400),
        bowls={
            "adamw": _bowl(draw, (2e-4, 2e-3), power=(0.2, 0.7), steps=(1.0, 1.3)),
            "lamb": _bowl(draw, (6e-4, 6e-3), power=(0.3, 0.8), steps=(0.9, 1.4)),
            "sgd": _bowl(draw, (1e-3, 2e-2), power=(0.6, 1.0), steps=(1.2, 3.0)),
        },
        factors={PRECISION: {"fp32": 1.0, "bf16": draw.uniform(1.0, 1.25)}},
        patience=draw.uniform(2000, 4000),
    )
    today: Mapping[str, Scalar] = {
        OPTIMIZER: "adamw",
        PRECISION: "fp32",
        CHECKPOINTING: "none",
        COMPILE: "none",
        MICRO: 8,
    }
    return Kind(space=space, speed=speed, learning=learning, noise=Noise(), repeats=6, today=today)


def _flat(draw: np.random.Generator) -> Kind:
    space: Space = {
        "data.batching": ("pad", "bucket"), "data.workers": (0, 1, 2), "training.attention": ("eager", "sdpa"),
        "hardware.threads": (1, 2, 4),
    }  # fmt: skip
    effects: Mapping[str, Mapping[object, float]] = {
        key: {value: math.exp(0.002 * draw.standard_normal()) for value in space[key]} for key in space
    }
    speed = Speed(launch_s=draw.uniform(0.02, 0.06), factors=effects)
    learning = Learning(least=draw.uniform(400, 800))
    today = {key: values[0] for key, values in space.items()}
    return Kind(space=space, speed=speed, learning=learning, noise=Noise(steps=0.05), repeats=6, today=today)


def _needle(draw: np.random.Generator) -> Kind:
    space: Space = {
        BATCH: (8, 16, 32, 64, 128, 256), RATE: (1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2),
        "training.schedule.name": ("linear", "constant", "cosine"),
    }  # fmt: skip
    bowl = _bowl(draw, (1e-4, 2e-3), power=(0.2, 0.8), narrow=draw.uniform(4, 10))
    learning = Learning(
        least=draw.uniform(150, 400),
        critical=draw.uniform(50, 400),
        bowls={"adamw": bowl},
        factors={"training.schedule.name": {name: draw.uniform(1.0, 1.6) for name in space["training.schedule.name"]}},
        patience=draw.uniform(1500, 3000),
    )
    speed = Speed(launch_s=draw.uniform(0.01, 0.03), sample_s=draw.uniform(0.0005, 0.002), fixed_bytes=3e9)
    return Kind(space=space, speed=speed, learning=learning, noise=Noise(), repeats=6, today={})


def _noisy(draw: np.random.Generator) -> Kind:
    space: Space = {
        BATCH: (16, 32, 64, 128), RATE: (1e-4, 3e-4, 1e-3, 3e-3), PRECISION: ("fp32", "bf16"),
        "training.optimizer.weight_decay": (0.0, 0.01, 0.1),
    }  # fmt: skip
    decay = space["training.optimizer.weight_decay"]
    learning = Learning(
        least=draw.uniform(200, 500),
        critical=draw.uniform(20, 150),
        bowls={"adamw": _bowl(draw, (2e-4, 1.5e-3), power=(0.2, 0.6), narrow=draw.uniform(0.5, 1.5))},
        factors={"training.optimizer.weight_decay": {value: draw.uniform(1.0, 1.1) for value in decay}},
        patience=4000,
    )
    speed = Speed(
        launch_s=draw.uniform(0.01, 0.03),
        sample_s=draw.uniform(0.0005, 0.0015),
        factors={PRECISION: {"fp32": 1.0, "bf16": draw.uniform(0.8, 1.05)}},
    )
    return Kind(space=space, speed=speed, learning=learning, noise=Noise(steps=0.25), repeats=8, today={})


def _bowl(
    draw: np.random.Generator,
    best: tuple[float, float],
    *,
    power: tuple[float, float],
    steps: tuple[float, float] = (1.0, 1.0),
    narrow: float = 1.0,
) -> Bowl:
    """A bowl whose bottom lies between two learning rates, evenly in the logarithm."""
    return Bowl(
        best=math.exp(draw.uniform(math.log(best[0]), math.log(best[1]))),
        power=draw.uniform(*power),
        below=narrow * draw.uniform(0.8, 1.6),
        above=narrow * draw.uniform(1.2, 2.5),
        diverges=draw.uniform(3, 12),
        steps=draw.uniform(*steps),
    )


KINDS: Mapping[str, Callable[[np.random.Generator], Kind]] = {
    "mixed": _mixed,
    "flat": _flat,
    "needle": _needle,
    "noisy": _noisy,
}


def main() -> None:
    """Writes tables and their scenarios into a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="the folder")
    parser.add_argument("--kinds", nargs="+", choices=sorted(KINDS), default=list(KINDS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2, 3])
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    for kind, seed in itertools.product(chosen.kinds, chosen.seeds):
        made = surface(kind, seed)
        (chosen.out / f"{made.name}.csv").write_text(made.csv(), encoding="utf-8")
        (chosen.out / f"{made.name}.yaml").write_text(made.scenario(), encoding="utf-8")
        print(f"{made.name}: {len(made.truth)} setups, the best takes {made.best_s:.1f} s")


if __name__ == "__main__":
    main()
