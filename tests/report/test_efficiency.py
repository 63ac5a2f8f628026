"""The sections that say where time, FLOPs, memory and money go."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchbench.record.breakdown import Breakdown
from benchbench.record.memory import MemoryPhases, MemoryUse
from benchbench.record.peaks import Peak, Work
from benchbench.record.store import read_run
from benchbench.report.content import Callout, Chart, Facts, Paragraph, Quantity, Section, Table
from benchbench.report.sections import efficiency, energy, memory, step_parts
from benchbench.report.subject import RunSubject
from benchbench.report.terminal import draw
from tests.report.records import run_folder, scenario

H100 = "NVIDIA H100 80GB HBM3"
FLOPS = {"flops_per_step": 2e12, "model_flops_per_step": 1.5e12, "device_name": H100}
PEAK = Peak(device="cuda", precision="bf16", flops_per_s=800e12, bytes_per_s=2e12)
BREAKDOWN = Breakdown(
    device="cuda", steps=3, step_s=0.02, seconds={"matrix-products": 0.012, "overhead": 0.006, "data": 0.002},
    hidden_communication_s=0.001,
)  # fmt: skip
PHASES = MemoryPhases(
    parameters_bytes=2**20, gradients_bytes=2**20, optimizer_bytes=2**21, averages_bytes=0, activations_bytes=2**22,
    temporary_bytes=None,
)  # fmt: skip


def subject(tmp_path: Path, first: dict[str, Any], figures: Mapping[str, Any] = {}, **sections: Any) -> RunSubject:
    """A run whose first repeat has some fields, and whose figures are changed in all."""
    run = read_run(run_folder(tmp_path, of=scenario(precision="bf16", **sections)))
    repeats = []
    for repeat in run.repeats:
        assert repeat.figures is not None
        changed = repeat.figures.model_copy(update=figures)
        repeats.append(repeat.model_copy(update={"figures": changed, **(first if repeat.index == 0 else {})}))
    return RunSubject(run=run.model_copy(update={"repeats": tuple(repeats)}))


def drawn(section: Section | None) -> Section:
    assert section is not None
    for block in section.blocks:
        draw(block)
    return section


@pytest.mark.parametrize("section", [efficiency, step_parts])
def test_a_run_that_did_not_look_says_nothing(tmp_path: Path, section: Any) -> None:
    assert section.render(subject(tmp_path, {})) is None


def test_efficiency_stands_beside_both_peaks_and_under_the_roof(tmp_path: Path) -> None:
    of = subject(tmp_path, {"facts": FLOPS, "peak": PEAK, "work": Work(flops=2e12, moved_bytes=1e10)})
    facts, words, chart = drawn(efficiency.render(of)).blocks
    assert isinstance(facts, Facts)
    told = dict(facts.items)
    assert told["datasheet's peak"] == Quantity(value=989e12, unit="FLOP/s")
    assert told["FLOPs a step with recomputation"] == Quantity(value=2e12, unit="FLOP")
    assert told["arithmetic intensity"] == Quantity(value=200.0, unit="FLOP/byte")
    assert told["the machine's balance"] == Quantity(value=400.0, unit="FLOP/byte")
    assert told["share of the datasheet's peak (MFU)"] == of.summary.mfu is not None
    assert isinstance(words, Paragraph)
    assert "H100-SXM-80GB" in words.text
    assert isinstance(chart, Chart)
    roof, sheet, here = chart.panels[0].series
    np.testing.assert_allclose(roof.y, [50.0 * 2e12, 800e12, 800e12])
    assert sheet.name == "datasheet's roof"
    np.testing.assert_allclose(sheet.x, [50.0, 989e12 / 3.35e12, 1600.0])
    np.testing.assert_allclose(sheet.y, [50.0 * 3.35e12, 989e12, 989e12])
    figures = of.run.repeats[0].figures
    assert figures is not None
    assert (here.x[0], here.y[0]) == (200.0, pytest.approx(2e12 / figures.step_s))
    assert "below the memory's roof" in chart.caption


def test_a_device_without_a_datasheet_is_said_to_have_none(tmp_path: Path) -> None:
    section = drawn(efficiency.render(subject(tmp_path, {"facts": {**FLOPS, "device_name": "a GPU"}})))
    facts, words = section.blocks
    assert isinstance(facts, Facts)
    assert dict(facts.items)["datasheet's peak"] == Quantity(value=None, unit="FLOP/s")
    assert isinstance(words, Paragraph)
    assert "The catalog has no datasheet for a GPU." in words.text


def test_the_parts_of_a_step_stand_in_order_under_a_diagnosis(tmp_path: Path) -> None:
    sentence, table = drawn(step_parts.render(subject(tmp_path, {"breakdown": BREAKDOWN}))).blocks
    assert isinstance(sentence, Callout)
    assert sentence.title == "The step is compute-bound: 60 % of it is matrix products and attention"
    assert sentence.text.startswith("Most likely to help: ")
    assert isinstance(table, Table)
    assert [row.cells[0] for row in table.rows] == ["matrix products", "starting operators", "waiting for data"]
    assert [getattr(row.cells[2], "value", None) for row in table.rows] == pytest.approx([0.6, 0.3, 0.1])
    assert "Communication behind computation: 1.00 ms" in table.note


def test_memory_stands_beside_its_limit(tmp_path: Path) -> None:
    use = MemoryUse(allocated_bytes=2**32, reserved_bytes=2**33, resident_bytes=2**30, phases=PHASES)
    peaks, phases = drawn(memory.render(subject(tmp_path, {"memory": use}, hardware={"memory_limit": "2GiB"}))).blocks
    assert isinstance(peaks, Table)
    rows = {str(row.cells[0]): [getattr(cell, "value", None) for cell in row.cells[1:]] for row in peaks.rows}
    assert rows["in tensors (the device's allocator)"] == [2**32, 2**34, 0.25]
    assert rows["resident on the host, all processes"] == [2**30, 2**31, 0.5]
    assert "in use on the device, by anyone" not in rows
    assert isinstance(phases, Table)
    assert [row.cells[0] for row in phases.rows] == [
        "parameters and buffers", "gradients", "optimizer's state", "activations of a micro-batch", "temporary",
    ]  # fmt: skip


def test_energy_says_what_it_rests_on_and_cost_at_what_price(tmp_path: Path) -> None:
    by_power = {"energy_j_per_sample": 0.5, "energy_by": "power", "energy_relative_error": 0.06, "idle_power_w": 60.0}
    of = subject(tmp_path, {}, by_power, hardware={"price_per_hour": 2.5, "carbon_g_per_kwh": 300.0})
    facts, words = drawn(energy.render(of)).blocks
    assert isinstance(facts, Facts)
    assert {"cost of a million samples", "carbon dioxide of a million samples"} <= {label for label, _ in facts.items}
    assert isinstance(words, Paragraph)
    for part in ("an error of 6.00 %", "Idle power, 60.0 W, is subtracted", "2.5 an hour", "300 g a kilowatt-hour"):
        assert part in words.text
    counted = drawn(energy.render(subject(tmp_path / "b", {}, {"energy_j_per_sample": 0.5, "energy_by": "counter"})))
    assert "counters" in counted.blocks[1].text  # type: ignore[union-attr]


def test_without_power_and_price_there_is_nothing_to_say(tmp_path: Path) -> None:
    nothing = {"power_w": None, "energy_j_per_sample": None}
    assert energy.render(subject(tmp_path, {}, nothing)) is None
