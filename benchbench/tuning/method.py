"""The protocol of a search method. It is one file in `methods/`; its `PLUGIN` makes one for a search."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseSampler

from benchbench.record.study import Overrides
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.model.readings import Reading
from benchbench.tuning.space import Axis, Listed, Ranged, SearchSpace
from benchbench.tuning.stop import Stop


@dataclass(frozen=True, kw_only=True)
class Field:
    """What is searched, as far as a method must know it.

    Attributes:
        scenario: whose settings hold where the space says nothing.
        space: the axes.
        legal: whether a setup may be proposed.
        baseline: what a user runs today, for every key of the space.
        trains: whether trainings to a target are what is minimised; else a probe says all.
        seed: of every random choice.
        objectives: how many, one or two.
        trades: whether what is minimised a second differs from setup to setup, as power does.
        confidence: of the verdict.
    """

    scenario: Scenario
    space: SearchSpace
    legal: Callable[[Overrides], bool]
    baseline: Overrides
    trains: bool
    seed: int
    objectives: int = 1
    trades: bool = False
    confidence: float = 0.95

    @cached_property
    def distributions(self) -> Mapping[str, BaseDistribution]:
        """The axes in Optuna's words."""
        return {key: _distribution(axis) for key, axis in self.space.axes.items()}


@dataclass(frozen=True, kw_only=True)
class Means:
    """What there is to spend, in wall-clock seconds.

    Attributes:
        left_s: until the budget ends, the confirmation inside.
        startup_s: of a training, outside its training clock.
        repeats: of the baseline and the best setup that the confirmation wants; 0 where the budget pays for none.
        baseline_s: one of the baseline's; 0 where it cannot be measured again.
    """

    left_s: float
    startup_s: float
    repeats: int
    baseline_s: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The next measurement.

    Attributes:
        probe: whether seconds per step are enough.
        deadline_s: of a training, on the training clock; None leaves it to the budget.
        too_slow_s: of a probe, seconds of a step beyond which it cannot matter any more; None where that is not known.
        why: in words, for people.
    """

    probe: bool = False
    deadline_s: float | None = None
    too_slow_s: float | None = None
    why: str = ""


class Standing(NamedTuple):
    """What setups are worth.

    Attributes:
        logs: of each, the logarithm of the objective.
        noise: from seed to seed, the standard deviation of that.
    """

    logs: tuple[float, ...]
    noise: float


class Method(Protocol):
    """Chooses what a search measures next. Its sampler says which setup, in Optuna's own interface."""

    @property
    def sampler(self) -> BaseSampler:
        """Proposes setups; what it proposes is legal."""
        ...

    def saw(self, overrides: Overrides, reading: Reading | None) -> None:
        """Takes in what became of a setup, in the order of time.

        Args:
            overrides: the setup.
            reading: what was measured; None where it was refused.
        """
        ...

    def plan(self, means: Means) -> Plan | Stop:
        """How the setup that the sampler proposes next is to be measured; or why there is none."""
        ...

    def standing(self, setups: Sequence[Overrides], *, second: bool = False) -> Standing | None:
        """What setups are held to be worth by all measurements; None where each one's own says it.

        Args:
            setups: to be judged.
            second: of two objectives, by the second; else by the first.
        """
        ...


def _distribution(axis: Axis) -> BaseDistribution:
    if isinstance(axis, Listed):
        return CategoricalDistribution(axis.values)
    assert isinstance(axis, Ranged)
    low, step, log = axis.range.low, axis.range.step, axis.range.log
    if axis.range.whole:
        return IntDistribution(int(low), int(axis.last), log=log, step=int(step or 1))
    return FloatDistribution(float(low), float(axis.last), log=log, step=None if step is None else float(step))
