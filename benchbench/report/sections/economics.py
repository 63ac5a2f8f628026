"""What the search cost, what it saves a training, and after how many trainings it pays."""

from __future__ import annotations

from benchbench.report.content import Block, Cell, Facts, Paragraph, Quantity, Section
from benchbench.report.plugins import Plugin
from benchbench.report.subject import StudySubject
from benchbench.report.wording import quantity

TITLE = "What the search cost"


def render(subject: StudySubject) -> Section | None:
    """Costs and savings; what is not known is said and never guessed."""
    study, cost = subject.study, subject.study.economics
    items: tuple[tuple[str, Cell], ...] = (
        ("budget", Quantity(value=study.budget_s, unit="s")),
        ("spent", Quantity(value=study.spent_s, unit="s")),
        ("search", Quantity(value=cost.search_s, unit="s")),
        ("saved a training", Quantity(value=cost.saved_per_training_s, unit="s")),
        ("pays after", Quantity(value=cost.break_even_trainings, unit="trainings")),
    )
    blocks: list[Block] = [Facts(items=items), Paragraph(text=_words(subject))]
    return Section(title=TITLE, blocks=tuple(blocks))


def _words(subject: StudySubject) -> str:
    cost = subject.study.economics
    saved, trainings = cost.saved_per_training_s, cost.break_even_trainings
    if saved is None:
        return "What it saves is unknown: baseline and recommendation were not both measured to the target."
    if saved <= 0 or trainings is None:
        return "The recommendation saves no time over the baseline, so the search does not pay by itself."
    after = quantity(trainings, "trainings")
    return f"Each training is {quantity(saved, 's')} shorter; the search has paid after {after}."


PLUGIN = Plugin(title=TITLE, order=50, takes=(StudySubject,), render=render)
