"""How sure the recommendation is, and what would change it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from benchbench.report.claim import neighbours_in_words
from benchbench.report.content import Block, Code, Column, Row, Section, Table
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import StudySubject
from benchbench.report.wording import counted, quantity, semicolons, sentences, with_interval
from benchbench.stats.estimate import Estimate
from benchbench.units import human

TITLE = tr("How sure, and what would change the answer")
_COLUMNS = (
    Column(title=tr("what it rests on")),
    Column(title=tr("as measured"), wide=True),
    Column(title=tr("what would change it"), wide=True),
)


def render(subject: StudySubject) -> Section | None:
    """A row a reason to believe or to doubt, and the command that measures again; None of a study without trials."""
    study = subject.study
    if not study.trials:
        return None
    rows = tuple(Row(cells=cells) for cells in _rows(subject))
    blocks: list[Block] = [Table(columns=_COLUMNS, rows=rows)]
    if study.replayed_from is None:
        command = shlex.join(("benchbench", "verify", study.study))
        blocks.append(Code(title=tr("Measure again whether the claim holds"), text=command, is_command=True))
    return Section(title=TITLE, blocks=tuple(blocks))


def _rows(subject: StudySubject) -> Iterator[tuple[str, str, str]]:
    yield from _speedup(subject)
    yield from _repeats(subject)
    yield from _reached(subject)
    yield from _predicted(subject)
    yield from _neighbours(subject)
    yield from _rivals(subject)
    yield from _search(subject)
    yield from _pays(subject)
    yield (
        tr("the machine and its software"),
        subject.machine.cpu if not subject.machine.devices else subject.machine.devices[0].name,
        tr("Another device, driver or version: a speedup is measured where it is used."),
    )


def _speedup(subject: StudySubject) -> Iterator[tuple[str, str, str]]:
    found = subject.study.recommendation.speedup
    if found is None:
        told = tr("Times to compare: baseline and recommendation were not both measured to the end.")
        yield tr("the speedup"), tr("unknown"), told
        return
    yield tr("the speedup"), with_interval(found), _bound(found)


def _bound(speedup: Estimate) -> str:
    if speedup.low is None and speedup.high is None:
        return tr("A second repeat of both: of one, nothing is known of the spread.")
    if speedup.low is not None and speedup.low > 1:
        return tr(
            "An error that the interval does not hold: even at its lower end the baseline takes {share} longer.",
            share=human(speedup.low - 1, "%", 2),
        )
    if speedup.high is not None and speedup.high < 1:
        return tr("The whole interval lies below 1: the baseline is the faster one.")
    return tr("More repeats: the interval holds 1, so that either may be the faster one.")


def _repeats(subject: StudySubject) -> Iterator[tuple[str, str, str]]:
    before, after = subject.study.baseline.time_to_target_s, subject.study.recommendation.time_to_target_s
    if before is None or after is None:
        return
    told = tr(
        "{before} of the baseline, {after} of the recommendation",
        before=counted(before.n, "repeat"),
        after=counted(after.n, "repeat"),
    )
    few = min(before.n, after.n) < 3
    change = (
        tr("Repeats that fall out otherwise: so few can all be lucky. A longer budget pays for more.")
        if few
        else tr("Repeats that fall out otherwise, which their interval allows for.")
    )
    yield tr("the repeats, in fresh processes with fresh seeds"), told, change


def _reached(subject: StudySubject) -> Iterator[tuple[str, str, str]]:
    found = subject.study.recommendation
    if found.reach_rate is None:
        return
    told = quantity(found.reach_rate, "fraction")
    if found.reach_rate_over_seeds is not None:
        told = tr("{told}; over all seeds {rate}", told=told, rate=with_interval(found.reach_rate_over_seeds))
    yield (
        tr("reaching the target"),
        told,
        tr("A miss counts as infinite: where half of the repeats miss, the setup has no time at all."),
    )


def _predicted(subject: StudySubject) -> Iterator[tuple[str, str, str]]:
    found = subject.study.recommendation
    expected, seen = found.predicted_time_to_target_s, found.time_to_target_s
    if expected is None:
        return
    if seen is None:
        change = tr("A training to the target: this time is predicted, not measured.")
        yield tr("the prediction"), with_interval(expected), change
        return
    ratio = tr("measured over predicted {ratio}", ratio=quantity(seen.value / expected.value, "x"))
    told = semicolons([with_interval(expected), ratio])
    yield (
        tr("the prediction"),
        told,
        tr("Nothing: what was measured stands. Far from 1, the search's model misjudged the space."),
    )


def _neighbours(subject: StudySubject) -> Iterator[tuple[str, str, str]]:
    around = neighbours_in_words(subject.study.recommendation)
    if not around:
        return
    fragile = any(warning.code == "fragile" for warning in subject.study.warnings)
    yield (
        tr("the neighbouring learning rates"),
        around,
        tr("A small shift of the learning rate: choose a rate whose neighbours are fast too.")
        if fragile
        else tr("Little: the neighbours do not break down."),
    )


def _rivals(subject: StudySubject) -> Iterator[tuple[str, str, str]]:
    count = len(subject.study.recommendation.tied_with)
    if count:
        yield (
            tr("the nearest rivals"),
            tr("{setups} not told apart from it", setups=counted(count, "setup")),
            tr("More repeats may put one of them first; none is then much faster."),
        )


def _search(subject: StudySubject) -> Iterator[tuple[str, str, str]]:
    study = subject.study
    found = [t for t in study.trials if t.role in ("baseline", "candidate", "probe")]
    valued = sum(t.objective is not None for t in found)
    told = tr("{trials}, {count} with a value", trials=counted(len(found), "trial"), count=valued)
    why = study.stopped.strip().rstrip(".")
    yield (
        tr("the search"),
        sentences([tr("{told}.", told=told), tr("It ended: {why}.", why=why) if why else ""]),
        tr("A setup that was never tried: a longer budget or a wider search.space looks further."),
    )


def _pays(subject: StudySubject) -> Iterator[tuple[str, str, str]]:
    trainings = subject.study.economics.break_even_trainings
    if trainings is not None:
        yield (
            tr("whether the search pays"),
            tr("after {trainings}", trainings=quantity(trainings, "trainings")),
            tr("Fewer trainings than that: then what is run today was cheaper."),
        )


PLUGIN = Plugin(title=TITLE, order=52, takes=(StudySubject,), render=render)
