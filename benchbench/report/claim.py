"""What a claim says beside the time, in words."""

from __future__ import annotations

from collections.abc import Mapping

from benchbench.record.study import Importance, Neighbour, Recommendation
from benchbench.report.language import tr
from benchbench.report.wording import semicolons
from benchbench.scenario.types import Target
from benchbench.stats.estimate import Estimate
from benchbench.units import human

_MOST = 4


def foremost(metrics: Mapping[str, Estimate], target: Target | None) -> dict[str, Estimate]:
    """Of many held-out metrics those that people look for first: the target's own, and the loss."""
    wanted = dict.fromkeys((*([target.metric] if target is not None else []), "loss"))
    return {name: metrics[name] for name in wanted if name in metrics}


def neighbours_in_words(advice: Recommendation) -> str:
    """Each neighbouring learning rate with its time; empty where nothing is known of them."""
    return semicolons(_one(one) for one in advice.neighbours or ())


def _one(one: Neighbour) -> str:
    rate = f"{one.learning_rate:g}"
    if one.time_to_target_s is None:
        return tr("{rate} missed the target", rate=rate)
    told = human(one.time_to_target_s, "s")
    if one.source == "measured":
        return tr("{rate} takes {time}", rate=rate, time=told)
    return tr("{rate} is predicted to take {time}, not measured", rate=rate, time=told)


def importance_in_words(importance: Importance | None) -> str:
    """The settings that matter most, with their shares; empty where nothing tells them apart."""
    if importance is None:
        return ""
    return ", ".join(f"{key} {human(share, '%', 2)}" for key, share in list(importance.shares.items())[:_MOST])
