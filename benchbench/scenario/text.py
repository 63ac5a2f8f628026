"""YAML 1.2 text -> plain data and the line of every key. Nothing in the text can run, grow or hide.

Only mappings, sequences and the core schema's scalars pass: tags, merge keys, duplicate keys, anchors that
contain themselves and aliases that multiply are refused. Numbers are YAML 1.2's: `5e-05` is a float, `0o17`
an integer, `yes` and `1:30` are texts (PyYAML alone follows YAML 1.1).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from benchbench.errors import ScenarioError
from benchbench.values import LARGEST_INTEGER

Path = tuple[str | int, ...]

VALUE_LIMIT = 5_000
DEPTH_LIMIT = 40
_DIGITS_LIMIT = 400  # more is above every float; Python's own conversion is quadratic
_WIDTH_LIMIT = 60
_REASON_LIMIT = 200
_INT = re.compile(r"[-+]?[0-9]+\Z")
_RADIX = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
}


@dataclass(frozen=True)
class Document:
    """Parsed data (mappings, tuples, scalars) and where each part stands."""

    data: Any
    lines: dict[Path, int] = field(default_factory=dict)

    def line_of(self, path: Path) -> int | None:
        """The line of a path, or of the nearest part around it that stands in the text."""
        return next((self.lines[path[:n]] for n in range(len(path), -1, -1) if path[:n] in self.lines), None)


def dotted(path: Path) -> str | None:
    """A path as a message names it: without what would not print, and never longer than a line."""
    key = ".".join(str(part) for part in path)
    key = key if key.isprintable() else ascii(key)[1:-1]
    return (key if len(key) <= 2 * _WIDTH_LIMIT else key[: 2 * _WIDTH_LIMIT - 3] + "...") or None


def shown(value: object) -> str:
    """A value as a message shows it: as YAML would write it, on one line, shortened."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    if isinstance(value, (dict, tuple, list)):
        kind = "mapping" if isinstance(value, dict) else "list"
        return f"a {kind}" if value else f"an empty {kind}"
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
        return "a number that large"
    text = repr(value)
    return text if len(text) <= _WIDTH_LIMIT else text[: _WIDTH_LIMIT - 3] + "..."


def parse(text: str, file: str | None = None) -> Document:
    """Parses one YAML document.

    Args:
        text: the document.
        file: its name, for messages.

    Raises:
        ScenarioError: not YAML, or more than plain data.
    """
    reader = _Reader(text, file)
    try:
        return Document(reader.document(), reader.lines)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        what = what if len(what) <= _REASON_LIMIT else what[:_REASON_LIMIT] + "..."
        hint = "; YAML indents with spaces, not tabs" if "'\\t'" in what else ""
        raise ScenarioError(f"not valid YAML: {what}{hint}", file=file, line=mark.line + 1 if mark else None) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise ScenarioError(
            f"the character {text[error.position]!a} cannot stand in YAML", file=file, line=line
        ) from None


def parse_scalar(text: str) -> bool | int | float | str | None:
    """A plain (unquoted) scalar by YAML 1.2's core schema; infinity for a number that no float can hold."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        return int(text) if len(text) < _DIGITS_LIMIT else float(text)
    if _RADIX.match(text):
        return int(text, 0) if len(text) < _DIGITS_LIMIT else math.inf
    return float(text) if _FLOAT.match(text) else text


class _Reader:
    """Builds plain data from the parser's events in one pass, with every limit in one place."""

    def __init__(self, text: str, file: str | None) -> None:
        self.events = yaml.parse(text, Loader=yaml.SafeLoader)
        self.file = file
        self.lines: dict[Path, int] = {}
        self.count = 0
        self.anchors: dict[str, tuple[Any, int] | None] = {}

    def document(self) -> Any:
        """The one document of the file, as plain values; None for an empty file."""
        next(self.events)
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return None
        built = self._value(next(self.events), ())
        next(self.events)
        after = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            raise self._error(after, (), "a second document begins here; a scenario file holds one")
        return built

    def _value(self, event: yaml.Event, path: Path) -> Any:
        self.lines.setdefault(path, _line(event))
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        assert isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)), event
        before = self.count
        self._add(1, event, path)
        self._check_tag(event, path)
        if len(path) > DEPTH_LIMIT:
            raise self._error(event, path, f"nested deeper than {DEPTH_LIMIT} levels")
        if event.anchor:
            self.anchors[event.anchor] = None
        built: Any
        if isinstance(event, yaml.MappingStartEvent):
            built = self._mapping(path)
        elif isinstance(event, yaml.SequenceStartEvent):
            built = self._sequence(path)
        else:
            assert isinstance(event, yaml.ScalarEvent), event
            built = self._scalar(event, path)
        if event.anchor:
            self.anchors[event.anchor] = built, self.count - before
        return built

    def _alias(self, event: yaml.AliasEvent, path: Path) -> Any:
        if event.anchor not in self.anchors:
            raise self._error(event, path, f"there is no anchor {shown(event.anchor)} before this alias")
        known = self.anchors[event.anchor]
        if known is None:
            raise self._error(event, path, "an alias that contains itself")
        built, size = known
        self._add(size, event, path)
        return built

    def _mapping(self, path: Path) -> dict[str, Any]:
        built: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._error(event, path, "a key that is not a plain text")
            key = self._text(event, path)
            inner = (*path, key)
            self._check_tag(event, inner)
            if key in built:
                raise self._error(event, inner, f"the key stands twice (first on line {self.lines[inner]}); keep one")
            if key == "<<":
                raise self._error(event, path, "merge keys (<<) are not allowed; write the settings out")
            self.lines[inner] = _line(event)
            built[key] = self._value(next(self.events), inner)
        return built

    def _sequence(self, path: Path) -> tuple[Any, ...]:
        built: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            built.append(self._value(event, (*path, len(built))))
        return tuple(built)

    def _scalar(self, event: yaml.ScalarEvent, path: Path) -> bool | int | float | str | None:
        if event.style is not None:
            return self._text(event, path)
        value = parse_scalar(event.value)
        if isinstance(value, str):
            return self._text(event, path)
        too_large = isinstance(value, int) and abs(value) > LARGEST_INTEGER
        if too_large or (isinstance(value, float) and math.isinf(value) and event.value not in _WORDS):
            raise self._error(event, path, f"a number too large to compute with: {shown(event.value)}")
        return value

    def _text(self, event: yaml.ScalarEvent, path: Path) -> str:
        if any("\ud800" <= c <= "\udfff" for c in event.value):
            raise self._error(event, path, "half of a character (a lone surrogate) is no text")
        return str(event.value)

    def _add(self, values: int, event: yaml.Event, path: Path) -> None:
        self.count += values
        if self.count > VALUE_LIMIT:
            raise self._error(event, path, f"more than {VALUE_LIMIT:,} values, with aliases written out")

    def _check_tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent, path: Path) -> None:
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            raise self._error(event, path, f"the tag {shown(tag)} is not allowed: a scenario is plain data")

    def _error(self, event: yaml.Event, path: Path, message: str) -> ScenarioError:
        return ScenarioError(message, file=self.file, line=_line(event), key=dotted(path))


def _line(event: yaml.Event) -> int:
    assert event.start_mark is not None
    return event.start_mark.line + 1
