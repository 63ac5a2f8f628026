"""What a search minimises, one thing or two. A class each; a repeat goes in, one number comes out, or none."""

from __future__ import annotations

from typing import ClassVar, Protocol

from benchbench.errors import InputError, nearest
from benchbench.record.study import Objective as Name
from benchbench.record.types import Outcome, Repeat
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.types import Target

NAMES: tuple[Name, ...] = ("time", "energy", "cost", "throughput")
MOST = 2  # objectives at once
_HOUR_S = 3600.0
_FLAG = "--objective"
MISS = 1.0
FAILURE = 2.0


class Objective(Protocol):
    """What is minimised.

    Attributes:
        name: as `--objective` has it.
        unit: of its values.
        margin: two setups whose ratio lies within it of 1 are the same to a user.
        reaches: whether a repeat can end well and still have no value (it missed its target).
    """

    name: ClassVar[Name]
    unit: ClassVar[str]
    margin: ClassVar[float]
    reaches: ClassVar[bool]

    def prepare(self, scenario: Scenario) -> Scenario:
        """The scenario with the procedure that measures this objective.

        Raises:
            ScenarioError: it cannot be measured so.
        """
        ...

    def value(self, repeat: Repeat) -> float | None:
        """A repeat's value; None when it has none."""
        ...

    def shortfall(self, repeat: Repeat, scenario: Scenario) -> float:
        """How far a repeat without a value is from having one: up to `MISS` for a miss, `FAILURE` for a failure."""
        ...

    def per_second(self, repeat: Repeat) -> float | None:
        """What is minimised, a second on the training clock; None where that is not known, or no time is trained."""
        ...


class TimeToTarget:
    """Training seconds until the held-out metric meets the target."""

    name: ClassVar[Name] = "time"
    unit: ClassVar[str] = "s"
    margin: ClassVar[float] = 0.05
    reaches: ClassVar[bool] = True

    def prepare(self, scenario: Scenario) -> Scenario:
        """See `Objective`."""
        return vary(scenario, {"measure.procedure": "time-to-target"})

    def value(self, repeat: Repeat) -> float | None:
        """See `Objective`."""
        if repeat.outcome is not Outcome.OK or repeat.reach is None or not repeat.reach.reached:
            return None
        return repeat.reach.time_to_target_s

    def shortfall(self, repeat: Repeat, scenario: Scenario) -> float:
        """See `Objective`; a miss counts by how far its best evaluation was from the target."""
        if not is_miss(repeat):
            return FAILURE
        if repeat.outcome is not Outcome.OK or repeat.reach is None or repeat.reach.best is None:
            return MISS
        assert scenario.target is not None
        return _relative_gap(scenario.target, repeat.reach.best)

    def per_second(self, repeat: Repeat) -> float | None:  # noqa: ARG002 - see `Objective`
        """See `Objective`."""
        return 1.0


class EnergyToTarget(TimeToTarget):
    """Joules of training until the held-out metric meets the target; a machine that does not tell them has no value."""

    name: ClassVar[Name] = "energy"
    unit: ClassVar[str] = "J"

    def value(self, repeat: Repeat) -> float | None:
        """See `Objective`."""
        return repeat.reach.energy_j if super().value(repeat) is not None and repeat.reach is not None else None

    def per_second(self, repeat: Repeat) -> float | None:
        """See `Objective`."""
        return None if repeat.figures is None else repeat.figures.energy_w or repeat.figures.power_w


class CostToTarget(TimeToTarget):
    """Money until the held-out metric meets the target, in the currency of `hardware.price_per_hour`."""

    name: ClassVar[Name] = "cost"
    unit: ClassVar[str] = ""

    def __init__(self, price_per_hour: float) -> None:
        self._price_per_s = price_per_hour / _HOUR_S

    def value(self, repeat: Repeat) -> float | None:
        """See `Objective`."""
        time_s = super().value(repeat)
        return None if time_s is None else self._price_per_s * time_s

    def per_second(self, repeat: Repeat) -> float | None:  # noqa: ARG002 - see `Objective`
        """See `Objective`."""
        return self._price_per_s


class Throughput:
    """Seconds a sample over the measured steps."""

    name: ClassVar[Name] = "throughput"
    unit: ClassVar[str] = "s/sample"
    margin: ClassVar[float] = 0.02
    reaches: ClassVar[bool] = False

    def prepare(self, scenario: Scenario) -> Scenario:
        """See `Objective`."""
        return vary(scenario, {"measure.procedure": "throughput"})

    def value(self, repeat: Repeat) -> float | None:
        """See `Objective`."""
        if repeat.outcome is not Outcome.OK or repeat.figures is None:
            return None
        return repeat.figures.step_s / repeat.figures.samples_per_step

    def shortfall(self, repeat: Repeat, scenario: Scenario) -> float:  # noqa: ARG002 - see `Objective`
        """See `Objective`."""
        return FAILURE

    def per_second(self, repeat: Repeat) -> float | None:  # noqa: ARG002 - see `Objective`
        """See `Objective`."""
        return None


class ThroughputToTarget(TimeToTarget):
    """Seconds a sample of trainings that reach their target: throughput, where it is one of two objectives."""

    name: ClassVar[Name] = Throughput.name
    unit: ClassVar[str] = Throughput.unit
    margin: ClassVar[float] = Throughput.margin

    def value(self, repeat: Repeat) -> float | None:
        """See `Objective`."""
        if super().value(repeat) is None or repeat.figures is None:
            return None
        return repeat.figures.step_s / repeat.figures.samples_per_step

    def per_second(self, repeat: Repeat) -> float | None:  # noqa: ARG002 - see `Objective`
        """See `Objective`."""
        return None


def is_miss(repeat: Repeat) -> bool:
    """Whether a repeat trained and did not reach its target; a divergence is a miss, any other failure is not."""
    missed = repeat.outcome is Outcome.OK and repeat.reach is not None and not repeat.reach.reached
    return missed or repeat.outcome is Outcome.DIVERGED


def _relative_gap(target: Target, best: float) -> float:
    bound = target.at_least if target.at_least is not None else target.at_most
    assert bound is not None
    gap = abs(bound - best) / max(abs(bound), 1e-9)
    return MISS * max(gap / (1 + gap), 1e-6)


def choose_all(names: str | None, scenario: Scenario) -> tuple[Objective, ...]:
    """The one or two objectives that `--objective` names; the first is the one that a recommendation speaks of.

    Args:
        names: as it was written, two with a comma between them; None: the scenario's own.
        scenario: what is searched.

    Raises:
        InputError: no such objective, more than two, the same one twice, or what `choose` says of one.
    """
    wanted = [None] if names is None else [name.strip() for name in names.split(",")]
    if len(wanted) > MOST:
        raise InputError(f"{names!r} are {len(wanted)} objectives; give one, or two such as time,energy", key=_FLAG)
    if len(set(wanted)) < len(wanted):
        raise InputError(f"{names!r} names one objective twice; give one, or two such as time,energy", key=_FLAG)
    found = tuple(choose(name, scenario) for name in wanted)
    if not any(objective.reaches for objective in found):
        return found
    return tuple(ThroughputToTarget() if isinstance(one, Throughput) else one for one in found)


def choose(name: str | None, scenario: Scenario) -> Objective:
    """The objective of a name, or the scenario's own: time where it has a target, else throughput.

    Raises:
        InputError: no such objective, or one that lacks a target or a price.
    """
    wanted = name if name is not None else "time" if scenario.target is not None else "throughput"
    if wanted not in NAMES:
        raise InputError(f"unknown objective {wanted!r}: {nearest(wanted, NAMES)}", key=_FLAG)
    if wanted == "throughput":
        return Throughput()
    if scenario.target is None:
        raise InputError(
            f"{wanted} needs a target to train to; add one to the scenario, such as "
            "target: {metric: accuracy, at_least: 0.9}, or use --objective throughput",
            key="target",
        )
    if wanted == "energy":
        return EnergyToTarget()
    if wanted == "time":
        return TimeToTarget()
    if not scenario.hardware.price_per_hour:
        raise InputError(
            "cost needs the price of an hour of this machine, above 0; add hardware: {price_per_hour: 2.5} to the "
            "scenario",
            key="hardware.price_per_hour",
        )
    return CostToTarget(scenario.hardware.price_per_hour)
