"""One suite over every section: whatever a record holds, a section comes out, or None, and never an error."""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

import pytest

from benchbench import registry
from benchbench.record.comparing import compare
from benchbench.record.history_series import series_of
from benchbench.record.store import read_run
from benchbench.record.study import Attribution
from benchbench.record.types import Outcome
from benchbench.report import content
from benchbench.report.drawn import drawing
from benchbench.report.plugins import Plugin, plugins, sections_of
from benchbench.report.subject import (
    AnySubject,
    ComparisonSubject,
    HistorySubject,
    RunSubject,
    StudySubject,
    run_subject,
    study_subject,
)
from benchbench.report.terminal import draw
from benchbench.scenario.knobs import Lever
from tests.report.records import TARGET, estimate, run_folder, scenario, study, study_folder
from tests.report.searches import searched

NAMES = registry.names(registry.SECTIONS)
BLOCKS = get_args(content.Block)
FAILED = tuple(o for o in Outcome if o is not Outcome.OK)


def _run(out: Path, **changes: object) -> RunSubject:
    return run_subject(run_folder(out, **changes))  # type: ignore[arg-type]


def _without_tables(out: Path) -> RunSubject:
    folder = run_folder(out)
    for table in folder.glob("*.parquet"):
        table.unlink()
    return run_subject(folder)


def _study(out: Path, **changes: object) -> StudySubject:
    return study_subject(study_folder(out, study(**changes)))  # type: ignore[arg-type]


def _study_with_runs(out: Path) -> StudySubject:
    runs = {role: run_folder(out, f"20260101-{role}", of=scenario(**TARGET)) for role in ("baseline", "recommendation")}
    parts = (
        Attribution(lever=Lever.SOFTWARE, key="precision", before="fp32", after="bf16", speedup=estimate(1.8, "x")),
    )
    return study_subject(study_folder(out, study(runs, attribution=parts)))


def _search_with_runs(out: Path) -> StudySubject:
    runs = {role: run_folder(out, f"20260101-{role}", of=scenario(**TARGET)) for role in ("baseline", "recommendation")}
    return study_subject(study_folder(out, searched(runs)))


def _comparison(out: Path, *changes: dict[str, object]) -> ComparisonSubject:
    runs = tuple(_run(out, run_id=f"20260101-00000{i}-bert-aaaa", **one) for i, one in enumerate(changes))
    return ComparisonSubject(comparison=compare([r.run for r in runs], 0.02), runs=runs, command=("benchbench",))


def _history(out: Path, *changes: dict[str, object]) -> HistorySubject:
    runs = [read_run(run_folder(out, f"20260101-00000{i}-bert-aaaa", **one)) for i, one in enumerate(changes)]  # type: ignore[arg-type]
    series, _ = series_of(runs, None, 0.02)
    assert series is not None
    return HistorySubject(series=series, threshold=0.02, command=("benchbench",))


SUBJECTS: dict[str, Callable[[Path], AnySubject]] = {
    "an ok run": _run,
    "to a target": partial(_run, of=scenario(**TARGET)),
    "a missed target": partial(_run, of=scenario(**TARGET | {"target": {"metric": "accuracy", "at_least": 2.0}})),
    "to a target, nan losses": partial(_run, of=scenario(**TARGET), loss=math.nan),
    "nan losses": partial(_run, loss=math.nan),
    "every repeat failed": partial(_run, outcomes=FAILED),
    "refused before a step": partial(_run, outcomes=(Outcome.REFUSED,)),
    "one repeat": partial(_run, outcomes=(Outcome.OK,)),
    "a hundred repeats": partial(_run, outcomes=(Outcome.OK,) * 100),
    "no telemetry": partial(_run, devices=()),
    "the CPU alone": partial(_run, devices=("cpu",)),
    "telemetry with holes": partial(_run, holes=True),
    "a thousand devices": partial(_run, devices=[f"cuda:{i}" for i in range(1000)], outcomes=(Outcome.OK,)),
    "tables gone": _without_tables,
    "never stored": lambda out: RunSubject(run=read_run(run_folder(out))),
    "a study": _study,
    "a study with its runs": _study_with_runs,
    "no trial ok": partial(_study, outcomes=FAILED, verdict="target-not-reached"),
    "no trial at all": partial(_study, outcomes=(), verdict="target-not-reached"),
    "a tie": partial(_study, verdict="tie"),
    "insufficient evidence": partial(_study, verdict="insufficient-evidence"),
    "a search": lambda out: study_subject(study_folder(out, searched())),
    "a search with its runs": _search_with_runs,
    "a study never stored": lambda _out: StudySubject(study=study()),
    "two runs": lambda out: _comparison(out, {}, {}),
    "three runs to a target": lambda out: _comparison(out, *[{"of": scenario(**TARGET)}] * 3),
    "a single repeat beside three": lambda out: _comparison(out, {}, {"outcomes": (Outcome.OK,)}),
    "some failed": lambda out: _comparison(out, {}, {"outcomes": (Outcome.OK, *FAILED)}),
    "other batches": lambda out: _comparison(out, {}, {"of": scenario(training={"global_batch": 8})}),
    "a history": lambda out: _history(out, *[{}] * 6),
    "a history of one run": lambda out: _history(out, {}),
    "a history to a target": lambda out: _history(out, {"of": scenario(**TARGET)}, {"of": scenario(**TARGET)}),
    "a history with failures": lambda out: _history(out, {"outcomes": (Outcome.OK, *FAILED)}, {"outcomes": FAILED}),
}


@pytest.fixture(params=SUBJECTS)
def subject(request: pytest.FixtureRequest, tmp_path: Path) -> AnySubject:
    return SUBJECTS[request.param](tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_a_section_declares_itself(name: str) -> None:
    plugin = registry.load(registry.SECTIONS, name)
    assert isinstance(plugin, Plugin)
    assert plugin.title
    assert plugin.takes
    assert set(plugin.takes) <= {RunSubject, StudySubject, ComparisonSubject, HistorySubject}
    assert not plugin.title.endswith(".")


def test_every_section_renders_or_is_silent(subject: AnySubject) -> None:
    for plugin in (p for p in plugins() if isinstance(subject, p.takes)):
        section = plugin.render(subject)
        if section is not None:
            assert isinstance(section, content.Section)
            assert section.title == plugin.title
            assert section.blocks
            assert all(isinstance(block, BLOCKS) for block in section.blocks)


def test_the_first_section_is_the_answer(subject: AnySubject) -> None:
    first = sections_of(subject)[0]
    assert isinstance(first.blocks[0], content.Answer)
    assert first.title == sections_of(subject, brief=True)[0].title


def test_every_block_can_be_drawn(subject: AnySubject) -> None:
    for block in (b for section in sections_of(subject) for b in section.blocks):
        draw(block)
        if isinstance(block, content.Table):
            assert all(len(row.cells) == len(block.columns) for row in block.rows)
        if isinstance(block, content.Chart):
            assert block.panels
            assert any(len(series.y) for panel in block.panels for series in panel.series)
        if isinstance(block, content.Bars):
            assert block.bars
        if isinstance(block, content.Parallel):
            assert block.paths
        if isinstance(block, content.Drawable):
            drawing(block)


def test_a_section_that_fails_is_said_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def render(_subject: RunSubject) -> content.Section | None:
        raise ZeroDivisionError("by nought")

    broken: Plugin[RunSubject] = Plugin(title="Broken", order=1, takes=(RunSubject,), render=render)
    monkeypatch.setattr("benchbench.report.plugins.plugins", lambda: (broken,))
    (section,) = sections_of(_run(tmp_path))
    (block,) = section.blocks
    assert isinstance(block, content.Callout)
    assert "by nought" in block.text
