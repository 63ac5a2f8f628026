"""What only the trainer's libraries can tell of a scenario before it runs: is there such a model, do the rows fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import torch

from benchbench.errors import InputError, ScenarioError, nearest
from benchbench.scenario.scenario import Scenario
from benchbench.training import assembly, precision
from benchbench.workload.preparing import Prepared
from benchbench.workload.task import Task


class Problem(TypedDict):
    """Why a scenario cannot run here."""

    message: str
    key: str | None


def problems(scenarios: Sequence[Scenario]) -> list[Problem | None]:
    """For each scenario, why it cannot run here, or None. No weight is allocated."""
    return [_problem(scenario) for scenario in scenarios]


def _problem(scenario: Scenario) -> Problem | None:
    try:
        device = assembly.choose_device(scenario.hardware.device)
        precision.arithmetic(scenario.precision, device)
        prepared = assembly.load_data(scenario)
        task = assembly.task_of(scenario)
        _metric(scenario, task, prepared)
        with torch.device("meta"):
            assembly.build_model(scenario, task, prepared)
    except InputError as error:
        return {"message": error.message, "key": error.key}
    return None


def _metric(scenario: Scenario, task: Task, prepared: Prepared) -> None:
    if scenario.target is None:
        return
    metric, known = scenario.target.metric, task.metric_names(prepared.encoding.labels)
    if metric not in known:
        raise ScenarioError(f"{scenario.task} has no metric {metric!r}: {nearest(metric, known)}", key="target.metric")
