"""What becomes of a repeat once it is measured: it gets its device's measured peak, and is invalid if it cannot be."""

from __future__ import annotations

from typing import Protocol

from benchbench.record.machine import Machine
from benchbench.record.peaks import Peak
from benchbench.record.types import Failure, Outcome, Repeat
from benchbench.record.validity import Impossible, impossible
from benchbench.scenario.scenario import Scenario


class Peaks(Protocol):
    """Knows what the device of a scenario was measured to be able to do."""

    def of(self, scenario: Scenario) -> Peak | None:
        """The peak in the scenario's precision; None where nobody measured it."""
        ...

    def again(self, scenario: Scenario) -> Peak | None:
        """The peak, after another measurement: never less than before."""
        ...


class NoPeaks:
    """Where nothing was measured."""

    def of(self, scenario: Scenario) -> Peak | None:  # noqa: ARG002 - the protocol's
        """See `Peaks`."""
        return None

    def again(self, scenario: Scenario) -> Peak | None:  # noqa: ARG002 - the protocol's
        """See `Peaks`."""
        return None


def admitted(repeat: Repeat, scenario: Scenario, machine: Machine, peaks: Peaks) -> Repeat:
    """A repeat with its device's measured peak; with the outcome `invalid` if a number of it cannot be.

    A peak that a repeat outdoes is measured again first: the machine may have been busy when it was measured before.

    Args:
        repeat: as its executor returned it.
        scenario: what was asked.
        machine: where it ran.
        peaks: what was measured there.
    """
    if repeat.figures is None:
        return repeat
    found = repeat.model_copy(update={"peak": peaks.of(scenario)})
    problem = impossible(found, scenario, machine)
    if problem is not None and problem.kind == "above-measured-peak":
        found = repeat.model_copy(update={"peak": peaks.again(scenario)})
        problem = impossible(found, scenario, machine)
    return found if problem is None or found.outcome is not Outcome.OK else _invalid(found, problem)


def _invalid(repeat: Repeat, problem: Impossible) -> Repeat:
    failure = Failure(kind=problem.kind, message=problem.message)
    return repeat.model_copy(update={"outcome": Outcome.INVALID, "failure": failure})
