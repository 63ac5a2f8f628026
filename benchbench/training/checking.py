"""What only the trainer's libraries can tell of a scenario before it runs: is there such a model, do the rows fit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict, cast

import torch

from benchbench import registry
from benchbench.errors import InputError
from benchbench.scenario.scenario import Scenario
from benchbench.training import precision, program
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
        device = program.choose_device(scenario.hardware.device)
        precision.autocast(scenario.precision, device)
        prepared = program.load_data(scenario)
        assert scenario.task is not None
        task = cast(Task, registry.load(registry.TASKS, scenario.task))
        with torch.device("meta"):
            program.build_model(scenario, task, prepared)
    except InputError as error:
        return {"message": error.message, "key": error.key}
    return None
