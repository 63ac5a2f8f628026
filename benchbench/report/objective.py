"""What a study minimises, and what its settings were before, in words."""

from __future__ import annotations

from typing import NamedTuple

from benchbench.record.study import Study
from benchbench.report.language import tr
from benchbench.report.wording import Setting
from benchbench.scenario.types import Target


class Objective(NamedTuple):
    """The trials' `objective`: its name and unit."""

    label: str
    unit: str


_OBJECTIVES = {
    "time": Objective(tr("time to target"), "s"),
    "throughput": Objective(tr("time a sample"), "s"),
    "energy": Objective(tr("energy to target"), "J"),
    "cost": Objective(tr("cost to target"), ""),
}


def objective_of(study: Study) -> Objective:
    """What the study's trials were ranked by; lower is better for each."""
    return _OBJECTIVES[study.objective]


def objectives_of(study: Study) -> tuple[Objective, ...]:
    """Both objectives of a study that has two, the first first; none of another."""
    return tuple(_OBJECTIVES[name] for name in study.objectives)


def bound(target: Target) -> str:
    """`accuracy of at least 0.9`."""
    if target.at_least is not None:
        return tr("{metric} of at least {at_least}", metric=target.metric, at_least=f"{target.at_least:g}")
    return tr("{metric} of at most {at_most}", metric=target.metric, at_most=f"{target.at_most:g}")


def goal(study: Study) -> str:
    """`reaches accuracy of at least 0.9`, or `trains`."""
    target = study.scenario.target
    return (
        tr("reaches {target}", target=bound(target))
        if target is not None and study.objective != "throughput"
        else tr("trains")
    )


def baseline_value(study: Study, key: str) -> Setting:
    """What a setting was before the search: the baseline's, else the scenario's own; None when that is no scalar."""
    if key in study.baseline.overrides:
        return study.baseline.overrides[key]
    level: object = study.scenario.document()
    for part in key.split("."):
        level = level.get(part) if isinstance(level, dict) else None
    return level if isinstance(level, (bool, int, float, str)) else None
