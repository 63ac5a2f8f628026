"""`benchbench tune`: finds the fastest setup within a budget."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict, cast

import typer

if TYPE_CHECKING:
    from benchbench.executors.base import Executor
    from benchbench.tuning.setups import Question
    from benchbench.tuning.tune import TuneRequest

DEFAULT_SCENARIO = Path("scenarios/bert_base.yaml")
_TARGET_NOT_REACHED = 4
_ENGINES = ("local", "ray", "slurm")


class Options(TypedDict):
    """The options that go into a request as they are."""

    out: Path
    trials: int | None
    study: str | None
    seed: int
    objective: str | None


def command(  # noqa: PLR0913 - one parameter an option
    scenario: Annotated[Path | None, typer.Argument(metavar="[SCENARIO]", help="a scenario file")] = None,
    *,
    budget: Annotated[str, typer.Option(metavar="TIME", help="wall-clock time for everything, such as 30m or 2h")],
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="change a setting of the scenario")
    ] = None,
    trials: Annotated[
        int | None, typer.Option(min=1, help="measure at most this many setups, the baseline among them")
    ] = None,
    engine: Annotated[str, typer.Option(help="local, ray or slurm")] = "local",
    workers: Annotated[int, typer.Option(min=1, help="setups measured at a time")] = 1,
    storage: Annotated[str | None, typer.Option(metavar="URL", help="Optuna storage to share a study")] = None,
    study: Annotated[str | None, typer.Option(metavar="NAME", help="the study's name; without it, a new one")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="take up an earlier study")] = False,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="of the search's random choices")] = 0,
    executor: Annotated[str, typer.Option(metavar="NAME", help="what carries out the trainings")] = "child",
    records: Annotated[Path | None, typer.Option(metavar="FILE", help="a recorded surface to replay")] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="time, energy, cost or throughput; without it, time where the scenario has a target, else throughput",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="the results folder")] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document on stdout")] = False,
    no_report: Annotated[bool, typer.Option("--no-report", help="write no page")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what would run, for how long and why, and run nothing")
    ] = False,
) -> int:
    """Search a scenario's space for the fastest setup, and measure it beside what you run today."""
    from benchbench import registry
    from benchbench.cli import tune_output
    from benchbench.cli.console import console
    from benchbench.cli.live import Preparation
    from benchbench.cli.measuring import check_out
    from benchbench.executors import preflight
    from benchbench.scenario.loading import parse_override

    _refuse_what_comes_later(engine=engine, workers=workers, storage=storage, resume=resume, records=records)
    file = scenario or _default_scenario()
    if scenario is None:
        tune_output.say(f"no scenario was named: tuning {file}")
    options: Options = {"out": out, "trials": trials, "study": study, "seed": seed, "objective": objective}
    request = _request(file, overrides or [], budget, options)
    question = _checked(request, file)
    changed = [parse_override(text)[0] for text in overrides or []]
    with Preparation(console()) as shown:
        preflight.check_models([question.baseline], [str(file)], changed, shown.watch)
    make = cast("Callable[[], Executor]", registry.load(registry.EXECUTORS, executor))
    if dry_run:
        return tune_output.dry_run(request, question, as_json=as_json)
    check_out(out)
    return _tune(request, question, make(), as_json=as_json, report=not no_report)


def _tune(request: TuneRequest, question: Question, executor: Executor, *, as_json: bool, report: bool) -> int:
    from benchbench.cli import tune_output
    from benchbench.cli.tune_live import display_for
    from benchbench.errors import Interrupted
    from benchbench.executors.lock import machine_lock
    from benchbench.tuning.tune import tune

    holder = " ".join(request.command)[:200]
    with machine_lock(tune_output.say, holder) as lock_fd, display_for(question) as display:
        stored = tune(replace(request, lock_fd=lock_fd), executor, display.watch)
    page = tune_output.write_page(stored) if report else None
    tune_output.show(stored, page)
    if as_json:
        tune_output.emit_study(stored, page)
    if stored.interrupted:
        return Interrupted.exit_code
    return _TARGET_NOT_REACHED if stored.study.recommendation.verdict == "target-not-reached" else 0


def _default_scenario() -> Path:
    """The one to tune when none is named: the folder's, else the one that came with the package."""
    if DEFAULT_SCENARIO.is_file():
        return DEFAULT_SCENARIO
    import benchbench

    return Path(benchbench.__file__).parent / "shipped" / DEFAULT_SCENARIO.name


def _request(file: Path, overrides: Sequence[str], budget: str, options: Options) -> TuneRequest:
    from benchbench.errors import InputError
    from benchbench.executors import preflight
    from benchbench.hardware.inventory import machine
    from benchbench.scenario.loading import load
    from benchbench.tuning.budget import parse_budget
    from benchbench.tuning.tune import TuneRequest

    budget_s = parse_budget(budget)
    variants = load(file, overrides)
    if len(variants) > 1:
        raise InputError(
            "a search takes one scenario, and a key that is given twice makes several; to search its values write "
            "--set 'search.space.KEY=[VALUE, VALUE]'",
            key="--set",
        )
    here = machine()
    return TuneRequest(
        scenario=variants[0],
        budget_s=budget_s,
        machine=here,
        command=("benchbench", *sys.argv[1:]),
        admit=lambda candidate: preflight.check(candidate, here),
        **options,
    )


def _checked(request: TuneRequest, file: Path) -> Question:
    from benchbench.errors import InputError
    from benchbench.scenario import engines
    from benchbench.tuning.tune import question_of

    try:
        engines.check_search(request.scenario)
        return question_of(request)
    except InputError as error:
        if not (error.key or "").startswith("--"):
            error.file = error.file or str(file)
        raise


def _refuse_what_comes_later(
    *, engine: str, workers: int, storage: str | None, resume: bool, records: Path | None
) -> None:
    from benchbench.errors import InputError, UnsupportedError, nearest

    if engine not in _ENGINES:
        raise InputError(f"unknown engine {engine!r}: {nearest(engine, _ENGINES)}", key="--engine")
    later = {
        "--engine": engine != "local",
        "--workers": workers > 1,
        "--storage": storage is not None,
        "--resume": resume,
        "--records": records is not None,
    }
    for flag in (flag for flag, given in later.items() if given):
        raise UnsupportedError("not implemented yet; leave it out", key=flag)
