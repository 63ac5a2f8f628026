"""What a recommended setup must hold: `search.constraints`, each as a limit that a repeat keeps or breaks.

Every repeat of a setup is held to it, those of the confirmation too. A setup that breaks a limit is measured data: it
is kept and shown with the reason, and never recommended. What a repeat does not tell cannot be held, and breaks it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from benchbench.errors import InputError
from benchbench.record.types import Outcome, Repeat
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.search_types import Bound
from benchbench.units import human

SECTION = "search.constraints"
UNKNOWN = 1.0  # the excess of what is not known: as if it were twice its bound
_HOUR_S = 3600.0


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One constraint.

    Attributes:
        key: its dotted key.
        what: is held, in words;  unit: of its values.
        bound: that it may not pass.
        least: whether the bound is the lowest value that is allowed, not the highest.
        of_steps: whether it depends on what moves seconds per step alone, so that a probe tells it.
        read: a repeat's value; None where it is not told.
    """

    key: str
    what: str
    unit: str
    bound: float
    read: Callable[[Repeat], float | None]
    least: bool = False
    of_steps: bool = False

    @property
    def described(self) -> str:
        """What it asks for, in words."""
        return f"{self.what} of at {'least' if self.least else 'most'} {self._shown(self.bound)} ({self.key})"

    def asked_of(self, repeat: Repeat) -> bool:
        """Whether a repeat can tell it: any that took steps; of a training to the target one that reached it."""
        if repeat.outcome is not Outcome.OK:
            return False
        if self.of_steps:
            return repeat.figures is not None
        return repeat.reach is not None and repeat.reach.reached

    def excess(self, repeat: Repeat) -> float:
        """How far a repeat is beyond the bound, relative to it; 0 or less where it holds."""
        value = self.read(repeat)
        if value is None:
            return UNKNOWN
        beyond = self.bound - value if self.least else value - self.bound
        return beyond / max(abs(self.bound), 1e-9)

    def breach(self, repeat: Repeat) -> str | None:
        """How a repeat breaks it, in words; None where it holds."""
        if self.excess(repeat) <= 0:
            return None
        value = self.read(repeat)
        if value is None:
            return f"{self.what} is not known, so {self.key} cannot be held"
        beyond = "below" if self.least else "over"
        return f"{self.what} {self._shown(value)} is {beyond} the {self._shown(self.bound)} of {self.key}"

    def _shown(self, value: float) -> str:
        return human(value, self.unit) if self.unit else f"{value:.4g}"


@dataclass(frozen=True)
class Limits:
    """All constraints of a search; none, mostly."""

    every: tuple[Limit, ...] = ()

    def breaches(self, repeats: Iterable[Repeat]) -> tuple[str, ...]:
        """How repeats of a setup break the limits, one text a limit: that of the repeat which breaks it most."""
        by_limit = (
            (limit, [r for r in repeats if limit.asked_of(r)]) for repeats in [tuple(repeats)] for limit in self
        )
        worst = ((limit, max(asked, key=limit.excess)) for limit, asked in by_limit if asked)
        return tuple(told for limit, repeat in worst if (told := limit.breach(repeat)) is not None)

    def excesses(self, repeat: Repeat) -> Mapping[str, float]:
        """How far a repeat is beyond each limit, by its key; 0 where it is not asked for."""
        return {limit.key: limit.excess(repeat) if limit.asked_of(repeat) else 0.0 for limit in self}

    def of_steps(self, repeat: Repeat) -> tuple[float | None, ...]:
        """Of each limit that depends on what moves seconds per step alone, the value over its bound."""
        return tuple(
            None if not limit.asked_of(repeat) or (value := limit.read(repeat)) is None else value / limit.bound
            for limit in self
            if limit.of_steps
        )

    def untold(self, repeat: Repeat) -> tuple[str, ...]:
        """The keys of limits that a repeat should tell and does not."""
        return tuple(limit.key for limit in self if limit.asked_of(repeat) and limit.read(repeat) is None)

    def __iter__(self) -> Iterator[Limit]:
        """One after the other."""
        return iter(self.every)

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self.every)


def limits_of(scenario: Scenario, *, trains: bool, replayed_from: str | None = None) -> Limits:
    """The limits that a scenario sets.

    Args:
        scenario: what is searched.
        trains: whether trainings to a target are measured.
        replayed_from: the table that answers in place of a machine.

    Raises:
        InputError: one that cannot be measured so; names its key.
    """
    asked = scenario.search.constraints
    if replayed_from is not None:
        _check_replayed(scenario, replayed_from)
    found = []
    if asked.peak_memory is not None:
        found.append(_limit("peak_memory", "peak memory", "bytes", asked.peak_memory, _peak_memory))
    if asked.power_w is not None:
        found.append(_limit("power_w", "mean power", "W", asked.power_w, _power))
    if asked.cost is not None:
        _check_trains("cost", trains=trains)
        found.append(_cost(scenario, asked.cost))
    for name, bound in asked.metric.items():
        _check_trains(f"metric.{name}", trains=trains)
        found.append(_metric(name, bound))
    return Limits(tuple(found))


def _limit(name: str, what: str, unit: str, bound: float, read: Callable[[Repeat], float | None]) -> Limit:
    return Limit(key=f"{SECTION}.{name}", what=what, unit=unit, bound=float(bound), read=read, of_steps=True)


def _peak_memory(repeat: Repeat) -> float | None:
    return None if repeat.figures is None else repeat.figures.peak_memory_bytes


def _power(repeat: Repeat) -> float | None:
    figures = repeat.figures
    return None if figures is None else figures.power_w if figures.power_w is not None else figures.energy_w


def _cost(scenario: Scenario, most: float) -> Limit:
    price = scenario.hardware.price_per_hour
    if not price:
        raise InputError(
            "needs the price of an hour of this machine, above 0; add hardware: {price_per_hour: 2.5} to the scenario",
            key=f"{SECTION}.cost",
        )
    price_per_s = price / _HOUR_S

    def read(repeat: Repeat) -> float | None:
        time_s = None if repeat.reach is None else repeat.reach.time_to_target_s
        return None if time_s is None else price_per_s * time_s

    return Limit(key=f"{SECTION}.cost", what="the cost of a training", unit="", bound=most, read=read)


def _metric(name: str, bound: Bound) -> Limit:
    least = bound.at_least is not None
    value = bound.at_least if bound.at_least is not None else bound.at_most
    assert value is not None
    return Limit(
        key=f"{SECTION}.metric.{name}",
        what=f"held-out {name}",
        unit="",
        bound=value,
        read=lambda repeat: repeat.final_metrics.get(name),
        least=least,
    )


def _check_trains(name: str, *, trains: bool) -> None:
    if not trains:
        raise InputError(
            "only a training to a target tells it, and throughput is measured here; add a target to the scenario and "
            "use --objective time, energy or cost, or leave this constraint out",
            key=f"{SECTION}.{name}",
        )


def _check_replayed(scenario: Scenario, table: str) -> None:
    """A table has step times, times to target and peak memory; no power and no metrics."""
    asked = scenario.search.constraints
    missing = ["power_w"] if asked.power_w is not None else []
    for name in [*missing, *(f"metric.{name}" for name in asked.metric)]:
        raise InputError(
            f"{table} cannot tell it: recorded tables hold times and peak memory, no power and no metrics; leave it "
            "out, or measure on a machine",
            key=f"{SECTION}.{name}",
        )
