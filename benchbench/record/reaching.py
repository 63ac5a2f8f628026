"""One repeat's evaluations -> whether and when it reached its target."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from benchbench.record.energy import energy_to_target_j
from benchbench.record.figures import RawLines, is_number, number, stretches
from benchbench.record.types import Reach, RunWarning
from benchbench.scenario.types import Target
from benchbench.stats.crossing import Goal, Look, denied, first_crossing
from benchbench.stats.curves import forecast
from benchbench.stats.estimate import Estimate
from benchbench.stats.plateau import plateau

_FEWEST_FOR_A_FORECAST = 4  # evaluations
_CONFIDENCE = 0.95
# What each is a share of, by the trainer's own count of it: labelled positions, or rows, each right or wrong.
_SHARES = {"accuracy": "validation_labels", "exact_match": "validation_rows", "nsp_accuracy": "validation_rows"}


def goal(target: Target) -> Goal:
    """What a target asks of its metric."""
    bound = target.at_least if target.at_least is not None else target.at_most
    assert bound is not None
    return Goal(bound=bound, rises=target.at_least is not None)


def looks(raw: RawLines, metric: str) -> list[Look]:
    """The evaluations that found a value of a metric."""
    return [
        Look(step=round(line["step"]), training_s=line["training_s"], value=line["metrics"][metric])
        for line in raw.evaluations()
        if is_number(line["metrics"].get(metric))
    ]


def reach(raw: RawLines, target: Target, idle: tuple[float, float] | None = None) -> Reach:
    """Whether and when a repeat's held-out metric met the target.

    The time runs from the start of the first step to the interpolated crossing that the next evaluation confirmed, or
    that the end of the training left to the full held-out split alone; a crossing after the deadline is none.
    Evaluations, checkpoints and the noise scale stand outside of it.

    Args:
        raw: the repeat's lines.
        target: what it trained to.
        idle: when nothing ran, for the power that is subtracted from the training's; None subtracts nothing.
    """
    wanted, found = goal(target), looks(raw, target.metric)
    deadline_s = number((raw.last("plan") or {}).get("deadline_s"))
    crossing = first_crossing(found, wanted, math.inf if deadline_s is None else deadline_s)
    values = [look.value for look in found]
    outside = {
        "best": (max if wanted.rises else min)(values, default=None),
        "evaluation_s": sum(line["evaluation_s"] for line in raw.evaluations()),
        "checkpoint_s": _sum(raw, "checkpoint", "checkpoint_s"),
        "noise_scale_s": _sum(raw, "noise-scale", "noise_scale_s"),
    }
    if crossing is None:
        return Reach(
            reached=False,
            unconfirmed=denied(found, wanted),
            expected_steps=_expected_steps(found, wanted),
            **outside,
        )
    return Reach(
        reached=True,
        time_to_target_s=crossing.training_s,
        steps_to_target=crossing.step,
        confirmed_by="next-evaluation" if crossing.confirmed else "full-held-out",
        unconfirmed=crossing.denied,
        previous_evaluation_s=0.0 if crossing.before is None else crossing.before.training_s,
        previous_evaluation_step=0 if crossing.before is None else crossing.before.step,
        crossing_evaluation_s=crossing.seen.training_s,
        crossing_evaluation_step=crossing.seen.step,
        energy_j=energy_to_target_j(
            raw.telemetry,
            stretches([s for s in raw.steps() if s["step"] <= crossing.seen.step]),
            crossing.training_s,
            idle,
        ),
        **outside,
    )


def ended_early(raw: RawLines) -> Mapping[str, bool]:
    """Whether a repeat was ended before it was done, as facts of it; none where it is silent.

    A training before it could reach its target; a probe whose steps were too slow to be worth knowing better.

    Args:
        raw: the repeat's lines.
    """
    by = (raw.last("ended") or {}).get("by")
    if by == "too-slow":
        return {"stopped_as_too_slow": True}
    return {} if by is None else {"stopped_by_deadline": by in ("deadline", "curve"), "stopped_by_curve": by == "curve"}


def _expected_steps(found: Sequence[Look], wanted: Goal) -> Estimate | None:
    """Where a curve points to; None where it tells nothing, or more likely than not never gets there."""
    told = [look for look in found if look.step > 0]
    expected = forecast(told, wanted) if len(told) >= _FEWEST_FOR_A_FORECAST else None
    middle = None if expected is None else expected.quantile(0.5)
    if expected is None or middle is None:
        return None
    low, high = (expected.quantile(share) for share in ((1 - _CONFIDENCE) / 2, (1 + _CONFIDENCE) / 2))
    return Estimate(value=middle, low=low, high=high, confidence=_CONFIDENCE, n=len(told), unit="steps")


def target_warnings(raw: RawLines, target: Target) -> tuple[RunWarning, ...]:
    """That the target sits on the curve's plateau, where reaching it is a lottery, with a better one.

    Args:
        raw: the repeat's lines.
        target: what it trained to.
    """
    wanted, found = goal(target), looks(raw, target.metric)
    counted = number((raw.last("ready") or {}).get(_SHARES.get(target.metric, "")))
    judged = plateau(found, wanted, first_crossing(found, wanted), None if counted is None else round(counted))
    if judged is None:
        return ()
    bound = "at_least" if wanted.rises else "at_most"
    moves = "the curve is flat within its noise there"
    if judged.share is not None and math.isfinite(judged.share):
        moves = f"one standard error of the {target.metric} moves the time to target by {judged.share:.0%}"
    message = f"{bound} {wanted.bound:g} sits on the plateau: {moves}; {bound}: {judged.proposal:.3g} is a measurement"
    return (RunWarning(code="target-at-plateau", message=message),)


def _sum(raw: RawLines, event: str, field: str) -> float:
    """A field's sum over the events of a kind."""
    return float(sum(line[field] for line in raw.of(event) if is_number(line.get(field))))
