"""What only the trainer's libraries can tell of a scenario before it runs: is there such a model, do the rows fit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import torch

from benchbench.errors import InputError, ScenarioError, nearest
from benchbench.scenario.scenario import Scenario
from benchbench.training import assembly, attention, levers, precision, resuming
from benchbench.training.data_news import data_news
from benchbench.training.events import Events
from benchbench.training.shape import shape_of
from benchbench.workload.preparing import Prepared
from benchbench.workload.task import Task


class Problem(TypedDict):
    """Why a scenario cannot run here."""

    message: str
    key: str | None


def problems(scenarios: Sequence[Scenario], events: Events | None = None) -> list[Problem | None]:
    """For each scenario, why it cannot run here, or None. No weight is allocated; the data is prepared, and kept.

    Args:
        scenarios: each passed the checks that need no torch.
        events: are told how far the data is, and of each scenario that can run how large it is (event `shape`, with
            the scenario's number and its `ModelShape`).
    """
    return [_problem(scenario, number, events) for number, scenario in enumerate(scenarios)]


def _problem(scenario: Scenario, number: int, events: Events | None) -> Problem | None:
    try:
        device = assembly.choose_device(scenario.hardware.device)
        precision.arithmetic(scenario.precision, device)
        levers.check(scenario, device)
        if scenario.plan.world > 1:
            assembly.strategy_of(scenario)
        if scenario.training.resume is not None:
            resuming.check(Path(scenario.training.resume), scenario)
        prepared = assembly.load_data(scenario, None if events is None else data_news(events))
        task = assembly.task_of(scenario)
        _metric(scenario, task, prepared)
        with torch.device("meta"):
            model = assembly.build_model(scenario, task, prepared)
        attention.check(scenario, model, device)
    except InputError as error:
        return {"message": error.message, "key": error.key}
    shape = shape_of(model, prepared)
    if events is not None and shape is not None:
        events.emit("shape", scenario=number, shape=shape.model_dump())
    return None


def _metric(scenario: Scenario, task: Task, prepared: Prepared) -> None:
    if scenario.target is None:
        return
    metric, known = scenario.target.metric, task.metric_names(prepared.encoding.labels)
    if metric not in known:
        raise ScenarioError(f"{scenario.task} has no metric {metric!r}: {nearest(metric, known)}", key="target.metric")
