"""A section plug-in, and all that the plug-ins say of a subject."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar, cast

from benchbench import registry
from benchbench.report.content import Callout, Section
from benchbench.report.language import tr
from benchbench.report.subject import (
    AnySubject,
    ComparisonSubject,
    HistorySubject,
    RunSubject,
    StudySubject,
    Subject,
)

S = TypeVar("S", RunSubject, StudySubject, ComparisonSubject, HistorySubject, Subject, AnySubject)


@dataclass(frozen=True, kw_only=True)
class Plugin(Generic[S]):
    """One file of `sections/` as its `PLUGIN`.

    Attributes:
        title: of the section, also when it could not be made.
        order: sections stand by it, ascending; files of equal order by their name.
        takes: the kinds of subject it speaks of.
        render: a pure function of the subject; None when there is nothing to say.
        brief: whether it belongs to a command's short answer in the terminal.
    """

    title: str
    order: int
    takes: tuple[type[RunSubject] | type[StudySubject] | type[ComparisonSubject] | type[HistorySubject], ...]
    render: Callable[[S], Section | None]
    brief: bool = False


@cache
def plugins() -> tuple[Plugin[Any], ...]:
    """Every section plug-in in the page's order."""
    loaded = [cast("Plugin[Any]", registry.load(registry.SECTIONS, name)) for name in registry.names(registry.SECTIONS)]
    return tuple(sorted(loaded, key=lambda plugin: plugin.order))


def sections_of(subject: AnySubject, *, brief: bool = False) -> tuple[Section, ...]:
    """What there is to say of a subject.

    Args:
        subject: a run, a study, a comparison or a history.
        brief: only what a command's short answer needs.
    """
    fitting = [p for p in plugins() if isinstance(subject, p.takes) and (p.brief or not brief)]
    made = [_made(plugin, subject) for plugin in fitting]
    return tuple(section for section in made if section is not None)


def _made(plugin: Plugin[Any], subject: AnySubject) -> Section | None:
    try:
        return plugin.render(subject)
    except Exception as error:  # noqa: BLE001 - one section's fault must not cost the page; it is said in its place
        fault = f"{type(error).__name__}: {error}"
        text = tr("{fault}. The record itself is whole.", fault=fault)
        told = Callout(tone="bad", title=tr("This section could not be made"), text=text)
        return Section(title=plugin.title, blocks=(told,))
