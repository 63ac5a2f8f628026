"""The answer of a search in one sentence: the verdict, how sure it is, and what to copy and run."""

from __future__ import annotations

import shlex

from benchbench.report.claim import neighbours_in_words
from benchbench.report.content import Answer, Block, Cell, Code, Facts, Paragraph, Quantity, Section
from benchbench.report.objective import baseline_value, bound, goal
from benchbench.report.plugins import Plugin
from benchbench.report.subject import StudySubject
from benchbench.report.wording import basis, interval, setting, settings, value_of, with_interval
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
        ("reached, over all seeds", found.reach_rate_over_seeds),
        *((f"test {name}", value) for name, value in found.test_metrics.items()),
        ("search took", Quantity(value=study.spent_s, unit="s")),
    ]
    blocks.append(Facts(items=tuple((label, value) for label, value in figures if value is not None), prominent=True))
    if found.reason.strip():
        blocks.append(Paragraph(text=f"Why this verdict: {found.reason.strip().rstrip('.')}."))
    blocks += _beside_the_time(subject)
    command = shlex.join(["benchbench", "run", found.scenario_path])
    blocks.append(Code(title="Copy and run", text=command, is_command=True))
    blocks.append(Paragraph(text=f"{found.scenario_path} is the recommended scenario, resolved in full.", tone="muted"))
    if found.tied_with:
        told = "; ".join(settings(o) or "the baseline" for o in found.tied_with[:_TIED_TOLD])
        more = f"; and {len(found.tied_with) - _TIED_TOLD} more" if len(found.tied_with) > _TIED_TOLD else ""
        blocks.append(Paragraph(text=f"Not told apart from it: {told}{more}."))
    return Section(title=TITLE, blocks=tuple(blocks))


def _beside_the_time(subject: StudySubject) -> list[Block]:
    """The baseline's metrics on the test split, and how the setup fares at the neighbouring learning rates."""
    before, advice = subject.study.baseline, subject.study.recommendation
    told = ", ".join(f"{name} {with_interval(value)}" for name, value in before.test_metrics.items())
    around = neighbours_in_words(advice)
    lines = [
        f"On the test split, which the search never saw, the baseline has {told}." if told else "",
        f"At the neighbouring learning rates: {around}." if around else "",
    ]
    return [Paragraph(text=line) for line in lines if line]


def _answer(subject: StudySubject) -> Answer:
    verdict = subject.study.recommendation.verdict
    setup, measured = _setup(subject) or "the baseline itself", _measured(subject)
    if verdict == "faster":
        gain = _ratio(subject) or "faster than the baseline"
        return Answer(text=f"Train with {setup}: it {goal(subject.study)}{measured}, {gain}.", tone="good")
    if verdict == "tie" and not _setup(subject):
        return Answer(text=f"Keep the baseline: it {goal(subject.study)}{measured}, and nothing measured beats it.")
    if verdict == "tie":
        text = f"Nothing measured beats the baseline by more than the margin. The best setup, {setup}, ties with it"
        return Answer(text=": ".join(part for part in (text, _ratio(subject)) if part) + ".")
    if verdict == "insufficient-evidence" and subject.study.recommendation.breaches:
        return Answer(text=f"No setup measured holds the constraints. The nearest is {setup}{measured}.", tone="bad")
    if verdict == "insufficient-evidence":
        text = f"Not enough evidence for a winner. The best setup measured is {setup}{measured}"
        return Answer(text=", ".join(part for part in (text, _ratio(subject)) if part) + ".", tone="warning")
    wanted = bound(subject.scenario.target) if subject.scenario.target else "the target"
    return Answer(text=f"No setup reached {wanted}. The nearest is {setup}.", tone="bad")


def _ratio(subject: StudySubject) -> str:
    """`1.83x as fast as the baseline (1.6x to 2.1x; 95 %, 3 repeats)`; empty where not both were measured."""
    speedup = subject.study.recommendation.speedup
    return f"{value_of(speedup)} as fast as the baseline ({_sure(speedup)})" if speedup else ""


def _setup(subject: StudySubject) -> str:
    """The settings that differ from the baseline's; empty for the baseline itself."""
    found = subject.study.recommendation.overrides
    changed = [f"{k} = {setting(v)}" for k, v in found.items() if v != baseline_value(subject.study, k)]
    return ", ".join(changed)


def _measured(subject: StudySubject) -> str:
    found = subject.study.recommendation
    if found.time_to_target_s is not None:
        return f" in {with_interval(found.time_to_target_s)}"
    value = found.samples_per_s or found.step_s
    return f" at {with_interval(value)}{'' if found.samples_per_s else ' a step'}" if value else ""


def _sure(speedup: Estimate) -> str:
    if speedup.low is None and speedup.high is None:
        return f"no interval, {basis(speedup)}"
    return f"{interval(speedup)}; {basis(speedup)}"


PLUGIN = Plugin(title=TITLE, order=10, takes=(StudySubject,), render=render, brief=True)
