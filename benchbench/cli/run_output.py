"""What `run` says when it is done, and what it would do under `--dry-run`."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchbench.cli.console import console, emit
from benchbench.errors import BenchBenchError
from benchbench.executors.fitting import Fit
from benchbench.executors.going import Stored
from benchbench.record import document
from benchbench.record.machine import Machine
from benchbench.scenario.scenario import Scenario
from benchbench.stats.repeats import LOOKS
from benchbench.theory.duration import command_duration_s
from benchbench.units import human
from benchbench.workload.sizes import SIZES

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


def write_page(stored: Sequence[Stored], reports: Path = REPORTS) -> Path | None:
    """Writes the page of a command's runs; a page that cannot be written is said, and hurts nothing else."""
    from benchbench.report.pages import write_run

    folders = [s.folder for s in stored if s.folder is not None]
    if not folders:
        return None
    name = folders[0].name if len(folders) > 1 else stored[0].run.scenario.slug
    try:
        return write_run(folders, reports / f"{name}.html")
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
    """Says what would run and for about how long.

    Args:
        scenarios: what would run.
        machine: where.
        foreseen: the micro-batch of a scenario, where it need not be tried.
        as_json: print a document too.
    """
    from rich.table import Table

    rows: list[dict[str, Any]] = []
    for s in scenarios:
        repeats = LOOKS[0] if s.measure.repeats == "auto" else s.measure.repeats
        rows.append({
            "name": s.name, "scenario_key": s.key, "procedure": s.measure.procedure, "repeats": repeats,
            "expected_s": _expected_s(s, machine, repeats), **_micro_batch(s, foreseen(s)),
        })  # fmt: skip
    table = Table("scenario", "key", "procedure", "micro-batch", "repeats", "expected time", title="would run")
    for row in rows:
        table.add_row(
            row["name"], row["scenario_key"][7:19], row["procedure"],
            ", ".join(str(row[part]) for part in ("micro_batch", "micro_batch_chosen") if row[part] is not None),
            str(row["repeats"]), _about(row["expected_s"]),
        )  # fmt: skip
    terminal = console()
    terminal.print(table)
    known = [row["expected_s"] for row in rows if row["expected_s"] is not None]
    if len(known) == len(rows):
        terminal.print(f"in all {_about(sum(known))}, within a factor of three; nothing was run")
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


def _expected_s(scenario: Scenario, machine: Machine, repeats: int) -> float | None:
    on_gpu = bool(machine.devices) and scenario.hardware.device != "cpu"
    model = scenario.model
    if model is None:
        return None
    size = SIZES.get(model.family, {}).get(model.size or "base")
    layers, hidden = model.layers or (size and size.layers), model.hidden or (size and size.hidden)
    if not layers or not hidden:
        return None
    ffn = model.ffn or (size.ffn if size else 4 * hidden)
    return command_duration_s(scenario, (layers, hidden, ffn), machine.cpus_usable, on_gpu, repeats)


def _about(seconds: float | None) -> str:
    return "unknown" if seconds is None else f"about {human(seconds, 's', 2)}"
