"""What `run` says when it is done, and what it would do under `--dry-run`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchbench.cli.console import console, emit
from benchbench.errors import BenchBenchError
from benchbench.executors.fitting import Fit
from benchbench.executors.going import Stored
from benchbench.record import document
from benchbench.record.machine import Machine
from benchbench.scenario.scenario import Scenario
from benchbench.stats.repeats import CAP_S, LOOKS
from benchbench.theory.duration import repeat_duration_s
from benchbench.units import human
from benchbench.workload.sizes import SIZES

if TYPE_CHECKING:
    from benchbench.report.language import Language

REPORTS = Path("reports")


def shown(path: Path | None) -> str | None:
    """A path as shown to a user: relative to the current folder where that is shorter."""
    if path is None:
        return None
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def emit_runs(stored: Sequence[Stored], page: Path | None) -> None:
    """Prints the document of `run --json`."""
    runs = [document.entry(s.run, shown(s.folder)) for s in stored]
    emit({"schema": 1, "report": shown(page), "runs": runs})


def write_page(stored: Sequence[Stored], language: Language = "en", reports: Path = REPORTS) -> Path | None:
    """Writes the page of a command's runs; a page that cannot be written is said, and hurts nothing else."""
    from benchbench.report.pages import write_run

    folders = [s.folder for s in stored if s.folder is not None]
    if not folders:
        return None
    name = folders[0].name if len(folders) > 1 else stored[0].run.scenario.slug
    try:
        return write_run(folders, reports / f"{name}.html", language)
    except (BenchBenchError, OSError) as error:
        console().print(f"the page could not be written: {error}", markup=False)
        return None


def show(stored: Sequence[Stored], page: Path | None) -> None:
    """The final tables, on stderr."""
    from benchbench.report.pages import terminal_run

    terminal = console()
    for one in stored:
        terminal.print(terminal_run(one.run))
        if one.problem is not None:
            terminal.print(f"the result could not be stored: {one.problem}", markup=False)
        elif one.folder is not None:
            terminal.print(f"stored in {shown(one.folder)}", markup=False)
    if not stored:
        terminal.print("interrupted before a repeat ended; nothing was stored")
    if page is not None:
        terminal.print(f"page: {shown(page)}", markup=False)


def dry_run(
    scenarios: Sequence[Scenario], machine: Machine, foreseen: Callable[[Scenario], Fit | None], *, as_json: bool
) -> int:
    """Says what would run and for about how long; a range of both under `repeats: auto`.

    Args:
        scenarios: what would run.
        machine: where.
        foreseen: the micro-batch of a scenario, where it need not be tried.
        as_json: print a document too.
    """
    from rich.table import Table

    rows: list[dict[str, Any]] = []
    for s in scenarios:
        rows.append({
            "name": s.name, "scenario_key": s.key, "procedure": s.measure.procedure,
            **_repeats(s, _expected_s(s, machine)), **_micro_batch(s, foreseen(s)),
        })  # fmt: skip
    table = Table("scenario", "key", "procedure", "micro-batch", "repeats", "expected time", title="would run")
    for row in rows:
        table.add_row(
            row["name"], row["scenario_key"][7:19], row["procedure"],
            ", ".join(str(row[part]) for part in ("micro_batch", "micro_batch_chosen") if row[part] is not None),
            _range(str(row["repeats"]), str(row["repeats_most"])), _about(row["expected_s"], row["expected_most_s"]),
        )  # fmt: skip
    terminal = console()
    terminal.print(table)
    known = [(row["expected_s"], row["expected_most_s"]) for row in rows if row["expected_s"] is not None]
    if len(known) == len(rows):
        whole = _about(*(sum(times) for times in zip(*known, strict=True)))
        terminal.print(f"in all {whole}, within a factor of three; nothing was run")
    if as_json:
        emit({"schema": 1, "dry_run": True, "runs": rows})
    return 0


def _micro_batch(scenario: Scenario, fit: Fit | None) -> dict[str, int | str | None]:
    """The micro-batch as far as it is known, and why it is the one."""
    if scenario.model is None:
        return {"micro_batch": None, "micro_batch_chosen": None}
    if fit is None:
        return {"micro_batch": None, "micro_batch_chosen": "to be found by trying"}
    return {"micro_batch": fit.micro_batch, "micro_batch_chosen": fit.reason}


def _repeats(scenario: Scenario, one_s: float | None) -> dict[str, int | float | None]:
    """How many repeats there would be and how long they would take, at least and at most.

    Args:
        scenario: what would run.
        one_s: seconds of one repeat; None where that is not known.
    """
    asked = scenario.measure.repeats
    fewest, most = (LOOKS[0], LOOKS[-1]) if asked == "auto" else (asked, asked)
    least_s = most_s = None if one_s is None else fewest * one_s
    if one_s is not None and least_s is not None and asked == "auto":
        most_s = max(least_s, min(most * one_s, CAP_S + one_s))
    return {"repeats": fewest, "repeats_most": most, "expected_s": least_s, "expected_most_s": most_s}


def _expected_s(scenario: Scenario, machine: Machine) -> float | None:
    """Seconds of one repeat; None where they are not known."""
    on_gpu = bool(machine.devices) and scenario.hardware.device != "cpu"
    model = scenario.model
    if model is None:
        return None
    size = SIZES.get(model.family, {}).get(model.size or "base")
    layers, hidden = model.layers or (size and size.layers), model.hidden or (size and size.hidden)
    if not layers or not hidden:
        return None
    ffn = model.ffn or (size.ffn if size else 4 * hidden)
    return repeat_duration_s(scenario, (layers, hidden, ffn), machine.cpus_usable, on_gpu)


def _about(least_s: float | None, most_s: float | None) -> str:
    if least_s is None or most_s is None:
        return "unknown"
    return f"about {_range(human(least_s, 's', 2), human(most_s, 's', 2))}"


def _range(least: str, most: str) -> str:
    return least if least == most else f"{least} to {most}"
