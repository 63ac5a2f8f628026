"""A repeat gets the peak of its device, and is invalid where its numbers cannot be."""

from __future__ import annotations

from pathlib import Path

from benchbench.executors.admission import NoPeaks, admitted
from benchbench.executors.kinds.fake import FakeExecutor
from benchbench.executors.rounds import Plan, measure
from benchbench.record.peaks import Peak
from benchbench.record.types import Outcome, Repeat
from benchbench.scenario.scenario import Scenario
from tests.record.lines import MACHINE, figures_of, repeat

SCENARIO = Scenario.model_validate({"name": "t", "model": {"family": "bert"}, "task": "sequence-classification"})


def peak(flops_per_s: float) -> Peak:
    return Peak(device="cpu", precision="fp32", threads=1, flops_per_s=flops_per_s, bytes_per_s=1e9)


class Book:
    """Knows one peak, and another one when it is asked again."""

    def __init__(self, first: float, second: float = 0.0) -> None:
        self.first, self.second, self.asked_again = first, second, 0

    def of(self, scenario: Scenario) -> Peak:
        return peak(self.first)

    def again(self, scenario: Scenario) -> Peak:
        self.asked_again += 1
        return peak(max(self.first, self.second))


def computing(flops_per_s: float, outcome: Outcome = Outcome.OK) -> Repeat:
    facts = {"flops_per_step": 0.1 * flops_per_s, "model_flops_per_step": 0.1 * flops_per_s}
    return repeat(0, outcome, figures=figures_of(0.1), facts=facts)


def test_a_possible_repeat_gets_its_peak_and_stays_what_it_is() -> None:
    book = Book(100.0)
    found = admitted(computing(90.0), SCENARIO, MACHINE, book)
    assert found == computing(90.0).model_copy(update={"peak": peak(100.0)})
    assert book.asked_again == 0


def test_a_peak_that_is_outdone_is_measured_again_and_may_be_put_right() -> None:
    book = Book(100.0, 200.0)
    found = admitted(computing(150.0), SCENARIO, MACHINE, book)
    assert (found.outcome, found.peak, book.asked_again) == (Outcome.OK, peak(200.0), 1)


def test_what_is_impossible_still_is_invalid_with_its_reason() -> None:
    found = admitted(computing(150.0), SCENARIO, MACHINE, Book(100.0, 110.0))
    assert found.outcome is Outcome.INVALID
    assert found.failure is not None
    assert found.failure.kind == "above-measured-peak"
    assert found.figures is not None, "what was measured is kept"


def test_a_repeat_that_failed_keeps_its_own_reason() -> None:
    assert admitted(computing(150.0, Outcome.CRASHED), SCENARIO, MACHINE, Book(100.0)).outcome is Outcome.CRASHED
    assert admitted(repeat(figures=None), SCENARIO, MACHINE, Book(100.0)).peak is None


def test_where_nothing_was_measured_nothing_is_judged_by_it() -> None:
    assert admitted(computing(1e30), SCENARIO, MACHINE, NoPeaks()).outcome is Outcome.OK


def test_rounds_admit_what_they_store_and_examine_the_first_repeat_alone(tmp_path: Path) -> None:
    executor = FakeExecutor()
    plan = Plan(scenarios=[SCENARIO], out=tmp_path, machine=MACHINE, peaks=Book(100.0), examine=True, first_index=2)
    (stored,) = measure(plan, executor).stored
    assert [r.peak for r in stored.run.repeats] == [peak(100.0)] * 3
    assert [r.examine for r in executor.requests] == [True, False, False]
    plain = FakeExecutor()
    measure(Plan(scenarios=[SCENARIO], out=tmp_path, machine=MACHINE), plain)
    assert not any(r.examine for r in plain.requests)
