"""Texts that can be told in several languages: English in the code, the others in `catalogs/`, found by the English.

A `Message` is its English text, so that whatever takes a text takes it; beside that it keeps its template and values,
from which a page tells it in another language. What a record holds (names, settings, messages, logs), numbers and units
stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Literal, get_args

Language = Literal["en", "zh"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


class Message(str):
    """An English text with what it was made of; made by `tr`.

    Attributes:
        template: English with `{names}`; the key of the catalogs.
        values: what stands for the names; messages among them are told in the same language.
    """

    __slots__ = ("template", "values")
    template: str
    values: Mapping[str, str]

    def __new__(cls, template: str, values: Mapping[str, str]) -> Message:
        """A message; like any text of a record, its values are cleaned by what shows them."""
        made = super().__new__(cls, template.format(**values))
        made.template = template
        made.values = values
        return made


class Told(str):
    """An English text that was told in other languages already, such as one read back from a page.

    Attributes:
        others: the same in other languages.
    """

    __slots__ = ("others",)
    others: Mapping[Language, str]

    def __new__(cls, text: str, others: Mapping[Language, str]) -> Told:
        """A text with its translations."""
        made = super().__new__(cls, text)
        made.others = others
        return made


def tr(template: str, /, **values: object) -> str:
    """A text for people: a `Message`.

    Args:
        template: English with `{names}`, to the letter as the catalogs have it.
        values: what stands for the names.
    """
    return Message(template, {name: v if isinstance(v, str) else str(v) for name, v in values.items()})


def told(text: str, language: Language) -> str:
    """A text in a language; one that is no `Message`, or that the catalog does not have, as it stands."""
    if isinstance(text, Told):
        return text.others.get(language, str(text))
    if not isinstance(text, Message):
        return text
    template = catalog(language).get(text.template, text.template)
    return template.format(**{name: told(value, language) for name, value in text.values.items()})


@cache
def catalog(language: Language) -> Mapping[str, str]:
    """The templates of a language by the English ones; nothing for English, which is its own."""
    from importlib.resources import files

    import yaml

    if language == "en":
        return {}
    text = files("benchbench.report").joinpath("catalogs", f"{language}.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))
