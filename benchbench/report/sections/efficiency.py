"""What a training gets out of its devices: FLOPs, their share of two peaks, and its place under the roofline."""

from __future__ import annotations

import numpy as np

from benchbench.record.efficiency import Efficiency, accelerator, efficiency
from benchbench.record.peaks import Peak, Work
from benchbench.record.types import Repeat
from benchbench.report.content import Block, Cell, Chart, Facts, Mark, Panel, Paragraph, Quantity, Section, Series
from benchbench.report.plugins import Plugin
from benchbench.report.subject import RunSubject
from benchbench.report.wording import quantity
from benchbench.theory.roofline import balance, intensity, roof

TITLE = "Efficiency"
_RATE = "FLOP/s"
_INTENSITY = "FLOP/byte"
_REACH = 1.5  # how far right of its last point the chart goes


def render(subject: RunSubject) -> Section | None:
    """Figures, and the roofline where work and peak are known; None where no FLOPs were counted."""
    pairs = [(r, efficiency(r, subject.scenario)) for r in subject.run.repeats]
    known = [(repeat, found) for repeat, found in pairs if found is not None]
    if not known:
        return None
    repeat, found = next(((r, e) for r, e in known if r.work is not None), known[0])
    blocks: list[Block] = [Facts(items=_facts(subject, repeat, found)), Paragraph(text=_words(repeat), tone="muted")]
    if repeat.work is not None and repeat.peak is not None and intensity(repeat.work.flops, repeat.work.moved_bytes):
        blocks.append(_chart(repeat.work, repeat.peak, found, subject))
    return Section(title=TITLE, blocks=tuple(blocks))


def _facts(subject: RunSubject, repeat: Repeat, found: Efficiency) -> tuple[tuple[str, Cell], ...]:
    summary = subject.summary
    items: list[tuple[str, Cell]] = [
        ("model FLOPs a step", Quantity(value=found.model_flops_per_step, unit="FLOP")),
        ("model FLOP/s", Quantity(value=found.model_flops_per_s, unit=_RATE)),
        ("datasheet's peak", Quantity(value=found.datasheet_flops_per_s, unit=_RATE)),
        ("share of the datasheet's peak (MFU)", summary.mfu),
        ("peak measured here", Quantity(value=found.measured_flops_per_s, unit=_RATE)),
        ("share of the measured peak", summary.mfu_measured),
    ]
    if found.flops_per_step > found.model_flops_per_step:
        items.insert(1, ("FLOPs a step with recomputation", Quantity(value=found.flops_per_step, unit="FLOP")))
    if repeat.work is not None:
        at = intensity(repeat.work.flops, repeat.work.moved_bytes)
        items.append(("arithmetic intensity", Quantity(value=at, unit=_INTENSITY)))
    if repeat.peak is not None:
        ridge = balance(repeat.peak.flops_per_s, repeat.peak.bytes_per_s)
        items.append(("the machine's balance", Quantity(value=ridge, unit=_INTENSITY)))
        items.append(("memory's bandwidth, measured", Quantity(value=repeat.peak.bytes_per_s, unit="bytes/s")))
    return tuple(items)


def _words(repeat: Repeat) -> str:
    row = accelerator(repeat)
    if row is None:
        name = repeat.facts.get("device_name")
        sheet = f"The catalog has no datasheet for {name}." if name else "A CPU has no row in the catalog."
    else:
        sheet = f"The datasheet's peak is that of {row.name}, dense ({'; '.join(row.sources.get('tflops', ()))})."
    return (
        f"FLOPs are those of matrix products and attention, padding included. {sheet} Bytes are counted operator by "
        "operator as if none were fused and no cache held anything: the true intensity is at least what stands here."
    )


def _chart(work: Work, peak: Peak, found: Efficiency, subject: RunSubject) -> Chart:
    ridge, at = balance(peak.flops_per_s, peak.bytes_per_s), intensity(work.flops, work.moved_bytes)
    assert ridge is not None
    assert at is not None
    devices = subject.scenario.hardware.devices * subject.scenario.hardware.nodes
    x = np.asarray([0.0, ridge, _REACH * max(ridge, at)])
    roof_y = np.asarray([roof(float(one), peak.flops_per_s, peak.bytes_per_s) for one in x])
    here = Series(
        name="this run", x=np.asarray([at]), y=np.asarray([found.flops_per_s / devices]), kind="points", hue=1,
        labels=(subject.scenario.name,),
    )  # fmt: skip
    panel = Panel(
        label="rate", unit=_RATE, series=(Series(name="measured roof", x=x, y=roof_y), here), from_zero=True
    )  # fmt: skip
    bound = "below the memory's roof" if at < ridge else "below the arithmetic's roof"
    return Chart(
        title="Roofline of one device",
        x_label="arithmetic intensity",
        x_unit=_INTENSITY,
        panels=(panel,),
        marks=(Mark(at=ridge, label="balance"),),
        caption=f"At {quantity(at, _INTENSITY)} the step stands {bound}, as far as unfused operators tell.",
    )


PLUGIN = Plugin(title=TITLE, order=32, takes=(RunSubject,), render=render)
