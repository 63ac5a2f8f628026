"""What `verify` says: of the claim before it is measured, and of the verdict."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchbench.cli import compare_output, run_output
from benchbench.cli.console import console, emit
from benchbench.cli.run_output import shown
from benchbench.errors import InputError
from benchbench.executors.fitting import Fit
from benchbench.executors.going import Stored
from benchbench.record import differences
from benchbench.record.differences import Leaf
from benchbench.record.machine import Machine
from benchbench.record.study import Study
from benchbench.scenario.scenario import Scenario
from benchbench.stats.estimate import Estimate
from benchbench.tuning.claims import Case
from benchbench.tuning.recommended import recommended_of
from benchbench.tuning.verification import Check, Verification, other_machine
from benchbench.units import human

if TYPE_CHECKING:
    from rich.table import Table

    from benchbench.report.language import Language

_PARTS = {
    "speedup": "speed-up", "target": "reaches the target", "constraints": "holds the constraints",
    "time_to_target_s": "time to target", "step_s": "time a step",
}  # fmt: skip
_VERDICTS = {"holds": "holds", "does-not-hold": "does not hold", "inconclusive": "inconclusive"}


def introduce(case: Case, here: Machine) -> None:
    """What is claimed, and that this is another machine, where it is one."""
    elsewhere = other_machine(case, here)
    if elsewhere:
        _say(
            f"this is not the machine of the study ({_told(elsewhere)}): its speed-up is judged here, its times are not"
        )
    claim = case.claim
    if claim.speedup is not None:
        speedup = f"{_value(claim.speedup)} over the baseline"
        _say(f"{case.study} claims a speed-up of {speedup} ({claim.verdict}); both are measured again")
    elif case.study is not None:
        _say(f"{case.study} claims no speed-up ({claim.verdict}); what it recommends is measured again")
    else:
        _say("no study stands beside this scenario: it is measured against its target alone")


def say_edited(study: Study, scenario: Scenario) -> None:
    """That a file beside a study is not what the study recommends."""
    changed = differences.settings(recommended_of(study), scenario)
    _say(f"this file is not what {study.study} recommends ({_told(changed)}), so the study's claim is not judged")


def dry_run(case: Case, here: Machine, foreseen: Callable[[Scenario], Fit | None], *, as_json: bool) -> int:
    """Says what would be measured and for about how long."""
    run_output.dry_run(case.scenarios, here, foreseen, as_json=False)
    if as_json:
        repeats = case.recommended.measure.repeats
        emit({
            "schema": 1, "dry_run": True, "study": case.study, "claim": case.claim.document(), "repeats": repeats,
            "scenario_keys": [scenario.key for scenario in case.scenarios],
        })  # fmt: skip
    return 0


def write_page(stored: Sequence[Stored], case: Case, language: Language) -> Path | None:
    """The page of the runs: that of a comparison with the baseline, where there is one to compare with."""
    from benchbench.record.comparing import compare
    from benchbench.report.subject import ComparisonSubject, RunSubject

    if len(stored) < 2:
        return run_output.write_page(stored, language)
    try:
        found = compare([one.run for one in stored], case.objective.margin)
    except InputError:  # one of them has nothing to compare
        return run_output.write_page(stored, language)
    runs = tuple(RunSubject(run=one.run, folder=one.folder) for one in stored)
    return compare_output.write_page(
        ComparisonSubject(comparison=found, runs=runs, command=("benchbench", *sys.argv[1:])), language
    )


def show(found: Verification, stored: Sequence[Stored], page: Path | None) -> None:
    """The verdict, its parts beside what was claimed, and what differs from then; on stderr."""
    if found.checks:
        console().print(_table(found.checks))
    _say(f"the claim {'is ' if found.verdict == 'inconclusive' else ''}{_VERDICTS[found.verdict]}: {found.reason}")
    for line in _beside_the_time(found):
        _say(line)
    if found.differs:
        _say(f"different from then: {_told(found.differs)}")
    for one in stored:
        failure = one.run.failure
        if failure is not None:
            _say(f"{one.run.id} {one.run.outcome.value}: {failure.message}")
        told = f"the result could not be stored: {one.problem}" if one.problem else f"stored in {shown(one.folder)}"
        _say(told)
    if page is not None:
        _say(f"page: {shown(page)}")


def _beside_the_time(found: Verification) -> list[str]:
    """The metrics on the test split, then and now, and what the study says of the neighbouring learning rates."""
    from benchbench.tuning.neighbours import fragility

    claim, measured = found.claim, found.measured
    lines = [
        f"test {name}: {_value(claim.test_metrics.get(name)) or 'nothing'} claimed, {_value(value)} measured"
        for name, value in measured.test_metrics.items()
    ]
    time_s = None if claim.time_to_target_s is None else claim.time_to_target_s.value
    return [*lines, *(f"{warning.message}, its study found" for warning in fragility(claim.neighbours, time_s))]


def _table(checks: Sequence[Check]) -> Table:
    from rich.table import Table

    table = Table("", "claimed", "measured", "verdict", box=None)
    for check in checks:
        table.add_row(_PARTS[check.of], _value(check.claimed), _value(check.measured), _VERDICTS[check.verdict])
    return table


def _value(value: Estimate | float | None) -> str:
    from benchbench.report.wording import with_interval

    if isinstance(value, Estimate):
        return with_interval(value)
    return "" if value is None else human(value, "%")


def _told(differing: Mapping[str, tuple[Leaf, Leaf]]) -> str:
    return "; ".join(f"{key} {then} then, {now} now" for key, (then, now) in differing.items())


def _say(message: str) -> None:
    console().print(message, markup=False)
