"""Why repeats of a run have no full result: the reason and the end of the log."""

from __future__ import annotations

from benchbench.record.types import Outcome, Repeat
from benchbench.report.content import Block, Callout, Code, Section, Tone
from benchbench.report.plugins import Plugin
from benchbench.report.subject import RunSubject
from benchbench.report.wording import OUTCOMES, tone_of

TITLE = "What went wrong"
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
        title = f"Repeat{'s' if len(repeats) > 1 else ''} {which} {OUTCOMES[outcome]}"
        tone: Tone = "warning" if tone_of(outcome) == "muted" else "bad"
        blocks.append(
            Callout(tone=tone, title=title, text=" ".join(part for part in (message, _where(repeats[0])) if part))
        )
        tail = repeats[0].failure.log_tail.strip("\n") if repeats[0].failure else ""
        if tail.strip():
            blocks.append(
                Code(
                    title=f"End of the log of repeat {repeats[0].index}",
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
        parts.append(f"rank {failure.rank}")
    if failure.exit_code is not None:
        parts.append(f"exit code {failure.exit_code}")
    return f"({', '.join(parts)})" if parts else ""


PLUGIN = Plugin(title=TITLE, order=15, takes=(RunSubject,), render=render, brief=True)
