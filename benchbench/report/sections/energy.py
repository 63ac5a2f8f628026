"""What a training costs in energy, money and carbon."""

from __future__ import annotations

from benchbench.record.summary import Summary, measured
from benchbench.report.content import Cell, Facts, Paragraph, Section
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import RunSubject
from benchbench.report.wording import quantity, sentences

TITLE = tr("Energy and cost")


def render(subject: RunSubject) -> Section | None:
    """Estimates with what they rest on; None where neither power nor price is known."""
    s = subject.summary
    every = ((tr("power"), s.power_w), (tr("energy per sample"), s.energy_j_per_sample), *costs(s))
    known = tuple((label, value) for label, value in every if value is not None)
    if not known:
        return None
    return Section(title=TITLE, blocks=(Facts(items=known), Paragraph(text=_words(subject), tone="muted")))


def costs(summary: Summary) -> tuple[tuple[str, Cell], ...]:
    """What a training and a million samples cost, each with its name; None where it is unknown."""
    return (
        (tr("energy to target"), summary.energy_j_to_target),
        (tr("cost to target"), summary.cost_per_target),
        (tr("cost of a million samples"), summary.cost_per_million_samples),
        (tr("carbon dioxide to target"), summary.carbon_g_per_target),
        (tr("carbon dioxide of a million samples"), summary.carbon_g_per_million_samples),
    )


def _words(subject: RunSubject) -> str:
    figures = [r.figures for r in measured(subject.run) if r.figures is not None]
    hardware, error = subject.scenario.hardware, subject.summary.energy_relative_error
    told = []
    if all(f.energy_by == "counter" for f in figures):
        told.append(tr("Energy is read from the devices' own counters."))
    elif error is not None:
        told.append(
            tr(
                "Energy is power integrated over time, with an error of {error}: that of the samples' mean, and 5"
                " % of the sensor.",
                error=quantity(error, "fraction"),
            )
        )
    elif any(f.energy_by == "power" for f in figures):
        told.append(tr("Energy is power integrated over time; the samples are too few to state an error."))
    idle = [f.idle_power_w for f in figures if f.idle_power_w is not None]
    if idle:
        told.append(tr("Idle power, {quantity}, is subtracted.", quantity=quantity(sum(idle) / len(idle), "W")))
    if hardware.price_per_hour is not None:
        told.append(
            tr(
                "The price is {price_per_hour} an hour, of training time alone.",
                price_per_hour=f"{hardware.price_per_hour:g}",
            )
        )
    if hardware.carbon_g_per_kwh is not None:
        told.append(
            tr(
                "The electricity's intensity is {carbon_g_per_kwh} g a kilowatt-hour.",
                carbon_g_per_kwh=f"{hardware.carbon_g_per_kwh:g}",
            )
        )
    return sentences(told)


PLUGIN = Plugin(title=TITLE, order=35, takes=(RunSubject,), render=render)
