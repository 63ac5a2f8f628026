"""Seconds per step and steps to target, each measured where it is cheap: the search of this project.

A pool of setups stands for the space: all of them where they can be counted, else many at random and those around the
best. The model says what each is expected to take, and `choosing` which request is worth its cost; the sampler then
proposes that setup. Of two objectives every proposal minimises a product of powers of both, as ParEGO does (Knowles
2006): its weight is drawn anew, often an end. What is expected to break a constraint counts as what fails.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler
from optuna.trial import FrozenTrial

from benchbench.record.study import Overrides
from benchbench.scenario.knobs import Factor
from benchbench.tuning.method import Field, Means, Plan, Standing
from benchbench.tuning.model.choosing import WORTH, Choice, Costs, choose
from benchbench.tuning.model.encoding import Encoded, Encoding, Flags
from benchbench.tuning.model.factored import HYPOTHESES, Factored
from benchbench.tuning.model.holding import Holding
from benchbench.tuning.model.pool import Pool
from benchbench.tuning.model.readings import Failing, Reading
from benchbench.tuning.power import repeats_to_decide
from benchbench.tuning.space import Ranged, Scalar, identity
from benchbench.tuning.stop import Stop

_POOL = 3_000
_DRAWN, _DRAWN_FOR = 1_000, 8  # setups of a large space at random, for so many readings
_AROUND = 8  # setups around which the pool of a large space is filled
_POINTS = 25  # of a continuum, around one of them
_DIGITS = 3  # of a value of it
_PROBE_BEYOND_STARTUP_S = 2.0  # before one was measured
_MOST_TRAININGS = 8  # of one setup
_UNHELD = 4.0  # times the longest training: what holds the constraints may be slower than what does not
_SURE = 0.9  # that the constraints hold: where it is less sure, a probe comes before a training
_ENDS = (0.35, 0.6)  # draws below the first mean the first objective alone, below the second the second alone
_UNPROVED = 0.05  # of the time: a smaller gain is not worth a confirmation of fewer repeats, which could not prove it
_OPTIMISM = 2.5  # standard deviations: steps to the target that a setup is all but sure to need
_MARGIN = 1.08  # a repeat takes a little longer than the last one did


class _Best(NamedTuple):
    """What is best so far of what holds the constraints, logarithms of seconds.

    Attributes:
        log: of everything that was measured.
        finalist_log: of the best setup that is not the baseline; None where the baseline is better.
        baseline_log: of the baseline; infinite where it has no time.
    """

    log: float
    finalist_log: float | None
    baseline_log: float = math.inf


class FactoredMethod:
    """The search over both factors."""

    def __init__(self, field: Field) -> None:
        """Knows nothing yet."""
        self._field = field
        self._encoding = Encoding(field.scenario, field.space)
        self._readings: list[Reading] = []
        self._refused: set[str] = set()
        self._breaking: set[str] = set()
        self._over: set[str] = set()
        self._trainings: Counter[str] = Counter()
        self._no_memory: set[str] = set()
        self._probed: set[str] = set()
        self._next: Overrides | None = None
        self._of_block: tuple[int, Pool] | None = None
        self._fitted: tuple[tuple[int, float], Factored] | None = None
        self.sampler: BaseSampler = _Planned(self, field)

    def saw(self, overrides: Overrides, reading: Reading | None) -> None:
        """See `Method`."""
        name = identity(overrides)
        if reading is None:
            self._refused.add(name)
            return
        self._readings.append(reading)
        self._note_breaches(reading)
        self._trainings[name] += reading.trained or not self._field.trains
        signature = self._encoding.step_signature(overrides)
        if reading.step_s is not None or reading.step_s_over is not None:
            self._probed.add(signature)
        if reading.failing is Failing.MEMORY:
            self._no_memory.add(signature)
        elif reading.failing is not None:
            self._refused.add(name)

    def _note_breaches(self, reading: Reading) -> None:
        """Which setups are not to be measured any more."""
        if reading.breaks:
            self._breaking.add(identity(reading.overrides))
        if any(ratio is not None and ratio > 1 for ratio in reading.of_limits):
            self._over.add(self._encoding.step_signature(reading.overrides))

    def _worth(self, reading: Reading, weight: float) -> float:
        """What a second of a setup counts, over one of the first reading: of energy, twice as much at twice the power.

        Args:
            reading: of the setup.
            weight: of the first objective; the second has the rest.
        """
        first = self._readings[0]
        return _power(reading.per_second, first.per_second, weight) * _power(
            reading.second_per_second, first.second_per_second, 1 - weight
        )

    def _weighed(self, weight: float) -> list[Reading]:
        """The readings in seconds of the first one's worth."""
        worths = [(reading, self._worth(reading, weight)) for reading in self._readings]
        return [r if worth == 1 or r.step_s is None else _scaled(r, worth) for r, worth in worths]

    def plan(self, means: Means) -> Plan | Stop:
        """See `Method`."""
        if not self._can_model:
            return self._at_random()
        pool = self._pool()
        allowed = np.array([self._may_be_measured(*known) for known in zip(pool.names, pool.signatures, strict=True)])
        if not allowed.any():
            return Stop.EXHAUSTED
        stop = Stop.BUDGET
        for weight in self._weights():
            choice = self._choice(weight, pool, means, allowed)
            if choice is not None and choice.gain >= WORTH:
                self._next = pool.setups[choice.setup]
                return self._planned(choice, weight)
            stop = Stop.SETTLED if choice is not None else stop
        return stop

    def _weights(self) -> Sequence[float]:
        """Of the first objective: the one drawn for this proposal, and those to try where it asks for nothing."""
        if self._field.objectives == 1:
            return (1.0,)
        random = np.random.default_rng((self._field.seed, self.count, 3))
        draw, between = random.random(), float(random.random())
        drawn = 1.0 if draw < _ENDS[0] else 0.0 if draw < _ENDS[1] else between
        return list(dict.fromkeys((drawn, 1.0, 0.0, 0.5)))

    def _planned(self, choice: Choice, weight: float) -> Plan:
        """The choice in words, and its deadline in seconds of the setup's own."""
        setup, deadline_s = self._next, choice.deadline_s
        assert setup is not None
        if deadline_s is None:
            return Plan(probe=self._field.trains, too_slow_s=choice.too_slow_s, why=_why(choice))
        signature = self._encoding.step_signature(setup)
        known = [r for r in self._readings if self._encoding.step_signature(r.overrides) == signature]
        worth = min(self._worth(r, weight) for r in known or self._readings)
        return Plan(deadline_s=deadline_s / worth, why=_why(choice))

    def standing(self, setups: Sequence[Overrides], *, second: bool = False) -> Standing | None:
        """See `Method`."""
        if not setups or not any(reading.step_s is not None for reading in self._readings):
            return None
        encoded = self._encoding.encode(setups)
        expected = self._model(encoded, 0.0 if second else 1.0).expected(encoded)
        return Standing(tuple(float(value) for value in expected.mean), expected.noise)

    @property
    def count(self) -> int:
        """How many proposals have become something."""
        return len(self._readings) + len(self._refused)

    def take(self) -> Overrides | None:
        """The setup that was planned, once."""
        planned, self._next = self._next, None
        return planned

    @property
    def _can_model(self) -> bool:
        """Whether anything is known of each factor."""
        steps = not self._field.trains or any(r.steps is not None or r.training_s > 0 for r in self._readings)
        return steps and any(r.step_s is not None for r in self._readings)

    def _at_random(self) -> Plan | Stop:
        """A legal setup that was not tried."""
        pool = self._pool()
        order = np.random.default_rng((self._field.seed, self.count)).permutation(len(pool))
        setups = (pool.setups[i] for i in order if self._is_new(pool.names[i], pool.signatures[i]))
        found = (setup for setup in setups if self._field.legal(setup))
        self._next = next(found, None)
        return Stop.EXHAUSTED if self._next is None else Plan()

    def _is_new(self, name: str, signature: str) -> bool:
        return self._may_be_measured(name, signature) and not self._trainings[name]

    def _model(self, pool: Encoded, weight: float) -> Factored:
        seed = (self._field.seed, len(self._readings))
        baseline, readings = self._encoding.encode([self._field.baseline]), self._weighed(weight)
        model = Factored.of(self._encoding, pool, readings, seed, trains=self._field.trains, baseline=baseline)
        return Holding.around(model, readings, seed) if any(r.of_limits for r in readings) else model

    def _choice(self, weight: float, pool: Pool, means: Means, allowed: Flags) -> Choice | None:
        """The best legal request that leaves enough for the confirmation; of fewer repeats while nothing is better."""
        model, encoded = self._of_space(weight), pool.encoded
        best = self._best(model, weight)
        probed = np.array([signature in self._probed for signature in pool.signatures])
        found: Choice | None = None
        most = self._repeats(means, best, model.noise)
        for repeats in range(most, 0, -1) if most else (0,):
            costs = self._costs(means, repeats, best)
            choice = choose(
                model, encoded, best.log, costs, probed, allowed, lambda i: self._field.legal(pool.setups[i])
            )
            least = WORTH if found is None and repeats == most else _UNPROVED
            if choice is not None and (found is None or choice.gain >= least):
                found = self._carefully(choice, model, encoded, costs, probed)
            if best.finalist_log is not None or (found is not None and found.gain >= least):
                break
        return self._given_up(found, model, encoded, best)

    def _repeats(self, means: Means, best: _Best, noise: float) -> int:
        """Of the confirmation that is set aside: more, where those prove what was found, and the budget has them."""
        if not means.repeats or best.finalist_log is None:
            return means.repeats
        wanted = repeats_to_decide(best.baseline_log - best.finalist_log, noise, means.repeats, self._field.confidence)
        costs = self._costs(means, wanted or means.repeats, best)
        assert costs.finalist_s is not None
        return wanted if wanted is not None and wanted * costs.finalist_s <= costs.left_s else means.repeats

    def _given_up(self, choice: Choice | None, model: Factored, pool: Encoded, best: _Best) -> Choice | None:
        """The choice; of a probe, with the time of a step with which nothing that shares its steps beats the best."""
        alone = self._field.objectives == 1 and not self._field.trades and math.isfinite(best.log)
        if choice is None or choice.deadline_s is not None or model.steps is None or not alone:
            return choice
        columns = [i for i, column in enumerate(self._encoding.columns) if column.moves is not Factor.STEPS]
        coordinates = pool.coordinates[:, columns]
        same = np.flatnonzero((coordinates == coordinates[choice.setup]).all(axis=1))
        steps = model.steps.at(pool.take(same), HYPOTHESES)
        fewest = float((steps.mean - _OPTIMISM * steps.spread).min())
        return choice._replace(too_slow_s=math.exp(best.log - fewest))

    def _carefully(self, choice: Choice, model: Factored, pool: Encoded, costs: Costs, probed: Flags) -> Choice:
        """The choice; or a probe of it, where that shows for less what must be known before a training.

        That is the power, where it counts, for the deadline follows from it; and whether a constraint may be broken.
        """
        if choice.deadline_s is None or probed[choice.setup]:
            return choice
        unsure = self._field.trades
        if isinstance(model, Holding):
            unsure = unsure or float(model.holds(pool.take([choice.setup]))[0]) < _SURE
        dearer = costs.probe_s < min(choice.cost_s, costs.left_s)
        return choice._replace(deadline_s=None, cost_s=costs.probe_s) if unsure and dearer else choice

    def _best(self, model: Factored, weight: float) -> _Best:
        """What is best as the model holds it; where nothing reached, the longest training stands for it."""
        valued = {identity(r.overrides): r.overrides for r in self._readings if self._has_value(r)}
        reached = {name: setup for name, setup in valued.items() if name not in self._breaking}
        if not reached:
            longest_s = max((r.training_s for r in self._weighed(weight)), default=0.0)
            return _Best(math.log(max(longest_s, 1.0) * (_UNHELD if valued else 1.0)), None)
        means = model.expected(self._encoding.encode(list(reached.values()))).mean
        logs = dict(zip(reached, (float(mean) for mean in means), strict=True))
        baseline_log = logs.pop(identity(self._field.baseline), math.inf)
        finalist_log = min(logs.values(), default=math.inf)
        found = finalist_log < baseline_log
        return _Best(min(baseline_log, finalist_log), finalist_log if found else None, baseline_log)

    def _has_value(self, reading: Reading) -> bool:
        return reading.steps is not None if self._field.trains else reading.step_s is not None

    def _costs(self, means: Means, repeats: int, best: _Best) -> Costs:
        probes = [r.cost_s for r in self._readings if not (r.trained and self._field.trains)]
        probe_s = float(np.mean(probes)) if probes else means.startup_s + _PROBE_BEYOND_STARTUP_S
        finalist_s = None if best.finalist_log is None else _MARGIN * (means.startup_s + math.exp(best.finalist_log))
        if not self._field.trains:
            finalist_s = probe_s if finalist_s is not None else None
        return Costs(
            startup_s=means.startup_s,
            probe_s=probe_s,
            left_s=means.left_s - repeats * _MARGIN * means.baseline_s,
            repeats=repeats,
            finalist_s=finalist_s,
        )

    def _may_be_measured(self, name: str, signature: str) -> bool:
        if name in self._refused or name in self._breaking or signature in self._no_memory or signature in self._over:
            return False
        return self._trainings[name] < (_MOST_TRAININGS if self._field.trains else 1)

    def _pool(self) -> Pool:
        """The whole space; of a large one what was drawn, and what lies around the best."""
        drawn = self._drawn()
        if self._counted:
            return drawn
        return drawn.after(Pool.of(self._encoding, self._around()))

    @property
    def _counted(self) -> bool:
        """Whether the space is small enough to look at all of it."""
        return self._field.space.size is not None and self._field.space.size <= _POOL

    def _drawn(self) -> Pool:
        """All of a small space; of a large one setups at random, others every few readings."""
        space, block = self._field.space, len(self._readings) // _DRAWN_FOR
        if self._counted:
            block = 0
        if self._of_block is None or self._of_block[0] != block:
            random = np.random.default_rng((self._field.seed, block))
            setups = (
                (space.setup(index) for index in range(space.size or 0))
                if self._counted
                else (self._rounded(space.drawn(random)) for _ in range(_DRAWN))
            )
            self._of_block = (block, Pool.of(self._encoding, setups))
        return self._of_block[1]

    def _of_space(self, weight: float) -> Factored:
        """The model of the space, fitted once for all that one proposal asks of it."""
        of = (len(self._readings), weight)
        if self._fitted is None or self._fitted[0] != of:
            self._fitted = (of, self._model(self._drawn().encoded, weight))
        return self._fitted[1]

    def _around(self) -> list[Overrides]:
        """The best setups so far, and each with one setting changed."""
        valued = [r for r in self._readings if self._has_value(r)]
        setups = list({identity(r.overrides): r.overrides for r in valued}.values())
        if not setups:
            setups = [self._field.baseline]
        elif len(setups) > _AROUND:
            means = self._of_space(1.0).expected(self._encoding.encode(setups)).mean
            setups = [setups[index] for index in np.argsort(means)[:_AROUND]]
        inside = [s for s in setups if all(self._field.space.holds(key, value) for key, value in s.items())]
        changed = [self._rounded({**s, key: value}) for s in inside for key in s for value in self._values(key)]
        return [*inside, *changed]

    def _rounded(self, setup: Overrides) -> Overrides:
        """With values of a continuum to as many digits as anybody would write."""
        return {key: self._round(key, value) for key, value in setup.items()}

    def _round(self, key: str, value: Scalar) -> Scalar:
        axis = self._field.space.axes[key]
        if axis.count is not None or not isinstance(axis, Ranged) or not isinstance(value, float):
            return value
        return min(float(axis.range.high), max(float(axis.range.low), float(f"{value:.{_DIGITS}g}")))

    def _values(self, key: str) -> list[Scalar]:
        axis = self._field.space.axes[key]
        if axis.count is not None and axis.count <= _POINTS:
            return [axis.at(index) for index in range(axis.count)]
        if axis.count is not None:
            return [axis.at(int(index)) for index in np.linspace(0, axis.count - 1, _POINTS)]
        assert isinstance(axis, Ranged)
        low, high = float(axis.range.low), float(axis.range.high)
        if axis.range.log:
            return [float(v) for v in np.geomspace(low, high, _POINTS)]
        return [float(v) for v in np.linspace(low, high, _POINTS)]


class _Planned(BaseSampler):
    """Proposes what the method planned; where nothing was, a legal setup at random."""

    def __init__(self, method: FactoredMethod, field: Field) -> None:
        self._method, self._field = method, field
        self._random = RandomSampler(seed=field.seed)

    def infer_relative_search_space(
        self,
        study: optuna.Study,  # noqa: ARG002 - Optuna's protocol
        trial: FrozenTrial,  # noqa: ARG002
    ) -> dict[str, BaseDistribution]:
        """The whole space."""
        return {key: d for key, d in self._field.distributions.items() if not d.single()}

    def sample_relative(
        self,
        study: optuna.Study,  # noqa: ARG002 - Optuna's protocol
        trial: FrozenTrial,  # noqa: ARG002
        search_space: dict[str, BaseDistribution],
    ) -> dict[str, Any]:
        """A whole setup."""
        setup = self._method.take() or self._legal()
        return {key: setup[key] for key in search_space}

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """At random."""
        return self._random.sample_independent(study, trial, param_name, param_distribution)

    def reseed_rng(self) -> None:
        """For many workers."""
        self._random.reseed_rng()

    def _legal(self) -> Mapping[str, Scalar]:
        draws = np.random.default_rng((self._field.seed, self._method.count))
        drawn = [self._field.space.drawn(draws) for _ in range(100)]
        return next((setup for setup in drawn if self._field.legal(setup)), drawn[0])


def _power(own: float | None, first: float | None, exponent: float) -> float:
    """A ratio to a power; 1 where one of the two is not known."""
    return 1.0 if not own or not first or exponent == 0 else float((own / first) ** exponent)


def _scaled(reading: Reading, worth: float) -> Reading:
    assert reading.step_s is not None
    warmup_s = None if reading.warmup_s is None else reading.warmup_s * worth
    return replace(reading, step_s=reading.step_s * worth, warmup_s=warmup_s, training_s=reading.training_s * worth)


def _why(choice: Choice) -> str:
    what = "a probe of its step time" if choice.deadline_s is None else "a training"
    return f"{what} may take {1 - math.exp(-choice.gain):.1%} off the best time"


PLUGIN = FactoredMethod
