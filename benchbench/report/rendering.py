"""What a file is made of, and the plug-ins that make files of it: the same content as a page, as text, as data.

A renderer is one file in `renderers/`, named as `--format` calls it; its `PLUGIN` satisfies `Renderer`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, cast

from benchbench import registry
from benchbench.errors import InputError
from benchbench.report.language import Language, tr
from benchbench.report.subject import AnySubject, ComparisonSubject, HistorySubject, RunSubject, StudySubject
from benchbench.report.wording import counted

if TYPE_CHECKING:
    from benchbench.report.content import Section
    from benchbench.report.html_page import Article

TOLD_WHOLE = 20
DEFAULT = "html"


@dataclass(frozen=True, kw_only=True, eq=False)
class Document:
    """Runs and studies, or one comparison, or the series of a history; what is said of them is made when asked for.

    Attributes:
        subjects: what the document speaks of, at least one; all are in the overview.
        most: so many of them, the first, are told whole.
        language: in which a page opens; the other formats are English.
    """

    subjects: tuple[AnySubject, ...]
    most: int = TOLD_WHOLE
    language: Language = "en"

    @property
    def is_comparison(self) -> bool:
        """Whether it holds runs beside the first of them."""
        return isinstance(self.subjects[0], ComparisonSubject)

    @property
    def is_history(self) -> bool:
        """Whether it holds series over time."""
        return isinstance(self.subjects[0], HistorySubject)

    @property
    def title(self) -> str:
        """Of the whole."""
        names = {subject.scenario.name for subject in self.subjects}
        count = len(self.subjects)
        many = counted(count, "scenario") if self.is_history else counted(count, "result")
        told = names.pop() if len(names) == 1 else many
        if self.is_comparison:
            return tr("{what}, compared", what=told)
        return tr("{what}, over time", what=told) if self.is_history else told

    @cached_property
    def articles(self) -> tuple[Article, ...]:
        """One a subject that is told whole."""
        from benchbench.report.several import article_of_comparison, articles_of, articles_of_history

        first = self.subjects[0]
        if isinstance(first, ComparisonSubject):
            return (article_of_comparison(first),)
        series = [s for s in self.subjects if isinstance(s, HistorySubject)]
        return tuple(articles_of_history(series) if series else articles_of(self._results, self.most))

    @cached_property
    def overview(self) -> Section | None:
        """All subjects side by side; None for a single one."""
        from benchbench.report.several import overview, overview_of_history

        series = [s for s in self.subjects if isinstance(s, HistorySubject)]
        return overview_of_history(series) if series else overview(self._results)

    @property
    def left_out(self) -> int:
        """How many subjects stand in the overview alone."""
        return len(self.subjects) - len(self.articles)

    @property
    def _results(self) -> list[RunSubject | StudySubject]:
        return [s for s in self.subjects if isinstance(s, RunSubject | StudySubject)]


class Renderer(Protocol):
    """A pure function from a document to a file's text.

    Attributes:
        suffixes: of its files' names, the one that it gives first.
    """

    suffixes: ClassVar[tuple[str, ...]]

    def text(self, document: Document) -> str:
        """The whole file; the same document gives the same text."""
        ...


def renderer(name: str) -> Renderer:
    """The renderer of a name, such as `html`.

    Raises:
        UnsupportedError: there is none.
    """
    return cast(Renderer, registry.load(registry.RENDERERS, name))


def files(base: Path | None, formats: Sequence[str], default: Path) -> dict[Path, Renderer]:
    """Which files are to be written by what.

    Args:
        base: what the user asked for: a file whose suffix tells the format, or, with `formats`, a name without one.
        formats: each once in the result; none means the one that `base` tells, else `DEFAULT`.
        default: where there is no `base`; has no suffix.

    Returns:
        The renderer of each file.

    Raises:
        InputError: a suffix that belongs to no format, or to none of those asked for.
    """
    known = {suffix: name for name in registry.names(registry.RENDERERS) for suffix in renderer(name).suffixes}
    if base is None:
        return {_with_suffix(default, renderer(n).suffixes[0]): renderer(n) for n in formats or (DEFAULT,)}
    told = known.get(base.suffix.lower())
    if not formats and told is None:
        choices = f"{base.name!r} tells no format; let it end in {', '.join(known)}, or name one with --format"
        raise InputError(choices, key="-o")
    if formats and told is None and base.suffix:
        raise InputError(f"{base.suffix!r} is no known suffix; known: {', '.join(known)}, or none at all", key="-o")
    if formats and told is not None and told not in formats:
        raise InputError(f"{base.name!r} is a file of the format {told}, which --format does not name", key="-o")
    chosen = {name: renderer(name) for name in formats or (cast(str, told),)}
    bare = base.with_suffix("") if told else base
    return {base if n == told else _with_suffix(bare, r.suffixes[0]): r for n, r in chosen.items()}


def _with_suffix(path: Path, suffix: str) -> Path:
    """A suffix behind the whole name: what follows the dot of `bert-1.5` is none."""
    return path.with_name(path.name + suffix)
