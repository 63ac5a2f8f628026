"""How well a proxy stands for the scenario: whether setups that were measured under both stand in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchbench.record.study import Overrides, Proxy, ProxyPoint, Trial
from benchbench.stats.ranks import kendall_tau
from benchbench.tuning.setups import Setup
from benchbench.tuning.space import identity


@dataclass(frozen=True, kw_only=True)
class UnderProxy:
    """What a search under a proxy measured, and what was found of the proxy."""

    setups: tuple[Setup, ...]
    answer: Proxy

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Its trials, marked as such."""
        return tuple(setup.trial.model_copy(update={"under_proxy": True}) for setup in self.setups)


def agreement(overrides: Overrides, under_proxy: Sequence[Setup], real: Sequence[Setup]) -> Proxy:
    """Compares what both told of the same setups: their times to target where two have both, else their step times.

    Args:
        overrides: the proxy's.
        under_proxy: what was measured under it.
        real: what was measured of the scenario itself.
    """
    points = _points(_times(under_proxy), _times(real), real)
    if len(points) > 1:
        return _answer(overrides, "time_to_target_s", points)
    return _answer(overrides, "step_s", _points(_step_times(under_proxy), _step_times(real), real))


def _answer(overrides: Overrides, compared: str, points: tuple[ProxyPoint, ...]) -> Proxy:
    tau = kendall_tau([p.under_proxy for p in points], [p.real for p in points])
    return Proxy.model_validate({"overrides": overrides, "compared": compared, "points": points, "kendall_tau": tau})


def _points(before: dict[str, float], after: dict[str, float], real: Sequence[Setup]) -> tuple[ProxyPoint, ...]:
    known = {identity(s.trial.overrides): s.trial.overrides for s in real}
    both = [name for name in known if name in before and name in after]
    return tuple(ProxyPoint(overrides=known[n], under_proxy=before[n], real=after[n]) for n in both)


def _times(setups: Sequence[Setup]) -> dict[str, float]:
    reaches = [(s, s.run.repeats[0].reach) for s in setups if s.trained and s.run is not None]
    return _medians([(s, r.time_to_target_s) for s, r in reaches if r is not None])


def _step_times(setups: Sequence[Setup]) -> dict[str, float]:
    return _medians([(s, s.trial.step_s) for s in setups])


def _medians(values: Sequence[tuple[Setup, float | None]]) -> dict[str, float]:
    """Of each setup the median over its measurements."""
    found: dict[str, list[float]] = {}
    for setup, value in values:
        if value is not None:
            found.setdefault(identity(setup.trial.overrides), []).append(value)
    return {name: float(np.median(own)) for name, own in found.items()}
