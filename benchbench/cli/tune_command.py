"""`benchbench tune`: finds the fastest setup within a budget."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypedDict

import typer

from benchbench.cli.languages import HELP, page_language

if TYPE_CHECKING:
    from benchbench.cli.tune_ground import Ground
    from benchbench.report.language import Language
    from benchbench.scenario.scenario import Scenario
    from benchbench.tuning.moments import Moment
    from benchbench.tuning.setups import Question
    from benchbench.tuning.tune import TuneRequest

DEFAULT_SCENARIO = Path("scenarios/bert_base.yaml")
_TARGET_NOT_REACHED = 4
_ENGINES = ("local", "ray", "slurm")


class Files(NamedTuple):
    """What is written beside the results, where it is asked for."""

    record: Path | None
    prometheus: Path | None


class Options(TypedDict):
    """The options that go into a request as they are."""

    out: Path
    trials: int | None
    study: str | None
    resume: bool
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
    executor: Annotated[
        str, typer.Option(metavar="NAME", help="what carries out the trainings; replay answers from --records")
    ] = "child",
    records: Annotated[Path | None, typer.Option(metavar="FILE", help="a recorded surface to replay")] = None,
    record: Annotated[
        Path | None, typer.Option(metavar="FILE", help="write what was measured as a surface that can be replayed")
    ] = None,
    objective: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="time, energy, cost or throughput, or two such as time,energy; without it, time where the scenario "
            "has a target, else throughput",
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="the results folder")] = Path("results"),
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document on stdout")] = False,
    no_report: Annotated[bool, typer.Option("--no-report", help="write no page")] = False,
    lang: Annotated[str, typer.Option(metavar="NAME", help=HELP)] = "en",
    prometheus: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="keep a file in Prometheus' text format while it runs (textfile collector)"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="say what would run, for how long and why, and run nothing")
    ] = False,
) -> int:
    """Search a scenario's space for the fastest setup, and measure it beside what you run today."""
    from benchbench.cli import tune_output
    from benchbench.cli.measuring import check_file, check_out
    from benchbench.cli.tune_ground import ground
    from benchbench.scenario.loading import parse_override

    language = page_language(lang, no_report=no_report)
    _refuse_what_comes_later(engine=engine, workers=workers, storage=storage)
    file = scenario or _default_scenario()
    if scenario is None:
        tune_output.say(f"no scenario was named: tuning {file}")
    options: Options = {
        "out": out, "trials": trials, "study": study, "resume": resume, "seed": seed, "objective": objective,
    }  # fmt: skip
    asked = _asked(file, overrides or [])
    with _named(file):
        where = ground(executor, records, asked)
        asked = _with_space(asked, where, objective)
    request = _request(asked, budget, where, options)
    question = _checked(request, file, where)
    where.prepare(question.baseline, file, [parse_override(text)[0] for text in overrides or []])
    if dry_run:
        return tune_output.dry_run(request, question, as_json=as_json)
    check_out(out)
    check_file(record, "--record")
    check_file(prometheus, "--prometheus")
    return _tune(request, question, where, as_json=as_json, language=language, files=Files(record, prometheus))


def _tune(
    request: TuneRequest, question: Question, where: Ground, *, as_json: bool, language: Language | None, files: Files
) -> int:
    from benchbench.cli import tune_output
    from benchbench.cli.prometheus import Exposition, of_search
    from benchbench.cli.tune_live import display_for
    from benchbench.errors import Interrupted
    from benchbench.tuning.recording import write_records
    from benchbench.tuning.tune import tune

    holder = " ".join(request.command)[:200]
    with (
        where.lock(tune_output.say, holder) as lock_fd,
        display_for(question) as display,
        Exposition(files.prometheus, lambda: of_search(display.state)) as told,
    ):

        def watch(moment: Moment) -> None:
            display.watch(moment)
            told.moved()

        stored = tune(replace(request, lock_fd=lock_fd), where.executor, watch, where.clock)
    if files.record is not None:
        rows = write_records(request.scenario, stored.runs, files.record)
        tune_output.say(f"recorded in {files.record}: {rows} row{'' if rows == 1 else 's'}")
    page = None if language is None else tune_output.write_page(stored, language)
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


def _asked(file: Path, overrides: Sequence[str]) -> Scenario:
    """The one scenario to search."""
    from benchbench.errors import InputError
    from benchbench.scenario.loading import load

    variants = load(file, overrides)
    if len(variants) > 1:
        raise InputError(
            "a search takes one scenario, and a key that is given twice makes several; to search its values write "
            "--set 'search.space.KEY=[VALUE, VALUE]'",
            key="--set",
        )
    return variants[0]


def _with_space(asked: Scenario, where: Ground, objective: str | None) -> Scenario:
    """The scenario with a space that is derived and shown, where it has none and is trained here."""
    from benchbench.cli import tune_output
    from benchbench.tuning.derived import derived, with_space
    from benchbench.tuning.objective import choose_all

    if asked.search.space or asked.model is None or where.replayed_from is not None:
        return asked
    chosen = choose_all(objective, asked)
    minimised = next((one for one in chosen if one.reaches), chosen[0])
    axes = derived(minimised.prepare(asked), where.machine, where.admit, where.judge, trains=minimised.reaches)
    tune_output.show_space(axes)
    return with_space(asked, axes)


def _request(asked: Scenario, budget: str, where: Ground, options: Options) -> TuneRequest:
    from benchbench.tuning.budget import parse_budget
    from benchbench.tuning.tune import TuneRequest

    return TuneRequest(
        scenario=asked,
        budget_s=parse_budget(budget),
        machine=where.machine,
        command=("benchbench", *sys.argv[1:]),
        admit=where.admit,
        replayed_from=where.replayed_from,
        judge=where.judge,
        feasible=where.feasible,
        **options,
    )


def _checked(request: TuneRequest, file: Path, where: Ground) -> Question:
    from benchbench.tuning.tune import question_of

    with _named(file):
        where.check(request.scenario)
        return question_of(request)


@contextmanager
def _named(file: Path) -> Iterator[None]:
    """Gives an error about a scenario its file."""
    from benchbench.errors import InputError

    try:
        yield
    except InputError as error:
        if not (error.key or "").startswith("--"):
            error.file = error.file or str(file)
        raise


def _refuse_what_comes_later(*, engine: str, workers: int, storage: str | None) -> None:
    from benchbench.errors import InputError, UnsupportedError, nearest

    if engine not in _ENGINES:
        raise InputError(f"unknown engine {engine!r}: {nearest(engine, _ENGINES)}", key="--engine")
    later = {
        "--engine": engine != "local",
        "--workers": workers > 1,
        "--storage": storage is not None,
    }
    for flag in (flag for flag, given in later.items() if given):
        raise UnsupportedError("not implemented yet; leave it out", key=flag)
