"""Why repeats of a run have no full result: the reason and the end of the log."""

from __future__ import annotations

from benchbench.record.types import Outcome, Repeat
from benchbench.report.content import Block, Callout, Code, Section, Tone
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import RunSubject
from benchbench.report.wording import OUTCOMES, commas, sentences, tone_of

TITLE = tr("What went wrong")
_TAIL_LINES = 25
_MOST = 8


def render(subject: RunSubject) -> Section | None:
    """Each reason once, with the repeats that it ended."""
    bad = [r for r in subject.run.repeats if r.outcome is not Outcome.OK]
    if not bad:
        return None
    alike: dict[tuple[Outcome, str], list[Repeat]] = {}
    for repeat in bad:
        message = repeat.failure.message if repeat.failure else ""
        alike.setdefault((repeat.outcome, message), []).append(repeat)
    blocks: list[Block] = []
    for (outcome, message), repeats in list(alike.items())[:_MOST]:
        which = ", ".join(str(r.index) for r in repeats)
        ended = OUTCOMES[outcome]
        one = len(repeats) == 1
        title = (
            tr("Repeat {which} {ended}", which=which, ended=ended)
            if one
            else tr("Repeats {which} {ended}", which=which, ended=ended)
        )
        tone: Tone = "warning" if tone_of(outcome) == "muted" else "bad"
        blocks.append(Callout(tone=tone, title=title, text=sentences([message, _where(repeats[0])])))
        tail = repeats[0].failure.log_tail.strip("\n") if repeats[0].failure else ""
        if tail.strip():
            blocks.append(
                Code(
                    title=tr("End of the log of repeat {index}", index=repeats[0].index),
                    text="\n".join(tail.split("\n")[-_TAIL_LINES:]),
                )
            )
    return Section(title=TITLE, blocks=tuple(blocks))


def _where(repeat: Repeat) -> str:
    failure = repeat.failure
    if failure is None:
        return ""
    parts = []
    if failure.rank is not None:
        parts.append(tr("rank {rank}", rank=failure.rank))
    if failure.exit_code is not None:
        parts.append(tr("exit code {exit_code}", exit_code=failure.exit_code))
    return tr("({where})", where=commas(parts)) if parts else ""


PLUGIN = Plugin(title=TITLE, order=15, takes=(RunSubject,), render=render, brief=True)
