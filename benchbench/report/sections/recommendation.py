"""The answer of a search in one sentence: the verdict, how sure it is, and what to copy and run."""

from __future__ import annotations

import shlex

from benchbench.report.claim import foremost, neighbours_in_words
from benchbench.report.content import Answer, Block, Cell, Code, Facts, Paragraph, Quantity, Section
from benchbench.report.language import tr
from benchbench.report.objective import baseline_value, bound, goal
from benchbench.report.plugins import Plugin
from benchbench.report.subject import StudySubject
from benchbench.report.wording import basis, commas, interval, semicolons, setting, settings, value_of, with_interval
from benchbench.stats.estimate import Estimate

TITLE = tr("Recommendation")
_TIED_TOLD = 5


def render(subject: StudySubject) -> Section | None:
    """Verdict, key figures, the file and the command."""
    study, found, target = subject.study, subject.study.recommendation, subject.scenario.target
    blocks: list[Block] = [_answer(subject)]
    figures: list[tuple[str, Cell]] = [
        (tr("speedup"), found.speedup),
        (tr("time to target"), found.time_to_target_s),
        (tr("predicted time to target"), found.predicted_time_to_target_s),
        (tr("step time"), found.step_s),
        (tr("throughput"), found.samples_per_s),
        (tr("reached"), None if found.reach_rate is None else Quantity(value=found.reach_rate, unit="fraction")),
        (tr("reached, over all seeds"), found.reach_rate_over_seeds),
        *((tr("test {name}", name=name), value) for name, value in foremost(found.test_metrics, target).items()),
        (tr("search took"), Quantity(value=study.spent_s, unit="s")),
    ]
    blocks.append(Facts(items=tuple((label, value) for label, value in figures if value is not None), prominent=True))
    if found.reason.strip():
        blocks.append(Paragraph(text=tr("Why this verdict: {reason}.", reason=found.reason.strip().rstrip("."))))
    blocks += _beside_the_time(subject)
    command = shlex.join(["benchbench", "run", found.scenario_path])
    blocks.append(Code(title=tr("Copy and run"), text=command, is_command=True))
    blocks.append(
        Paragraph(
            text=tr(
                "{scenario_path} is the recommended scenario, resolved in full.", scenario_path=found.scenario_path
            ),
            tone="muted",
        )
    )
    if found.tied_with:
        told = semicolons(settings(o) or tr("the baseline") for o in found.tied_with[:_TIED_TOLD])
        if len(found.tied_with) > _TIED_TOLD:
            told = tr("{told} and {count} more", told=told, count=len(found.tied_with) - _TIED_TOLD)
        blocks.append(Paragraph(text=tr("Not told apart from it: {told}.", told=told)))
    return Section(title=TITLE, blocks=tuple(blocks))


def _beside_the_time(subject: StudySubject) -> list[Block]:
    """The baseline's metrics on the test split, and how the setup fares at the neighbouring learning rates."""
    before, advice = subject.study.baseline, subject.study.recommendation
    scores = foremost(before.test_metrics, subject.scenario.target)
    told = commas(tr("{name} {value}", name=name, value=with_interval(value)) for name, value in scores.items())
    around = neighbours_in_words(advice)
    lines = [
        tr("On the test split, which the search never saw, the baseline has {told}.", told=told) if told else "",
        tr("At the neighbouring learning rates: {around}.", around=around) if around else "",
    ]
    return [Paragraph(text=line) for line in lines if line]


def _answer(subject: StudySubject) -> Answer:
    verdict = subject.study.recommendation.verdict
    setup, measured = _setup(subject) or tr("the baseline itself"), _measured(subject)
    if verdict == "faster":
        gain = _ratio(subject) or tr("faster than the baseline")
        return Answer(
            text=tr(
                "Train with {setup}: it {goal}{measured}, {gain}.",
                setup=setup,
                goal=goal(subject.study),
                measured=measured,
                gain=gain,
            ),
            tone="good",
        )
    if verdict == "tie" and not _setup(subject):
        return Answer(
            text=tr(
                "Keep the baseline: it {goal}{measured}, and nothing measured beats it.",
                goal=goal(subject.study),
                measured=measured,
            )
        )
    if verdict == "tie":
        text = tr(
            "Nothing measured beats the baseline by more than the margin. The best setup, {setup}, ties with it",
            setup=setup,
        )
        gain = _ratio(subject)
        return Answer(text=tr("{text}: {gain}.", text=text, gain=gain) if gain else tr("{text}.", text=text))
    if verdict == "insufficient-evidence" and subject.study.recommendation.breaches:
        text = tr(
            "No setup measured holds the constraints. The nearest is {setup}{measured}.",
            setup=setup,
            measured=measured,
        )
        return Answer(text=text, tone="bad")
    if verdict == "insufficient-evidence":
        text = tr(
            "Not enough evidence for a winner. The best setup measured is {setup}{measured}",
            setup=setup,
            measured=measured,
        )
        return Answer(text=tr("{text}.", text=commas([text, _ratio(subject)])), tone="warning")
    wanted = bound(subject.scenario.target) if subject.scenario.target else tr("the target")
    return Answer(text=tr("No setup reached {wanted}. The nearest is {setup}.", wanted=wanted, setup=setup), tone="bad")


def _ratio(subject: StudySubject) -> str:
    """`1.83x as fast as the baseline (1.6x to 2.1x; 95 %, 3 repeats)`; empty where not both were measured."""
    speedup = subject.study.recommendation.speedup
    return (
        tr("{speedup} as fast as the baseline ({sure})", speedup=value_of(speedup), sure=_sure(speedup))
        if speedup
        else ""
    )


def _setup(subject: StudySubject) -> str:
    """The settings that differ from the baseline's; empty for the baseline itself."""
    found = subject.study.recommendation.overrides
    changed = [f"{k} = {setting(v)}" for k, v in found.items() if v != baseline_value(subject.study, k)]
    return ", ".join(changed)


def _measured(subject: StudySubject) -> str:
    found = subject.study.recommendation
    if found.time_to_target_s is not None:
        return tr(" in {time}", time=with_interval(found.time_to_target_s))
    value = found.samples_per_s or found.step_s
    if value is None:
        return ""
    told = with_interval(value)
    return tr(" at {value}", value=told) if found.samples_per_s else tr(" at {value} a step", value=told)


def _sure(speedup: Estimate) -> str:
    if speedup.low is None and speedup.high is None:
        return tr("no interval, {basis}", basis=basis(speedup))
    return semicolons([interval(speedup), basis(speedup)])


PLUGIN = Plugin(title=TITLE, order=10, takes=(StudySubject,), render=render, brief=True)
