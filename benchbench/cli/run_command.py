"""`benchbench run`: measures scenarios."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchbench.cli.languages import HELP, page_language

if TYPE_CHECKING:
    from benchbench.executors.rounds import Measured
    from benchbench.report.language import Language
    from benchbench.scenario.scenario import Scenario

DEFAULT_OUT = Path("results")


def command(  # noqa: PLR0913 - one parameter an option
    scenarios: Annotated[list[Path], typer.Argument(metavar="SCENARIO...", help="scenario files")],
    *,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="change a setting; a key given twice makes variants"),
    ] = None,
    repeats: Annotated[
        int | None, typer.Option(min=1, help="fresh processes, instead of the scenario's own number")
    ] = None,
    out: Annotated[Path, typer.Option(help="the results folder")] = DEFAULT_OUT,
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document on stdout")] = False,
    no_report: Annotated[bool, typer.Option("--no-report", help="write no page")] = False,
    lang: Annotated[str, typer.Option(metavar="NAME", help=HELP)] = "en",
    resume: Annotated[
        bool, typer.Option("--resume", help="finish the newest run of the scenario that was killed, under its id")
    ] = False,
    prometheus: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="keep a file in Prometheus' text format while it runs (textfile collector)"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what would run and for how long, and run nothing")
    ] = False,
) -> int:
    """Measure one or more scenarios, each repeat in a fresh process, and store what was seen."""
    from benchbench.cli import run_output
    from benchbench.cli.console import console
    from benchbench.cli.live import Preparation
    from benchbench.cli.measuring import check_file, check_out, measure_all, take_up_all
    from benchbench.executors import preflight
    from benchbench.hardware.inventory import machine
    from benchbench.scenario.loading import load, parse_override, vary

    here, language = machine(), page_language(lang, no_report=no_report)
    chosen: list[Scenario] = []
    files: list[str] = []
    changed = [parse_override(text)[0] for text in overrides or []]
    for file in scenarios:
        for scenario in load(file, overrides or []):
            preflight.check(scenario, here, str(file), changed)
            chosen.append(vary(scenario, {"measure.repeats": repeats}) if repeats else scenario)
            files.append(str(file))
    check_out(out)
    check_file(prometheus, "--prometheus")
    taken = take_up_all(chosen, out, here) if resume else {}
    if resume:
        chosen, files = [chosen[at] for at in taken], [files[at] for at in taken]
    with Preparation(console()) as shown:
        preflight.check_models(chosen, files, changed, shown.watch)
    from benchbench.executors.kinds.child import fitting
    from benchbench.executors.rounds import Plan

    executor = fitting()
    if dry_run:
        return run_output.dry_run(chosen, here, executor.foreseen, as_json=as_json)
    plan = Plan(scenarios=chosen, out=out, machine=here, command=("benchbench", *sys.argv[1:]), taken=[*taken.values()])
    measured = measure_all(plan, executor, prometheus)
    return _finish(measured, as_json=as_json, language=language)


def _finish(measured: Measured, *, as_json: bool, language: Language | None) -> int:
    from benchbench.cli import run_output
    from benchbench.errors import Interrupted
    from benchbench.record.types import Outcome

    stored = measured.stored
    page = None if language is None else run_output.write_page(stored, language)
    run_output.show(stored, page)
    if as_json:
        run_output.emit_runs(stored, page)
    if measured.interrupted:
        return Interrupted.exit_code
    failed = any(s.run.outcome is not Outcome.OK or s.problem for s in stored)
    return 3 if failed else 0
