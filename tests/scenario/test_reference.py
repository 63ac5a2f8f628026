"""The reference page is made from the types and holds every setting."""

from __future__ import annotations

import itertools
from pathlib import Path

from benchbench.scenario.knobs import knobs_of, section_of
from benchbench.scenario.reference import page
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.space import fields_of

PAGE = Path(__file__).parents[2] / "docs" / "scenario.md"
COMMAND = "python -c 'from benchbench.scenario.reference import page; print(page(), end=\"\")' > docs/scenario.md"


def test_the_committed_page_is_the_generated_one() -> None:
    assert PAGE.read_text() == page(), f"run: {COMMAND}"


def test_every_setting_has_a_row() -> None:
    rows = [line for line in page().splitlines() if line.startswith("| `")]
    for key, field in fields_of(Scenario):
        if section_of(field) is None:
            assert sum(row.startswith(f"| `{key}` |") for row in rows) == 1, key


def test_every_knob_shows_its_lever_and_factor() -> None:
    rows = {line.split("`")[1]: line for line in page().splitlines() if line.startswith("| `")}
    for knob in knobs_of(Scenario):
        assert f"| {knob.lever} | {knob.moves} |" in rows[knob.key]


def test_the_tables_are_whole() -> None:
    lines = page().splitlines()
    for before, line in itertools.pairwise(lines):
        if line.startswith("|") and before.startswith("|"):
            assert line.count(" | ") == before.count(" | ") or line.startswith("|---") or before.startswith("|---")
