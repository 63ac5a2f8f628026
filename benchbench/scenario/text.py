"""YAML 1.2 text -> plain data and the line of every key. Nothing in the text can run, grow or hide.

Only mappings, sequences and the core schema's scalars pass: tags, merge keys, duplicate keys, anchors that
contain themselves and aliases that multiply are refused. Numbers are YAML 1.2's: `5e-05` is a float, `0o17`
an integer, `yes` and `1:30` are texts (PyYAML alone follows YAML 1.1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from benchbench.errors import ScenarioError

Path = tuple[str | int, ...]

_NODE_LIMIT = 10_000
_DEPTH_LIMIT = 40
_INT = re.compile(r"[-+]?[0-9]+\Z")
_RADIX = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}


@dataclass(frozen=True)
class Document:
    """Parsed data (mappings, tuples, scalars) and where each part stands."""

    data: Any
    lines: dict[Path, int] = field(default_factory=dict)

    def line_of(self, path: Path) -> int | None:
        """The line of a path, or of the nearest part around it that stands in the text."""
        for length in range(len(path), -1, -1):
            if path[:length] in self.lines:
                return self.lines[path[:length]]
        return None


def parse(text: str, file: str | None = None) -> Document:
    """Parses one YAML document.

    Args:
        text: the document.
        file: its name, for messages.

    Raises:
        ScenarioError: not YAML, or more than plain data.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(part for part in (error.context, error.problem) if part)
        raise ScenarioError(
            f"not valid YAML: {what}", file=file, line=mark.line + 1 if mark else None
        ) from None
    except yaml.YAMLError as error:
        raise ScenarioError(f"not valid YAML: {str(error).splitlines()[0]}", file=file) from None
    except RecursionError:
        raise ScenarioError(f"nested deeper than {_DEPTH_LIMIT} levels", file=file) from None
    if node is None:
        return Document(None)
    builder = _Builder(file)
    return Document(builder.build(node, ()), builder.lines)


def parse_scalar(text: str) -> bool | int | float | str | None:
    """A plain (unquoted) scalar by YAML 1.2's core schema."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.match(text):
        return int(text) if len(text) < 400 else float(text)
    if _RADIX.match(text):
        return int(text, 0)
    return float(text) if _FLOAT.match(text) else text


class _Builder:
    """Walks the composed nodes once, with every limit in one place."""

    def __init__(self, file: str | None) -> None:
        self.file = file
        self.lines: dict[Path, int] = {}
        self.nodes = 0
        self.open: set[int] = set()

    def build(self, node: yaml.Node, path: Path) -> Any:  # noqa: ANN401 - plain data of any shape
        self.nodes += 1
        self.lines.setdefault(path, node.start_mark.line + 1)
        if id(node) in self.open:
            raise self._error(node, path, "an alias that contains itself")
        if self.nodes > _NODE_LIMIT:
            raise self._error(node, path, f"more than {_NODE_LIMIT:,} values once its aliases are expanded")
        if len(path) > _DEPTH_LIMIT:
            raise self._error(node, path, f"nested deeper than {_DEPTH_LIMIT} levels")
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        self._check_tag(node, path, "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
        self.open.add(id(node))
        built: Any
        if isinstance(node, yaml.SequenceNode):
            built = tuple(self.build(child, (*path, i)) for i, child in enumerate(node.value))
        else:
            assert isinstance(node, yaml.MappingNode)
            built = self._mapping(node, path)
        self.open.discard(id(node))
        return built

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        built: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error(key_node, path, "a key that is not a plain text")
            key = key_node.value
            if key in built:
                first = self.lines[(*path, key)]
                raise self._error(key_node, (*path, key), f"the key stands twice (first on line {first}); keep one")
            self.lines[(*path, key)] = key_node.start_mark.line + 1
            built[key] = self.build(value_node, (*path, key))
        return built

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> bool | int | float | str | None:
        if node.style is not None or node.tag == "!":
            self._check_tag(node, path, "tag:yaml.org,2002:str", "!")
            return str(node.value)
        self._check_tag(
            node, path,
            *(f"tag:yaml.org,2002:{t}" for t in ("str", "int", "float", "bool", "null", "timestamp", "merge", "value")),
        )  # fmt: skip
        return parse_scalar(node.value)

    def _check_tag(self, node: yaml.Node, path: Path, *allowed: str) -> None:
        if node.tag not in allowed:
            raise self._error(node, path, f"the tag {node.tag!r} is not allowed: a scenario is plain data")

    def _error(self, node: yaml.Node, path: Path, message: str) -> ScenarioError:
        key = ".".join(str(part) for part in path) or None
        return ScenarioError(message, file=self.file, line=node.start_mark.line + 1, key=key)
