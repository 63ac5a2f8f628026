"""A page read back: its tags, its scripts, its charts, its text."""

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any


def english(value: Any) -> Any:
    """A drawing, or a part of one, with its texts in English."""
    if isinstance(value, dict):
        return value["en"] if set(value) == {"en", "zh"} else {key: english(one) for key, one in value.items()}
    return [english(one) for one in value] if isinstance(value, list) else value


class Page(HTMLParser):
    """What a browser would find in a page, without one."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.scripts: list[tuple[str, str]] = []
        self.styles: list[str] = []
        self.words: list[str] = []
        self._inside: list[tuple[str, dict[str, str]]] = []
        self.feed(text)

    @classmethod
    def of(cls, path: Path) -> "Page":
        return cls(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        self.tags.append((tag, known))
        if tag in ("script", "style"):
            self._inside.append((tag, known))

    def handle_endtag(self, tag: str) -> None:
        if self._inside and self._inside[-1][0] == tag:
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.words.append(data)
        elif self._inside[-1][0] == "style":
            self.styles.append(data)
        else:
            self.scripts.append((self._inside[-1][1].get("type", ""), data))

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    @property
    def programs(self) -> list[str]:
        return [text for kind, text in self.scripts if not kind]

    @property
    def drawings(self) -> list[dict[str, Any]]:
        return [english(json.loads(text)) for kind, text in self.scripts if kind == "application/json"]

    def meta(self, name: str) -> str:
        return next(a["content"] for tag, a in self.tags if tag == "meta" and a.get("http-equiv") == name)
