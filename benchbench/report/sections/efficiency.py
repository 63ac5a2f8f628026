"""What a training gets out of its devices: FLOPs, their share of two peaks, and its place under the roofline."""

from __future__ import annotations

import numpy as np

from benchbench.record.efficiency import Efficiency, accelerator, efficiency
from benchbench.record.peaks import Peak, Work
from benchbench.record.types import Repeat
from benchbench.report.content import Block, Cell, Chart, Facts, Mark, Panel, Paragraph, Quantity, Section, Series
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import RunSubject
from benchbench.report.wording import quantity
from benchbench.theory.roofline import balance, intensity, roof

TITLE = tr("Efficiency")
_RATE = "FLOP/s"
_INTENSITY = "FLOP/byte"
_REACH = 4.0  # how far the chart goes beyond its outermost points, as a factor


def render(subject: RunSubject) -> Section | None:
    """Figures, and the roofline where work and peak are known; None where no FLOPs were counted."""
    pairs = [(r, efficiency(r, subject.scenario)) for r in subject.run.repeats]
    known = [(repeat, found) for repeat, found in pairs if found is not None]
    if not known:
        return None
    repeat, found = next(((r, e) for r, e in known if r.work is not None), known[0])
    blocks: list[Block] = [Facts(items=_facts(subject, repeat, found)), Paragraph(text=_words(repeat), tone="muted")]
    if repeat.work is not None and repeat.peak is not None and intensity(repeat.work.flops, repeat.work.moved_bytes):
        blocks.append(_chart(repeat.work, repeat.peak, found, repeat, subject))
    return Section(title=TITLE, blocks=tuple(blocks))


def _facts(subject: RunSubject, repeat: Repeat, found: Efficiency) -> tuple[tuple[str, Cell], ...]:
    summary = subject.summary
    items: list[tuple[str, Cell]] = [
        (tr("model FLOPs a step"), Quantity(value=found.model_flops_per_step, unit="FLOP")),
        (tr("model FLOP/s"), Quantity(value=found.model_flops_per_s, unit=_RATE)),
        (tr("datasheet's peak"), Quantity(value=found.datasheet_flops_per_s, unit=_RATE)),
        (tr("share of the datasheet's peak (MFU)"), summary.mfu),
        (tr("peak measured here"), Quantity(value=found.measured_flops_per_s, unit=_RATE)),
        (tr("share of the measured peak"), summary.mfu_measured),
    ]
    if found.flops_per_step > found.model_flops_per_step:
        items.insert(1, (tr("FLOPs a step with recomputation"), Quantity(value=found.flops_per_step, unit="FLOP")))
    if repeat.work is not None:
        at = intensity(repeat.work.flops, repeat.work.moved_bytes)
        items.append((tr("arithmetic intensity"), Quantity(value=at, unit=_INTENSITY)))
    if repeat.peak is not None:
        ridge = balance(repeat.peak.flops_per_s, repeat.peak.bytes_per_s)
        items.append((tr("the machine's balance"), Quantity(value=ridge, unit=_INTENSITY)))
        items.append((tr("memory's bandwidth, measured"), Quantity(value=repeat.peak.bytes_per_s, unit="bytes/s")))
    return tuple(items)


def _words(repeat: Repeat) -> str:
    row = accelerator(repeat)
    if row is None:
        name = repeat.facts.get("device_name")
        sheet = (
            tr("The catalog has no datasheet for {name}.", name=name)
            if name
            else tr("A CPU has no row in the catalog.")
        )
    else:
        sheet = tr(
            "The datasheet's peak is that of {name}, dense ({sources}).",
            name=row.name,
            sources="; ".join(row.sources.get("tflops", ())),
        )
    return tr(
        "FLOPs are those of matrix products and attention, padding included. {sheet} Bytes are counted "
        "operator by operator as if none were fused and no cache held anything: the true intensity is at "
        "least what stands here.",
        sheet=sheet,
    )


def _chart(work: Work, peak: Peak, found: Efficiency, repeat: Repeat, subject: RunSubject) -> Chart:
    """Both axes are logarithmic, so that roofs are straight lines; the datasheet's stands where it is known in full."""
    ridge, at = balance(peak.flops_per_s, peak.bytes_per_s), intensity(work.flops, work.moved_bytes)
    assert ridge is not None
    assert at is not None
    hardware = subject.scenario.hardware
    here = Series(
        name=tr("this run"),
        x=np.asarray([at]),
        y=np.asarray([found.flops_per_s / (hardware.devices * hardware.nodes)]),
        kind="points",
        hue=1,
        labels=(subject.scenario.name,),
    )
    ends = (min(ridge, at) / _REACH, max(ridge, at) * _REACH)
    series = [_roof(tr("measured roof"), 0, ends, peak.flops_per_s, peak.bytes_per_s)]
    row = accelerator(repeat)
    sheet = None if row is None else row.flops_per_s(subject.scenario.precision)
    if row is not None and sheet is not None and row.bytes_per_s is not None:
        series.append(_roof(tr("datasheet's roof"), 2, ends, sheet, row.bytes_per_s))
    bound = tr("below the memory's roof") if at < ridge else tr("below the arithmetic's roof")
    return Chart(
        title=tr("Roofline of one device"),
        x_label=tr("arithmetic intensity"),
        x_unit=_INTENSITY,
        panels=(Panel(label=tr("rate"), unit=_RATE, series=(*series, here), log=True),),
        marks=(Mark(at=ridge, label=tr("balance")),),
        caption=tr(
            "At {at} the step stands {bound}, as far as unfused operators tell.",
            at=quantity(at, _INTENSITY),
            bound=bound,
        ),
        x_log=True,
    )


def _roof(name: str, hue: int, ends: tuple[float, float], flops_per_s: float, bytes_per_s: float) -> Series:
    """A roof from the one end to the other, its ridge between them."""
    ridge = balance(flops_per_s, bytes_per_s) or ends[0]
    x = np.asarray(sorted({ends[0], min(max(ridge, ends[0]), ends[1]), ends[1]}))
    return Series(name=name, x=x, y=np.asarray([roof(float(one), flops_per_s, bytes_per_s) for one in x]), hue=hue)


PLUGIN = Plugin(title=TITLE, order=32, takes=(RunSubject,), render=render)
