"""`benchbench hardware`: what this machine's devices can do, measured, beside the vendors' figures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from benchbench.record.machine import Machine
    from benchbench.record.measured_peak import MeasuredPeak
    from benchbench.stats.estimate import Estimate
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
    terminal.print("best: ever found here; now: the mean of the readings just made, with its interval")
    for warning in dict.fromkeys(warning for peak in peaks for warning in peak.warnings):
        terminal.print(f"{warning.code}: {warning.message}", markup=False)
    if rows:
        terminal.print(_catalog_table(rows))
    if as_json:
        emit({
            "schema": 1,
            "machine": here.document(),
            "peaks": [peak.answer() for peak in peaks],
            "catalog": [row.document() for row in rows],
        })  # fmt: skip
    return 0


def _measured(here: Machine, precisions: tuple[str, ...]) -> list[MeasuredPeak]:
    """The peaks of this machine's fastest device, measured now, alone, several times.

    Raises:
        InputError: there is no such precision, or not here.
    """
    from benchbench.cli.console import console
    from benchbench.errors import InputError, nearest
    from benchbench.executors.lock import machine_lock
    from benchbench.executors.peak_book import PeakBook
    from benchbench.executors.probing import measured_peaks
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
        scenarios = [Scenario.model_validate({**asked, "precision": name}) for name in precisions]
        return measured_peaks(scenarios, book, devices=min(1, len(here.devices)))


def _here(row: Accelerator, here: Machine) -> bool:
    return any(device.name in row.device_names for device in here.devices)


def _peak_table(peaks: list[MeasuredPeak]) -> Table:
    from rich.table import Table

    from benchbench.units import human

    table = Table("measured", "precision", "matrix products, best", "now", "memory, best", "now", "readings", box=None)
    for peak in peaks:
        best = peak.best
        table.add_row(
            best.device if best.threads is None else f"{best.device}, threads: {best.threads}", best.precision,
            human(best.flops_per_s, "FLOP/s"), _with_interval(peak.flops_per_s),
            human(best.bytes_per_s, "B/s"), _with_interval(peak.bytes_per_s), str(len(peak.readings)),
        )  # fmt: skip
    return table


def _with_interval(estimate: Estimate) -> str:
    from benchbench.units import human

    value, low, high = (
        "open" if rate is None else human(rate, estimate.unit) for rate in (estimate.value, estimate.low, estimate.high)
    )
    return value if estimate.n == 1 else f"{value} ({low} to {high})"


def _catalog_table(rows: tuple[Accelerator, ...]) -> Table:
    from rich.table import Table

    precisions = ("fp32", "tf32", "fp16", "bf16", "fp8")
    table = Table("datasheet", "memory, GB", "GB/s", *(f"{p}, TFLOP/s" for p in precisions), "W", box=None)
    for row in rows:
        figures = (row.memory_gb, row.bandwidth_gb_per_s, *(row.tflops.get(p) for p in precisions), row.power_w)
        table.add_row(row.name, *("" if figure is None else f"{figure:g}" for figure in figures))
    return table
