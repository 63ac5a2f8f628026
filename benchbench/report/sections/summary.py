"""The answer of a run in one sentence, and the figures under it."""

from __future__ import annotations

from benchbench.record.types import Outcome
from benchbench.report.content import Answer, Block, Cell, Facts, Paragraph, Quantity, Section, Tone
from benchbench.report.language import tr
from benchbench.report.objective import bound
from benchbench.report.plugins import Plugin
from benchbench.report.sections.energy import costs
from benchbench.report.subject import RunSubject
from benchbench.report.wording import OUTCOMES, basis, commas, counted, interval, listed, quantity, sentences, value_of
from benchbench.scenario.types import Target
from benchbench.stats.estimate import Estimate

TITLE = tr("Answer")


def render(subject: RunSubject) -> Section | None:
    """Says how fast, how sure, and whether the target was reached."""
    known, unknown = _figures(subject)
    blocks: list[Block] = [_answer(subject)]
    if known:
        blocks.append(Facts(items=known, prominent=True))
        blocks.append(Paragraph(text=_footnote(subject, unknown), tone="muted"))
    return Section(title=TITLE, blocks=tuple(blocks))


def _answer(subject: RunSubject) -> Answer:
    summary, name = subject.summary, subject.scenario.name
    target = subject.scenario.target
    failed = _failed(subject)
    if summary.step_s is None:
        return Answer(text=sentences([tr("{name}: no result.", name=name), failed]), tone="bad")
    speed: str = tr("{time} a step", time=value_of(summary.step_s))
    if summary.step_s.low is not None or summary.step_s.high is not None:
        speed = tr("{speed} ({sure})", speed=speed, sure=commas([interval(summary.step_s), basis(summary.step_s)]))
    if summary.samples_per_s is not None:
        speed = commas([speed, value_of(summary.samples_per_s)])
    tone: Tone = "warning" if summary.reached_target is False else "good"
    if summary.reached_target is None or target is None:
        text = tr("{name} trains at {speed}.", name=name, speed=speed)
    else:
        text = sentences([_target_sentence(subject, target), tr("It trains at {speed}.", speed=speed)])
    return Answer(text=sentences([text, failed]), tone="warning" if failed else tone)


def _target_sentence(subject: RunSubject, target: Target) -> str:
    summary, name = subject.summary, subject.scenario.name
    counted_repeats = [r for r in subject.run.repeats if r.reach is not None]
    reached = sum(r.reach.reached for r in counted_repeats if r.reach is not None)
    share = tr("{count} of {repeats}", count=reached, repeats=counted(len(counted_repeats), "repeat"))
    best = [r.reach.best for r in counted_repeats if r.reach is not None and r.reach.best is not None]
    if summary.time_to_target_s is not None:
        return tr(
            "{name} reaches {target} in {time} of training ({interval}; {share}).",
            name=name,
            target=bound(target),
            time=value_of(summary.time_to_target_s),
            interval=interval(summary.time_to_target_s),
            share=share,
        )
    better = (max if target.at_least is not None else min)(best, default=None)
    told = tr("; the best seen was {better}", better=quantity(better, "")) if better is not None else ""
    return tr(
        "{name} does not reach {target}: {share} did{told}.", name=name, target=bound(target), share=share, told=told
    )


def _failed(subject: RunSubject) -> str:
    repeats = subject.run.repeats
    bad = [r for r in repeats if r.outcome is not Outcome.OK]
    if not bad:
        return "" if repeats else tr("Nothing was measured.")
    ways = listed(list(dict.fromkeys(OUTCOMES[r.outcome] for r in bad)))
    return tr("{count} of {repeats} {ways}.", count=len(bad), repeats=counted(len(repeats), "repeat"), ways=ways)


def _figures(subject: RunSubject) -> tuple[tuple[tuple[str, Cell], ...], list[str]]:
    s = subject.summary
    every: list[tuple[str, Cell]] = [
        (tr("step time"), s.step_s),
        (tr("throughput"), s.samples_per_s),
        (tr("tokens"), s.tokens_per_s),
        (tr("tokens per device"), _per_device(subject)),
        (tr("peak memory"), None if s.peak_memory_bytes is None else Quantity(value=s.peak_memory_bytes, unit="bytes")),
        (tr("utilization"), s.utilization),
        (tr("model FLOP/s utilization"), s.mfu),
        (tr("power"), s.power_w),
        (tr("energy per sample"), s.energy_j_per_sample),
        (tr("waiting for data"), s.data_wait_fraction),
        (tr("communication"), s.communication_fraction),
    ]
    if subject.scenario.target is not None and s.reach_rate is not None:
        rate = Quantity(value=s.reach_rate, unit="fraction")
        every = [
            (tr("time to target"), s.time_to_target_s),
            (tr("steps to target"), s.steps_to_target),
            (tr("reached"), rate),
            *every,
        ]
    known = [(label, value) for label, value in (*every, *_told_where_known(subject)) if value is not None]
    known += [
        (tr("{metric} at the end", metric=_metric(name)), Quantity(value=value, unit=""))
        for name, value in s.final_metrics.items()
    ]
    named = [label for label, value in every if value is None and label != "tokens per device"]
    return tuple(known) if s.step_s is not None else (), named


def _told_where_known(subject: RunSubject) -> tuple[tuple[str, Cell], ...]:
    """What not every run has: nobody misses it where it is unknown."""
    s = subject.summary
    return (
        (tr("share of the measured peak"), s.mfu_measured),
        (tr("compilation"), s.compile_s),
        *costs(s),
    )


def _metric(name: str) -> str:
    return {"train_loss": tr("training loss"), "loss": tr("held-out loss")}.get(name, name)


def _per_device(subject: RunSubject) -> Estimate | None:
    """Told for several devices only; the label says whose they are."""
    hardware, found = subject.scenario.hardware, subject.summary.tokens_per_s_per_device
    several = hardware.devices * hardware.nodes > 1
    return found.model_copy(update={"unit": "tokens/s"}) if found is not None and several else None


def _footnote(subject: RunSubject, unknown: list[str]) -> str:
    good = [r for r in subject.run.repeats if r.outcome is Outcome.OK and r.figures is not None]
    steps = sum(r.figures.measured_steps for r in good if r.figures is not None)
    measured_s = sum(r.figures.measured_s for r in good if r.figures is not None)
    steps_told, repeats, time = [
        counted(steps, "measured step"),
        counted(len(good), "repeat"),
        quantity(measured_s, "s"),
    ]
    text = tr("From {steps} in {repeats}, {time} of training.", steps=steps_told, repeats=repeats, time=time)
    return sentences([text, tr("Unknown here: {figures}.", figures=listed(unknown)) if unknown else ""])


PLUGIN = Plugin(title=TITLE, order=10, takes=(RunSubject,), render=render, brief=True)
