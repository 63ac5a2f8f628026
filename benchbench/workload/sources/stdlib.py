"""The standard library's own source: text of every kind of task, on every machine, and another with each Python.

Modules are taken in the order of their names, tests and editors left out, until 4 million characters are full
(6 million where rows are functions). What a row is depends on the task:

- a text: a block of lines of a module (its `document`);
- source and target: a function without its docstring, and the docstring's first line;
- question, context and answer: the first line of a docstring, the code of four neighbouring functions, and the name
  of the one that is meant;
- text and label: a function without its docstring, and the part of the library that it is of, for the eight parts
  that have most; for labels of words the function's tokens and their kinds.
"""

from __future__ import annotations

import ast
import io
import keyword
import sysconfig
import token
import tokenize
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from benchbench.errors import UnsupportedError
from benchbench.scenario.types import Data
from benchbench.workload.columns import in_shards
from benchbench.workload.costs import Costs
from benchbench.workload.rows import Rows, Value
from benchbench.workload.source import RowSource

_TEXT_CHARACTERS, _CODE_CHARACTERS = 4_000_000, 6_000_000
_LEFT_OUT = frozenset({
    "__pycache__", "dist-packages", "ensurepip", "idle_test", "idlelib", "lib2to3", "pydoc_data", "site-packages",
    "test", "tests", "turtledemo",
})  # fmt: skip
_PARTS = 8
_TOGETHER = 4
_LAYOUT = frozenset({token.NEWLINE, token.NL, token.INDENT, token.DEDENT, token.ENDMARKER, token.ENCODING})


class Stdlib(RowSource):
    """See `RowSource`."""

    licence = "PSF-2.0 (Python's standard library)"

    def shards(self, data: Data, roles: Sequence[str], costs: Costs) -> Iterator[tuple[str | None, Rows]]:
        """See `RowSource.shards`."""
        del data
        asked = set(roles)
        if {"question", "context", "answer"} <= asked:
            return _sharded(_questions(costs), ("question", "context", "answer"))
        if {"source", "target"} <= asked:
            rows = ([function.code, function.summary] for function in _functions(costs))
            return _sharded(rows, ("source", "target"))
        if "label" in asked:
            return _sharded(_labelled(costs), ("text", "label"))
        return _sharded(_blocks(costs), ("text", "document"))

    def word_shards(self, data: Data, roles: Sequence[str], costs: Costs) -> Iterator[tuple[str | None, Rows]]:
        """See `RowSource.word_shards`."""
        del data, roles
        return _sharded(_tokens(costs), ("text", "label"))


class _Function(NamedTuple):
    """A function of the library: its name, the part that it is of, its code and the first line of its docstring."""

    name: str
    part: str
    code: str
    summary: str


def _sharded(rows: Iterator[Sequence[Value]], roles: Sequence[str]) -> Iterator[tuple[None, Rows]]:
    return ((None, shard) for shard in in_shards(rows, roles))


@cache
def _files() -> tuple[Path, ...]:
    folder = Path(sysconfig.get_path("stdlib"))
    found = [path for path in folder.rglob("*.py") if not _LEFT_OUT.intersection(path.relative_to(folder).parts)]
    if not found:
        raise UnsupportedError(f"this Python has no source of its library in {folder}", key="data.source")
    return tuple(sorted(found, key=lambda path: path.relative_to(folder).parts))


def _modules(costs: Costs, room: int) -> Iterator[tuple[str, str]]:
    """Name and text of each module, in the order of the names, as long as there is room, in characters."""
    folder = Path(sysconfig.get_path("stdlib"))
    for path in _files():
        with costs.spent("storage"):
            text = path.read_text(encoding="utf-8", errors="replace")
        room -= len(text)
        if room < 0:
            return
        yield path.relative_to(folder).as_posix(), text


def _blocks(costs: Costs) -> Iterator[Sequence[Value]]:
    """The blocks of each module that blank lines part, and the module's name."""
    for name, text in _modules(costs, _TEXT_CHARACTERS):
        for block in text.split("\n\n"):
            if block.strip():
                yield block.strip("\n") + "\n", name


def _functions(costs: Costs) -> Iterator[_Function]:
    """The functions that have a docstring."""
    for name, text in _modules(costs, _CODE_CHARACTERS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of old escapes in the library's own strings
            tree = ast.parse(text)
        lines = text.splitlines()
        part = name.partition("/")[0].removesuffix(".py")
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                summary = (ast.get_docstring(node) or "").partition("\n")[0].strip()
                code = _code(node, lines)
                if summary and code:
                    yield _Function(node.name, part, code, summary)


def _code(node: ast.FunctionDef | ast.AsyncFunctionDef, lines: Sequence[str]) -> str:
    """A function's lines without its docstring, moved to the left; nothing where that is all there is."""
    docstring = node.body[0]
    if len(node.body) < 2 or docstring.end_lineno == node.lineno or node.body[1].lineno == docstring.end_lineno:
        return ""
    kept = [*lines[node.lineno - 1 : docstring.lineno - 1], *lines[docstring.end_lineno : node.end_lineno]]
    return "\n".join(line[node.col_offset :] if not line[: node.col_offset].strip() else line for line in kept)


def _questions(costs: Costs) -> Iterator[Sequence[Value]]:
    """Each function with its neighbours; one whose name stands in the code before it is left out."""
    every = list(_functions(costs))
    for begin in range(0, len(every) - _TOGETHER + 1, _TOGETHER):
        together = every[begin : begin + _TOGETHER]
        context = "\n\n".join(function.code for function in together)
        place = 0
        for function in together:
            if context.find(function.name) == context.find(f"def {function.name}", place) + len("def "):
                yield function.summary, context, function.name
            place += len(function.code)


def _labelled(costs: Costs) -> Iterator[Sequence[Value]]:
    every = list(_functions(costs))
    common = {part for part, _ in Counter(function.part for function in every).most_common(_PARTS)}
    return ((function.code, function.part) for function in every if function.part in common)


def _tokens(costs: Costs) -> Iterator[Sequence[Value]]:
    """The tokens of each function with their kinds; layout is none."""
    for function in _functions(costs):
        try:
            found = list(tokenize.generate_tokens(io.StringIO(function.code).readline))
        except (tokenize.TokenError, SyntaxError):
            continue
        seen = [(t.string, _kind(t)) for t in found if t.type not in _LAYOUT and t.string.strip()]
        yield [text for text, _ in seen], [kind for _, kind in seen]


def _kind(found: tokenize.TokenInfo) -> str:
    word = found.type == token.NAME and keyword.iskeyword(found.string)
    return "KEYWORD" if word else token.tok_name[found.type]


PLUGIN = Stdlib()
