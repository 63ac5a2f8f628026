"""Plug-ins are found by their file names."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchbench import registry
from benchbench.errors import UnsupportedError


@pytest.fixture
def kind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package with two plug-ins, one of which cannot be imported, and what is no plug-in."""
    package = tmp_path / "some_plugins"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "two_words.py").write_text("PLUGIN = 'the two words'\n")
    (package / "broken.py").write_text("raise RuntimeError('imported')\n")
    (package / "_private.py").write_text("")
    (package / "notes.txt").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield "some_plugins"
    for name in [name for name in sys.modules if name.partition(".")[0] == "some_plugins"]:
        del sys.modules[name]
    registry.names.cache_clear()


def test_names_come_from_the_files_and_nothing_is_imported(kind: str) -> None:
    assert registry.names(kind) == ("broken", "two-words")
    assert "some_plugins.broken" not in sys.modules


def test_a_plugin_is_loaded_by_its_name(kind: str) -> None:
    assert registry.load(kind, "two-words") == "the two words"


@pytest.mark.parametrize("name", ["two_words", "two-word", "_private", "../two-words", "", "os"])
def test_an_unknown_plugin_is_refused(kind: str, name: str) -> None:
    with pytest.raises(UnsupportedError, match="plug-in is called"):
        registry.load(kind, name)


def test_the_nearest_plugin_is_named(kind: str) -> None:
    with pytest.raises(UnsupportedError, match="did you mean 'two-words'"):
        registry.load(kind, "two_words")


@pytest.mark.parametrize("kind_name", [registry.TASKS, registry.SOURCES])
def test_what_a_scenario_names_is_there(kind_name: str) -> None:
    assert registry.names(kind_name)
