"""Which language a page opens in."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchbench.report.language import Language

HELP = "en or zh: the language that the page opens in; it can be switched there"


def language_of(name: str) -> Language:
    """The language of a name.

    Raises:
        InputError: no page is in it.
    """
    from benchbench.errors import InputError, nearest
    from benchbench.report.language import LANGUAGES

    found = next((language for language in LANGUAGES if language == name), None)
    if found is None:
        raise InputError(f"no page is in {name!r}: {nearest(name, LANGUAGES)}", key="--lang")
    return found


def page_language(name: str, *, no_report: bool) -> Language | None:
    """The language of the page that a command writes; None for no page.

    Raises:
        InputError: there is none of that name.
    """
    language = language_of(name)
    return None if no_report else language
