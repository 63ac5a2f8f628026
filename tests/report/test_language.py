"""Every text of a page has its Chinese, none stands outside the catalogs, and what a record holds is left alone."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import benchbench.report
from benchbench.record import diagnosis
from benchbench.report import wording
from benchbench.report.language import LANGUAGES, Message, catalog, told, tr

FOLDER = Path(benchbench.report.__file__).parent
SHELL = (
    "html_page", "glossary", "wording", "several", "timeline", "objective", "plugins", "axes", "terminal", "claim",
    "bars_drawing", "parallel_drawing",
)  # fmt: skip
FILES = sorted([*(FOLDER / f"{name}.py" for name in SHELL), *(FOLDER / "sections").glob("*.py")])
TEXTS = frozenset({"title", "text", "label", "note", "caption", "x_label"})
NO_TEXTS = {'<span data-other="{}">{}</span>', "not bold", "\n(cut here)"}
SETTINGS = {"2", "4", "8", "bf16", "bucket", "default", "none", "reduce-overhead", "sdpa"}
BRACES = re.compile(r"\{(\w*)\}")


def calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node


def literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def templates() -> set[str]:
    """What the code may ask a catalog for."""
    found = {"{count} " + noun for noun in wording.NOUNS} | {f"{{before}}{joint} {{after}}" for joint in ("", ",", ";")}
    found |= {sentence.rstrip(".") for sentence in diagnosis.SENTENCES.values()}
    for bound in diagnosis.SENTENCES:
        for suggestion in diagnosis.suggestions(bound):
            found |= {suggestion.why, *({suggestion.value} - SETTINGS)}
    for file in FOLDER.rglob("*.py"):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        found |= {text for call in calls(tree, "tr") if (text := literal(call.args[0])) is not None}
        for call in calls(tree, "counted"):
            noun = literal(call.args[1])
            assert noun is not None, f"{file.name}: a counted noun is written out"
            found |= {"{count} " + noun, "{count} " + noun + "s"}
    return found


def test_a_message_is_its_english_and_can_be_told_otherwise() -> None:
    text = tr("{before} and {after}", before=tr("mean"), after="precision = bf16")
    assert text == "mean and precision = bf16"
    assert told(text, "en") == "mean and precision = bf16"
    assert told(text, "zh") == "平均和precision = bf16"


def test_what_a_record_holds_is_left_alone() -> None:
    assert told("mean", "zh") == "mean"
    assert told(tr("{before} and {after}", before="mean", after="{after}"), "zh") == "mean和{after}"
    assert told(Message("no catalog has this", {}), "zh") == "no catalog has this"


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_a_catalog_has_every_text_and_no_other(language: str) -> None:
    known = set(catalog(language))  # type: ignore[arg-type]
    assert templates() - known == set()
    assert known - templates() == set()


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_a_translation_takes_the_same_values(language: str) -> None:
    pairs = catalog(language).items()  # type: ignore[arg-type]
    assert [key for key, text in pairs if sorted(BRACES.findall(key)) != sorted(BRACES.findall(text))] == []
    assert all(text.strip() for _, text in pairs)


def bare(tree: ast.Module) -> Iterator[str]:
    """Texts for people that no `tr` stands around."""
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            words = "".join(part.value for part in node.values if isinstance(part, ast.Constant))
        elif (text := literal(node)) is not None and not isinstance(parents[node], ast.JoinedStr):  # type: ignore[arg-type]
            words = text
        else:
            continue
        above = parents[node]
        if isinstance(above, (ast.Expr, ast.Compare)) or (isinstance(above, ast.Call) and _knows(above)):
            continue
        is_text = isinstance(above, ast.keyword) and above.arg in TEXTS and re.search(r"[A-Za-z]", words)
        if is_text or re.search(r"[A-Za-z]{2,}[,;:.]? +\(?[A-Za-z]{2,}", words):
            yield f"{node.lineno}: {words}"  # type: ignore[attr-defined]


def _knows(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id in ("tr", "counted", "AssertionError")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_text_stands_outside_the_catalogs(file: Path) -> None:
    found = list(bare(ast.parse(file.read_text(encoding="utf-8"))))
    assert [text for text in found if text.partition(": ")[2] not in NO_TEXTS and "script-src" not in text] == []


def test_a_bare_text_would_be_found() -> None:
    source = 'def f(n):\n    """A doc string."""\n    return Paragraph(text="one"), f"{n} of the runs", tr("a b")\n'
    assert sorted(bare(ast.parse(source))) == ["3:  of the runs", "3: one"]
