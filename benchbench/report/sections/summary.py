"""The answer of a run in one sentence, and the figures under it."""

from __future__ import annotations

from benchbench.record.types import Outcome
from benchbench.report.content import Answer, Block, Cell, Facts, Paragraph, Quantity, Section, Tone
from benchbench.report.objective import bound
from benchbench.report.plugins import Plugin
from benchbench.report.sections.energy import costs
from benchbench.report.subject import RunSubject
from benchbench.report.wording import OUTCOMES, basis, counted, interval, listed, quantity, value_of
from benchbench.scenario.types import Target
from benchbench.stats.estimate import Estimate

TITLE = "Answer"


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
        return Answer(text=f"{name}: no result. {failed}", tone="bad")
    speed = f"{value_of(summary.step_s)} a step"
    if summary.step_s.low is not None or summary.step_s.high is not None:
        speed += f" ({interval(summary.step_s)}, {basis(summary.step_s)})"
    if summary.samples_per_s is not None:
        speed += f", {value_of(summary.samples_per_s)}"
    tone: Tone = "warning" if summary.reached_target is False else "good"
    if summary.reached_target is None or target is None:
        text = f"{name} trains at {speed}."
    else:
        text = f"{_target_sentence(subject, target)} It trains at {speed}."
    return Answer(text=f"{text} {failed}".strip(), tone="warning" if failed else tone)


def _target_sentence(subject: RunSubject, target: Target) -> str:
    summary, name = subject.summary, subject.scenario.name
    counted_repeats = [r for r in subject.run.repeats if r.reach is not None]
    reached = sum(r.reach.reached for r in counted_repeats if r.reach is not None)
    share = f"{reached} of {counted(len(counted_repeats), 'repeat')}"
    best = [r.reach.best for r in counted_repeats if r.reach is not None and r.reach.best is not None]
    if summary.time_to_target_s is not None:
        return (
            f"{name} reaches {bound(target)} in {value_of(summary.time_to_target_s)} of training "
            f"({interval(summary.time_to_target_s)}; {share})."
        )
    better = (max if target.at_least is not None else min)(best, default=None)
    told = f"; the best seen was {quantity(better, '')}" if better is not None else ""
    return f"{name} does not reach {bound(target)}: {share} did{told}."


def _failed(subject: RunSubject) -> str:
    repeats = subject.run.repeats
    bad = [r for r in repeats if r.outcome is not Outcome.OK]
    if not bad:
        return "" if repeats else "Nothing was measured."
    ways = listed(list(dict.fromkeys(OUTCOMES[r.outcome] for r in bad)))
    return f"{len(bad)} of {counted(len(repeats), 'repeat')} {ways}."


def _figures(subject: RunSubject) -> tuple[tuple[tuple[str, Cell], ...], list[str]]:
    s = subject.summary
    every: list[tuple[str, Cell]] = [
        ("step time", s.step_s),
        ("throughput", s.samples_per_s),
        ("tokens", s.tokens_per_s),
        ("tokens per device", _per_device(subject)),
        ("peak memory", None if s.peak_memory_bytes is None else Quantity(value=s.peak_memory_bytes, unit="bytes")),
        ("utilization", s.utilization),
        ("model FLOP/s utilization", s.mfu),
        ("power", s.power_w),
        ("energy per sample", s.energy_j_per_sample),
        ("waiting for data", s.data_wait_fraction),
        ("communication", s.communication_fraction),
    ]
    if subject.scenario.target is not None and s.reach_rate is not None:
        rate = Quantity(value=s.reach_rate, unit="fraction")
        every = [
            ("time to target", s.time_to_target_s),
            ("steps to target", s.steps_to_target),
            ("reached", rate),
            *every,
        ]
    known = [(label, value) for label, value in (*every, *_told_where_known(subject)) if value is not None]
    known += [
        (f"{_metric(name)} at the end", Quantity(value=value, unit="")) for name, value in s.final_metrics.items()
    ]
    named = [label for label, value in every if value is None and label != "tokens per device"]
    return tuple(known) if s.step_s is not None else (), named


def _told_where_known(subject: RunSubject) -> tuple[tuple[str, Cell], ...]:
    """What not every run has: nobody misses it where it is unknown."""
    s = subject.summary
    return (
        ("share of the measured peak", s.mfu_measured),
        ("compilation", s.compile_s),
        *costs(s),
    )


def _metric(name: str) -> str:
    return {"train_loss": "training loss", "loss": "held-out loss"}.get(name, name)


def _per_device(subject: RunSubject) -> Estimate | None:
    """Told for several devices only; the label says whose they are."""
    hardware, found = subject.scenario.hardware, subject.summary.tokens_per_s_per_device
    several = hardware.devices * hardware.nodes > 1
    return found.model_copy(update={"unit": "tokens/s"}) if found is not None and several else None


def _footnote(subject: RunSubject, unknown: list[str]) -> str:
    good = [r for r in subject.run.repeats if r.outcome is Outcome.OK and r.figures is not None]
    steps = sum(r.figures.measured_steps for r in good if r.figures is not None)
    measured_s = sum(r.figures.measured_s for r in good if r.figures is not None)
    told = [counted(steps, "measured step"), counted(len(good), "repeat"), quantity(measured_s, "s")]
    text = "From {} in {}, {} of training.".format(*told)
    return f"{text} Unknown here: {listed(unknown)}." if unknown else text


PLUGIN = Plugin(title=TITLE, order=10, takes=(RunSubject,), render=render, brief=True)
