"""What others would do with the same budget: searches that BenchBench is held against, on the same tables.

Each begins with a training of the baseline, sets the confirmation of the baseline and of its best setup aside, and
recommends the setup with the best time that it saw; the baseline where it saw none.
"""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Mapping

import numpy as np
import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.samplers import BaseSampler, GPSampler, TPESampler

from benchbench.scenario.knobs import Factor, knobs_of
from benchbench.scenario.scenario import Scenario
from benchmarks.search.arena import OutOfBudget, Player, Setup, Table

_PATIENCE = 1.5  # times the best time, of searches with deadlines
_RUNGS, _ETA = 4, 3  # of successive halving
_FIRST_BATCH = 27
_BRACKETS = 100
_WORST = 1e6  # seconds: what a sampler without constraints is told of a miss


def random(player: Player, seed: int) -> None:
    """Setups at random, each a full training."""
    setups = player.setups()
    for index in np.random.default_rng(seed).permutation(len(setups)):
        player.train(setups[index])


def exhaustive(player: Player, seed: int) -> None:  # noqa: ARG001 - it has no choice
    """Every setup in the order of the table."""
    for setup in player.setups():
        player.train(setup)


def tpe(player: Player, seed: int) -> None:
    """Optuna's TPE, each candidate a full training."""
    _optuna(player, TPESampler(seed=seed), math.inf)


def gp(player: Player, seed: int) -> None:
    """Optuna's Gaussian process, each candidate a full training."""
    _optuna(player, GPSampler(seed=seed), math.inf)


def tpe_deadlines(player: Player, seed: int) -> None:
    """Optuna's TPE; a training ends when it has become much slower than the best so far."""
    _optuna(player, TPESampler(seed=seed), _PATIENCE)


def successive_halving(player: Player, seed: int) -> None:
    """Many setups under short deadlines, a third of those that did not reach under deadlines three times as long.

    Without learning curves, which a table does not hold, those that go on are drawn at random.
    """
    generator = np.random.default_rng(seed)
    every = player.setups()
    for _ in range(_BRACKETS):
        chosen = [every[i] for i in generator.choice(len(every), min(_FIRST_BATCH, len(every)), replace=False)]
        for rung in range(_RUNGS):
            deadline_s = min(player.best_s, player.table.baseline_cost_s) / _ETA ** (_RUNGS - 2 - rung)
            missed = [setup for setup in chosen if _missed(player, setup, deadline_s)]
            kept = len(chosen) // _ETA
            chosen = [missed[i] for i in generator.permutation(len(missed))[:kept]]


def _missed(player: Player, setup: Setup, deadline_s: float) -> bool:
    answer = player.train(setup, deadline_s)
    return answer is not None and answer.time_s is None


def throughput_grid(player: Player, seed: int) -> None:  # noqa: ARG001 - it has no choice
    """The fastest steps first, as DeepSpeed's autotuner looks for them: probes over what moves nothing else."""
    table = player.table
    system = [k.key for k in knobs_of(Scenario) if k.moves is Factor.STEP_S and k.key in table.space]
    fastest: tuple[float, Setup] | None = None
    for values in itertools.product(*(table.space[key] for key in system)):
        setup = {**table.baseline, **dict(zip(system, values, strict=True))}
        answer = player.probe(setup)
        if answer is not None and answer.step_s is not None and (fastest is None or answer.step_s < fastest[0]):
            fastest = (answer.step_s, setup)
    if fastest is not None:
        player.train(fastest[1])


def _optuna(player: Player, sampler: BaseSampler, patience: float) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=sampler, direction="minimize")
    distributions: dict[str, BaseDistribution] = {
        key: CategoricalDistribution(list(values)) for key, values in player.table.space.items()
    }
    study.enqueue_trial(dict(player.table.baseline))
    study.tell(study.ask(distributions), player.best_s if player.best is not None else _WORST)
    asked = 0
    while asked < 10 * len(player.table.records.rows):
        asked += 1
        trial = study.ask(distributions)
        answer = player.train(trial.params, patience * player.best_s)
        study.tell(trial, _WORST if answer is None or answer.time_s is None else answer.time_s)


RIVALS: Mapping[str, Callable[[Player, int], None]] = {
    "random search": random,
    "exhaustive": exhaustive,
    "Optuna TPE": tpe,
    "Optuna GP": gp,
    "TPE with deadlines": tpe_deadlines,
    "successive halving": successive_halving,
    "throughput grid": throughput_grid,
}


def recommended(rival: str, table: Table, budget_s: float, seed: int) -> Setup:
    """What a rival recommends for a table."""
    player = Player(table, budget_s)
    with contextlib.suppress(OutOfBudget):
        RIVALS[rival](player, seed)
    return table.baseline if player.best is None else player.best[1]
