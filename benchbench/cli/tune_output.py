"""What `tune` says when it is done, and what it would do under `--dry-run`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchbench.cli.console import console, emit
from benchbench.cli.run_output import REPORTS, shown
from benchbench.errors import BenchBenchError
from benchbench.record.study import Study
from benchbench.stats.estimate import Estimate
from benchbench.tuning.budget import confirmation_repeats
from benchbench.tuning.derived import Derived
from benchbench.tuning.reuse import Known
from benchbench.tuning.setups import Question
from benchbench.tuning.tune import StoredStudy, TuneRequest, known_before
from benchbench.units import human

if TYPE_CHECKING:
    from benchbench.report.language import Language

_METHODS = {
    "factored": "probes of seconds per step and trainings to the target, whichever is expected to gain the most",
    "tpe": "what Optuna's TPE proposes, each setup once in a fresh process",
    "gp": "what Optuna's Gaussian process proposes, each setup once in a fresh process",
    "random": "setups at random, each once in a fresh process",
}
_LATE_SHARE = 0.05
_LATE_S = 30.0
_NAMED = 3  # runs, where there are many


def say(message: str) -> None:
    """One line for people."""
    console().print(message, markup=False)


def emit_study(stored: StoredStudy, page: Path | None) -> None:
    """Prints the document of `tune --json`."""
    emit(stored.study.answer(shown(stored.folder), shown(page)))


def write_page(stored: StoredStudy, language: Language = "en", reports: Path = REPORTS) -> Path | None:
    """Writes the study's page; a page that cannot be written is said, and hurts nothing else."""
    from benchbench.report.pages import write_study

    try:
        return write_study(stored.folder, reports / f"{stored.study.study}.html", language)
    except (BenchBenchError, OSError) as error:
        say(f"the page could not be written: {error}")
        return None


def show(stored: StoredStudy, page: Path | None) -> None:
    """The answer, the baseline beside it, and where everything is kept; on stderr."""
    from benchbench.report.pages import terminal_study

    terminal = console()
    study = stored.study
    terminal.print(terminal_study(study))
    terminal.print(_comparison(study))
    counts = ", ".join(f"{count} {outcome}" for outcome, count in study.counts().items() if count)
    spent, budget = human(study.spent_s, "s"), human(study.budget_s, "s")
    if study.replayed_from is not None:
        say(f"every answer came from {study.replayed_from}; the seconds are those of a virtual clock")
    say(f"{spent} of {budget} spent; trials: {counts or 'none'}; the search ended: {study.stopped}")
    reused = sum(t.reused_from is not None for t in study.trials)
    if reused:
        say(f"{reused} of these were measured by earlier studies and runs, and not again (search.reuse)")
    for line in _beside_the_time(study):
        say(line)
    say(f"stored in {shown(stored.folder)}")
    if page is not None:
        say(f"page: {shown(page)}")


def _comparison(study: Study) -> object:
    from rich.table import Table

    from benchbench.report.claim import foremost

    before, after = study.baseline, study.recommendation
    scores = foremost(after.test_metrics, study.scenario.target)
    table = Table("", "baseline", "recommended", box=None)
    rows = [
        ("time to target", _shown(before.time_to_target_s), _shown(after.time_to_target_s)),
        ("reached the target", _share(before.reach_rate), _share(after.reach_rate)),
        ("time a step", _shown(before.step_s), _shown(after.step_s)),
        ("throughput", _shown(before.samples_per_s), _shown(after.samples_per_s)),
        ("reached, over all seeds", _shown(before.reach_rate_over_seeds), _shown(after.reach_rate_over_seeds)),
        *((f"test {name}", _shown(before.test_metrics.get(name)), _shown(e)) for name, e in scores.items()),
    ]
    for row in rows:
        if row[1:] != ("", ""):
            table.add_row(*row)
    return table


def _beside_the_time(study: Study) -> list[str]:
    """How the recommended setup fares at the neighbouring learning rates, and which settings matter."""
    from benchbench.report.claim import importance_in_words, neighbours_in_words

    lines = [
        ("at the neighbouring learning rates", neighbours_in_words(study.recommendation)),
        ("what matters most", importance_in_words(study.importance)),
    ]
    return [f"{about}: {told}" for about, told in lines if told]


def _shown(estimate: Estimate | None) -> str:
    from benchbench.report.wording import with_interval

    return "" if estimate is None else with_interval(estimate)


def _share(rate: float | None) -> str:
    return "" if rate is None else human(rate, "%")


def show_space(axes: Sequence[Derived]) -> None:
    """A derived space, before it is searched."""
    from rich.table import Table

    say("the scenario gives no search.space; this one follows from it and from the machine:")
    table = Table("key", "values", "why", "moves", box=None)
    for axis in axes:
        values = axis.values if isinstance(axis.values, tuple) else (f"{axis.values.low:g} to {axis.values.high:g}",)
        table.add_row(axis.key, ", ".join(_named(v) for v in values), axis.why, axis.moves.value)
    console().print(table)


def _named(value: object) -> str:
    return "null" if value is None else str(value)


def dry_run(request: TuneRequest, question: Question, *, as_json: bool) -> int:
    """Says what would run, for how long and why."""
    scenario, size = request.scenario, question.space.size
    ends_within_s = request.budget_s + max(_LATE_SHARE * request.budget_s, _LATE_S)
    repeats = confirmation_repeats(scenario)
    setups = "a continuum of setups" if size is None else f"{size:,} setups"
    names = [objective.name for objective in question.objectives]
    say(f"would tune {scenario.name} for {' and '.join(names)}, over {setups}:")
    for key, axis in scenario.search.space.items():
        values = ", ".join(map(str, axis)) if isinstance(axis, tuple) else str(axis)
        say(f"  {key}: {values}")
    for limit in question.limits:
        say(f"  {limit.described}")
    if scenario.search.proxy:
        changed = ", ".join(f"{key} = {value}" for key, value in scenario.search.proxy.items())
        say(f"setups are compared under the proxy {changed}; the best is measured in the scenario itself")
    say(f"first the baseline, what is run today; then {_METHODS.get(scenario.search.method, scenario.search.method)};")
    say(f"at last the best beside the baseline, up to {repeats} times each with fresh seeds, for an interval")
    reused = _reused(known_before(request, question))
    say(f"in {human(request.budget_s, 's')}, and at the latest {human(ends_within_s, 's')}; nothing was run")
    if as_json:
        emit({
            "schema": 1, "dry_run": True, "name": scenario.name, "scenario_key": scenario.key,
            "objective": question.objective.name, "budget_s": request.budget_s, "ends_within_s": ends_within_s,
            "setups": size, "confirmation_repeats": repeats, **_search(request),
            **({"objectives": names} if len(names) > 1 else {}), **reused,
        })  # fmt: skip
    return 0


def _reused(known: Known) -> dict[str, object]:
    """What earlier studies and runs tell, said, and as the document has it; nothing where they tell nothing."""
    if not known.measured and not known.starts:
        return {}
    runs = list(dict.fromkeys(one.run.id for one in known.measured))
    roles = Counter(one.role for one in known.measured)
    if runs:
        counts = ", ".join(f"{count} as {role}" for role, count in roles.items())
        more = f" and {len(runs) - _NAMED} more" if len(runs) > _NAMED else ""
        say(f"measured before on this machine, and taken from there: {counts}; from {', '.join(runs[:_NAMED])}{more}")
    for start in known.starts:
        changed = ", ".join(f"{key} = {value}" for key, value in start.overrides.items())
        say(f"tried right after the baseline, since {start.study} recommends it: {changed}")
    return {
        "reused": [one.run.id for one in known.measured],
        "starts": [{"study": start.study, "overrides": start.overrides} for start in known.starts],
    }  # fmt: skip


def _search(request: TuneRequest) -> dict[str, object]:
    document = request.scenario.search.model_dump(mode="json", by_alias=True)
    search = request.scenario.search
    given = [*["constraints"] * bool(search.constraints.given), *["proxy"] * bool(search.proxy)]
    return {key: document[key] for key in ("baseline", "space", *given)}
