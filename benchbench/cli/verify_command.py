"""`benchbench verify`: whether what was claimed still holds."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchbench.cli.languages import HELP, page_language

if TYPE_CHECKING:
    from benchbench.executors.rounds import Measured, Plan
    from benchbench.record.machine import Machine
    from benchbench.report.language import Language
    from benchbench.tuning.claims import Case

TRIPPED = 5


class FailIf(StrEnum):
    """What ends the command with exit code 5."""

    BROKEN = "broken"


def command(  # noqa: PLR0913 - one parameter an option
    name: Annotated[
        str,
        typer.Argument(
            metavar="STUDY|SCENARIO.yaml",
            help="a study's id, its beginning or its folder; or a scenario file, such as a study's recommended.yaml",
        ),
    ],
    *,
    repeats: Annotated[int | None, typer.Option(min=1, help="fresh processes of each setup; three or more")] = None,
    fail_if: Annotated[
        FailIf | None, typer.Option("--fail-if", help="exit with 5 where the claim does not hold")
    ] = None,
    out: Annotated[Path, typer.Option(help="the results folder")] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document on stdout")] = False,
    no_report: Annotated[bool, typer.Option("--no-report", help="write no page")] = False,
    lang: Annotated[str, typer.Option(metavar="NAME", help=HELP)] = "en",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what would run and for how long, and run nothing")
    ] = False,
) -> int:
    """Re-run a recommendation, beside the baseline where it claims to be faster, and say whether its claim holds."""
    from benchbench.cli import verify_output
    from benchbench.cli.measuring import check_out, measure_all
    from benchbench.executors.kinds.child import fitting
    from benchbench.hardware.inventory import machine

    here, language = machine(), page_language(lang, no_report=no_report)
    case, file = _case(name, out, repeats)
    verify_output.introduce(case, here)
    _check(case, here, file)
    check_out(out)
    executor = fitting()
    if dry_run:
        return verify_output.dry_run(case, here, executor.foreseen, as_json=as_json)
    measured = measure_all(_plan(case, out, here), executor)
    return _finish(case, here, measured, fail_if, as_json=as_json, language=language)


def _case(name: str, out: Path, repeats: int | None) -> tuple[Case, str | None]:
    """The claim that a user's word means, and the file that it was read from, where that is a scenario."""
    from benchbench.record.lookup import STUDY, find
    from benchbench.scenario.loading import load
    from benchbench.tuning import claims

    if Path(name).suffix not in (".yaml", ".yml") or (out / name / STUDY).is_file():
        return _of_study(find(out, name, (STUDY,)), repeats), None
    (scenario,) = load(name)
    beside = Path(name).parent
    if not (beside / STUDY).is_file():
        return claims.of_scenario(scenario, repeats), name
    from benchbench.cli.verify_output import say_edited
    from benchbench.record.study_store import read_study
    from benchbench.tuning.recommended import recommended_of

    study = read_study(beside)
    if scenario.key == recommended_of(study).key:
        return _of_study(beside, repeats), name
    say_edited(study, scenario)
    return claims.of_scenario(scenario, repeats), name


def _of_study(place: Path, repeats: int | None) -> Case:
    from benchbench.report.subject import study_subject
    from benchbench.tuning import claims

    subject = study_subject(place)
    baseline, recommended = ([r.run for r in runs] for runs in (subject.baseline_runs, subject.recommended_runs))
    return claims.of_study(subject.study, baseline, recommended, repeats)


def _check(case: Case, here: Machine, file: str | None) -> None:
    """Refuses what cannot run here."""
    from benchbench.cli.console import console
    from benchbench.cli.live import Preparation
    from benchbench.executors import preflight

    for scenario in case.scenarios:
        preflight.check(scenario, here, file)
    with Preparation(console()) as shown:
        preflight.check_models(case.scenarios, [file] * len(case.scenarios), (), shown.watch)


def _plan(case: Case, out: Path, here: Machine) -> Plan:
    from benchbench.executors.rounds import Plan

    return Plan(
        scenarios=case.scenarios,
        out=out,
        machine=here,
        command=("benchbench", *sys.argv[1:]),
        first_index=case.first_index,
        test_split=case.objective.reaches,
    )


def _finish(
    case: Case, here: Machine, measured: Measured, fail_if: FailIf | None, *, as_json: bool, language: Language | None
) -> int:
    from benchbench.cli import verify_output
    from benchbench.cli.console import emit
    from benchbench.cli.run_output import shown
    from benchbench.errors import Interrupted
    from benchbench.record.types import Outcome
    from benchbench.tuning.verification import verify

    stored = {one.run.scenario: one for one in measured.stored}
    runs = {scenario: one.run for scenario, one in stored.items()}
    baseline = None if case.baseline is None else runs.get(case.baseline)
    found = verify(case, here, baseline, runs.get(case.recommended))
    page = None if language is None else verify_output.write_page(measured.stored, case, language)
    verify_output.show(found, measured.stored, page)
    if as_json:
        emit(found.answer(shown(page)))
    if measured.interrupted:
        return Interrupted.exit_code
    if fail_if is FailIf.BROKEN and found.verdict == "does-not-hold":
        return TRIPPED
    return 3 if any(s.run.outcome is not Outcome.OK or s.problem for s in stored.values()) else 0
