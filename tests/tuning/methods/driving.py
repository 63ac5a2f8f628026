"""A method at work: proposals and answers, without a search around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import optuna
from optuna.trial import TrialState

from benchbench import registry
from benchbench.record.study import Overrides
from benchbench.tuning.method import Field, Means, Method, Plan
from benchbench.tuning.model.readings import Failing, Reading
from benchbench.tuning.space import Axis, SearchSpace
from benchbench.tuning.stop import Stop
from tests.tuning.model.places import scenario

STARTUP_S = 2.0
WHOLE = Plan()


@dataclass(frozen=True, kw_only=True)
class Truth:
    """What a setup does: so many steps to the target (None = never) of so many seconds, or how it fails."""

    step_s: float = 0.1
    steps: int | None = 100
    failing: Failing | None = None
    refused: bool = False


Surface = Callable[[Overrides], Truth]


class Request(NamedTuple):
    """What was asked for."""

    overrides: Overrides
    plan: Plan


def field_of(
    axes: Mapping[str, Axis],
    baseline: Overrides | None = None,
    *,
    legal: Callable[[Overrides], bool] = lambda _: True,
    trains: bool = True,
    seed: int = 0,
) -> Field:
    """A field over axes; without a baseline, the first setup is one."""
    space = SearchSpace(axes)
    first = {key: axis.at(0) for key, axis in axes.items()} if baseline is None else baseline
    return Field(scenario=scenario(), space=space, legal=legal, baseline=first, trains=trains, seed=seed)


class Driven:
    """One method on one surface. `requests` keeps what it asked for, `stop` why it ended."""

    def __init__(self, name: str, field: Field, surface: Surface, *, budget_s: float = 1e6) -> None:
        """Measures the baseline."""
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.field, self.surface, self.left_s = field, surface, budget_s
        make = cast("Callable[[Field], Method]", registry.load(registry.METHODS, name))
        self.method = make(field)
        self.study = optuna.create_study(sampler=self.method.sampler)
        self.requests: list[Request] = []
        self.stop: Stop | None = None
        first = self.learn(field.baseline)
        self._baseline_s = 0.0 if first is None else first.cost_s

    def go_on(self, count: int) -> Driven:
        """Carries out so many requests at most."""
        for _ in range(count):
            means = Means(left_s=self.left_s, startup_s=STARTUP_S, repeats=3, baseline_s=self._baseline_s)
            plan = self.method.plan(means)
            if isinstance(plan, Stop):
                self.stop = plan
                break
            trial = self.study.ask(dict(self.field.distributions))
            overrides = self.field.space.own(trial.params)
            self.requests.append(Request(overrides, plan))
            reading = self.learn(overrides, plan)
            value = None if reading is None or reading.steps is None else reading.training_s
            if value is None:
                self.study.tell(trial, state=TrialState.PRUNED)
            else:
                self.study.tell(trial, value)
        return self

    def learn(self, overrides: Overrides, plan: Plan = WHOLE) -> Reading | None:
        """Measures a setup and tells the method."""
        reading = _reading(self.field, overrides, self.surface(overrides), plan)
        self.method.saw(overrides, reading)
        self.left_s -= 0.0 if reading is None else reading.cost_s
        return reading


def _reading(field: Field, overrides: Overrides, truth: Truth, plan: Plan) -> Reading | None:
    if truth.refused:
        return None
    trained = not plan.probe
    told: dict[str, Any] = {"overrides": overrides, "trained": trained, "cost_s": STARTUP_S + 1}
    if truth.failing is not None:
        steps_were_seen = truth.failing is Failing.DIVERGED
        return Reading(**told, failing=truth.failing, step_s=truth.step_s if steps_were_seen else None)
    told |= {"step_s": truth.step_s, "warmup_s": 5 * truth.step_s}
    if not trained or not field.trains:
        return Reading(**told)
    most_s = 400 * truth.step_s if plan.deadline_s is None else min(plan.deadline_s, 400 * truth.step_s)
    if truth.steps is not None and truth.steps * truth.step_s <= most_s:
        time_s = truth.steps * truth.step_s
        return Reading(**{**told, "cost_s": STARTUP_S + time_s}, steps=truth.steps, training_s=time_s)
    gave_up = most_s >= 400 * truth.step_s
    told["cost_s"] = STARTUP_S + most_s
    return Reading(**told, more_steps_than=most_s / truth.step_s, gave_up=gave_up, training_s=most_s)
