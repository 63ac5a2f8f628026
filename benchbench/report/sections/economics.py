"""What the search cost, what it saves a training, and after how many trainings it pays."""

from __future__ import annotations

from benchbench.report.content import Block, Cell, Facts, Paragraph, Quantity, Section
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import StudySubject
from benchbench.report.wording import quantity

TITLE = tr("What the search cost")


def render(subject: StudySubject) -> Section | None:
    """Costs and savings; what is not known is said and never guessed."""
    study, cost = subject.study, subject.study.economics
    items: tuple[tuple[str, Cell], ...] = (
        (tr("budget"), Quantity(value=study.budget_s, unit="s")),
        (tr("spent"), Quantity(value=study.spent_s, unit="s")),
        (tr("search"), Quantity(value=cost.search_s, unit="s")),
        (tr("saved a training"), Quantity(value=cost.saved_per_training_s, unit="s")),
        (tr("pays after"), Quantity(value=cost.break_even_trainings, unit="trainings")),
    )
    blocks: list[Block] = [Facts(items=items), Paragraph(text=_words(subject))]
    return Section(title=TITLE, blocks=tuple(blocks))


def _words(subject: StudySubject) -> str:
    cost = subject.study.economics
    saved, trainings = cost.saved_per_training_s, cost.break_even_trainings
    if saved is None:
        return tr("What it saves is unknown: baseline and recommendation were not both measured to the target.")
    if saved <= 0 or trainings is None:
        return tr("The recommendation saves no time over the baseline, so the search does not pay by itself.")
    after = quantity(trainings, "trainings")
    return tr(
        "Each training is {saved} shorter; the search has paid after {after}.", saved=quantity(saved, "s"), after=after
    )


PLUGIN = Plugin(title=TITLE, order=50, takes=(StudySubject,), render=render)
