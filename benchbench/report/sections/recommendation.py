"""The answer of a search in one sentence: the verdict, how sure it is, and what to copy and run."""

from __future__ import annotations

import shlex

from benchbench.report.content import Answer, Block, Cell, Code, Facts, Paragraph, Quantity, Section, Tone
from benchbench.report.objective import baseline_value, bound, goal
from benchbench.report.plugins import Plugin
from benchbench.report.subject import StudySubject
from benchbench.report.wording import basis, interval, quantity, setting, settings, value_of
from benchbench.stats.estimate import Estimate

TITLE = "Recommendation"
_TIED_TOLD = 5


def render(subject: StudySubject) -> Section | None:
    """Verdict, key figures, the file and the command."""
    study, found = subject.study, subject.study.recommendation
    blocks: list[Block] = [_answer(subject)]
    figures: list[tuple[str, Cell]] = [
        ("speedup", found.speedup),
        ("time to target", found.time_to_target_s),
        ("predicted time to target", found.predicted_time_to_target_s),
        ("step time", found.step_s),
        ("throughput", found.samples_per_s),
        ("reached", None if found.reach_rate is None else Quantity(value=found.reach_rate, unit="fraction")),
        ("search took", Quantity(value=study.spent_s, unit="s")),
    ]
    blocks.append(Facts(items=tuple((label, value) for label, value in figures if value is not None), prominent=True))
    command = shlex.join(["benchbench", "run", found.scenario_path])
    blocks.append(Code(title="Copy and run", text=command, is_command=True))
    blocks.append(Paragraph(text=f"{found.scenario_path} is the recommended scenario, resolved in full.", tone="muted"))
    if found.tied_with:
        told = "; ".join(settings(o) for o in found.tied_with[:_TIED_TOLD])
        more = f"; and {len(found.tied_with) - _TIED_TOLD} more" if len(found.tied_with) > _TIED_TOLD else ""
        blocks.append(Paragraph(text=f"Not told apart from it: {told}{more}."))
    return Section(title=TITLE, blocks=tuple(blocks))


def _answer(subject: StudySubject) -> Answer:
    found, what = subject.study.recommendation, goal(subject.study)
    setup, speedup = _setup(subject), found.speedup
    measured = _measured(subject)
    text: str
    tone: Tone = "plain"
    if found.verdict == "faster":
        gain = f", {value_of(speedup)} as fast as the baseline ({_sure(speedup)})" if speedup else ", faster than the baseline"
        text, tone = f"{setup}: {what}{measured}{gain}.", "good"
    elif found.verdict == "tie":
        ratio = f": {value_of(speedup)} as fast ({_sure(speedup)})" if speedup else ""
        text = f"Nothing beats the baseline by more than the margin. The best setup, {setup}, ties with it{ratio}."
    elif found.verdict == "insufficient-evidence":
        ratio = f"It measured {value_of(speedup)} as fast as the baseline ({_sure(speedup)}). " if speedup else ""
        text = f"Not enough evidence for a winner. The best setup measured is {setup}{measured}. {ratio}More budget or more repeats would decide."
        tone = "warning"
    else:
        wanted = bound(subject.scenario.target) if subject.scenario.target else "the target"
        text, tone = f"No setup reached {wanted}. The nearest is {setup}; a lower target or a larger budget may help.", "bad"
    return Answer(text=text, tone=tone)


def _setup(subject: StudySubject) -> str:
    """The settings that differ from the baseline's."""
    found = subject.study.recommendation.overrides
    changed = [f"{k} = {setting(v)}" for k, v in found.items() if v != baseline_value(subject.study, k)]
    return ", ".join(changed) or "the baseline itself"


def _measured(subject: StudySubject) -> str:
    found = subject.study.recommendation
    if found.time_to_target_s is not None:
        return f" in {_value(found.time_to_target_s)}"
    value = found.samples_per_s or found.step_s
    return f" at {_value(value)}{'' if found.samples_per_s else ' a step'}" if value else ""


def _value(estimate: Estimate) -> str:
    bare = estimate.low is None and estimate.high is None
    return value_of(estimate) if bare else f"{value_of(estimate)} ({interval(estimate)})"


def _sure(speedup: Estimate) -> str:
    if speedup.low is None and speedup.high is None:
        return f"no interval, {quantity(speedup.n, '')} repeats"
    return f"{interval(speedup)}; {basis(speedup)}"


PLUGIN = Plugin(title=TITLE, order=10, takes=(StudySubject,), render=render, brief=True)
