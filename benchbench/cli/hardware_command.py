"""`benchbench hardware`: what this machine's devices can do, measured, beside the vendors' figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from benchbench.record.machine import Machine
    from benchbench.record.peaks import Peak
    from benchbench.theory.catalog import Accelerator


def command(
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document on stdout")] = False,
    catalog: Annotated[bool, typer.Option("--catalog", help="list every accelerator of the catalog too")] = False,
    precisions: Annotated[
        list[str] | None, typer.Option("--precision", help="measure in this precision (fp32, and bf16)")
    ] = None,
) -> int:
    """Measure what this machine's devices can do, and show it beside the vendors' figures."""
    from benchbench.cli.console import console, emit
    from benchbench.hardware.inventory import machine
    from benchbench.theory.catalog import accelerators

    here, terminal = machine(), console()
    peaks = _measured(here, tuple(precisions or ("fp32", "bf16")))
    rows = accelerators() if catalog else tuple(row for row in accelerators() if _here(row, here))
    names = ", ".join(d.name for d in here.devices) or here.cpu
    terminal.print(names, markup=False)
    terminal.print(_peak_table(peaks))
    if rows:
        terminal.print(_catalog_table(rows))
    if as_json:
        emit({
            "schema": 1,
            "machine": here.document(),
            "peaks": [peak.document() for peak in peaks],
            "catalog": [row.document() for row in rows],
        })  # fmt: skip
    return 0


def _measured(here: Machine, precisions: tuple[str, ...]) -> list[Peak]:
    """The peaks of this machine's fastest device, measured now, alone; the best that was ever found counts.

    Raises:
        InputError: there is no such precision, or not here.
    """
    from benchbench.cli.console import console
    from benchbench.errors import InputError, nearest
    from benchbench.executors.lock import machine_lock
    from benchbench.executors.peak_book import PeakBook
    from benchbench.scenario.scenario import Scenario

    known = ("fp32", "tf32", "bf16", "fp16", "fp8")
    for name in precisions:
        if name not in known:
            raise InputError(f"there is no precision {name!r}: {nearest(name, known)}", key="--precision")
        if name in ("tf32", "fp8") and not here.devices:
            raise InputError(f"{name} is arithmetic of NVIDIA GPUs; there is none here", key="--precision")
    asked = {"name": "peak", "model": {"family": "bert"}, "task": "sequence-classification"}
    book = PeakBook(here, announce=console().print)
    with machine_lock(console().print, "benchbench hardware"):
        found = [book.again(Scenario.model_validate({**asked, "precision": name})) for name in precisions]
    return [peak for peak in found if peak is not None]


def _here(row: Accelerator, here: Machine) -> bool:
    return any(device.name in row.device_names for device in here.devices)


def _peak_table(peaks: list[Peak]) -> Table:
    from rich.table import Table

    from benchbench.units import human

    table = Table("measured", "precision", "matrix products", "memory", box=None)
    for peak in peaks:
        device = peak.device if peak.threads is None else f"{peak.device}, threads: {peak.threads}"
        table.add_row(device, peak.precision, human(peak.flops_per_s, "FLOP/s"), human(peak.bytes_per_s, "B/s"))
    return table


def _catalog_table(rows: tuple[Accelerator, ...]) -> Table:
    from rich.table import Table

    precisions = ("fp32", "tf32", "fp16", "bf16", "fp8")
    table = Table("datasheet", "memory, GB", "GB/s", *(f"{p}, TFLOP/s" for p in precisions), "W", box=None)
    for row in rows:
        figures = (row.memory_gb, row.bandwidth_gb_per_s, *(row.tflops.get(p) for p in precisions), row.power_w)
        table.add_row(row.name, *("" if figure is None else f"{figure:g}" for figure in figures))
    return table
