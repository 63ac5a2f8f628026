"""The page of a history: the answer in words, the chart, the steps and the runs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchbench.record.history_series import series_of
from benchbench.record.types import Run
from benchbench.report.content import Answer, Callout, Chart, Panel, Section, Series, Table
from benchbench.report.figure import drawing
from benchbench.report.pages import write_history
from benchbench.report.plugins import sections_of
from benchbench.report.sections.history import commit_of
from benchbench.report.several import overview_of_history
from benchbench.report.subject import HistorySubject
from tests.record import lines

NOISE = (1.0, 1.004, 0.997, 1.001, 0.999, 1.003)
BOTH_WAYS = (1.0,) * 8 + (1.1,) * 6 + (1.0,) * 7


def run(day: int, step_s: float, **changes: Any) -> Run:
    repeats = [lines.repeat(i, figures=lines.figures_of(step_s * (1 + 0.001 * i))) for i in range(3)]
    machine = lines.MACHINE.model_copy(update={"git_commit": f"{day:02d}" + "f" * 38, "git_dirty": day % 2 == 0})
    found = lines.run(*repeats, run_id=f"run-{day:02d}", **changes)
    return found.model_copy(update={"created_at": f"2026-01-{day:02d}T08:00:00.000+00:00", "machine": machine})


def subject(factors: Sequence[float], runs: Sequence[Run] = ()) -> HistorySubject:
    every = [run(i + 1, NOISE[i % len(NOISE)] * factor) for i, factor in enumerate(factors)]
    series, _ = series_of([*every, *runs], None, 0.02)
    assert series is not None
    return HistorySubject(series=series, threshold=0.02, command=("benchbench", "history"))


def section(of: HistorySubject) -> Section:
    return next(s for s in sections_of(of) if s.title == "History")


def blocks(of: HistorySubject, kind: type) -> list[Any]:
    return [b for b in section(of).blocks if isinstance(b, kind)]


def answer(of: HistorySubject) -> Answer:
    found: Answer = blocks(of, Answer)[0]
    return found


@pytest.mark.parametrize(("level", "verdict", "words", "tone"), [
    (1.1, "Slower", "9.9 % higher", "bad"), (0.9, "Faster", "10 % lower", "good"),
])  # fmt: skip
def test_the_newest_step_is_the_answer(level: float, verdict: str, words: str, tone: str) -> None:
    found = answer(subject((1.0,) * 8 + (level,) * 4))
    assert found.text.startswith(f"{verdict} since run-09 (09ffffff): the step time is {words} (")
    assert found.tone == tone
    assert "One run says so" not in found.text


def test_a_step_that_rests_on_one_run_says_so_and_what_else_changed() -> None:
    newest = run(9, 1.1)
    driven = newest.model_copy(update={"machine": newest.machine.model_copy(update={"driver": "600"})})
    found = answer(subject((1.0,) * 8, [driven]))
    assert "One run says so" in found.text
    assert found.text.endswith("What changed with it beside the code: driver \N{EN DASH} to 600.")


def test_no_step_is_good_news_and_says_what_would_be_one() -> None:
    found = answer(subject((1.0,) * 12))
    assert found.text.startswith("No step in step time over 12 runs, at a threshold of 2 %.")
    assert "slower by more than about 2" in found.text
    assert found.tone == "good"


@pytest.mark.parametrize(("count", "words"), [(1, "1 run: too few"), (2, "2 runs: too few")])
def test_too_few_runs_are_told(count: int, words: str) -> None:
    found = answer(subject((1.0,) * count))
    assert found.text.startswith(words)
    assert ("benchbench compare" in found.text) is (count == 2)


def test_the_chart_has_every_run_with_its_interval_and_every_step() -> None:
    of = subject(BOTH_WAYS)
    (chart,) = blocks(of, Chart)
    runs, level = chart.panels[0].series
    assert runs.x.tolist() == list(range(1, 22))
    assert (runs.low < runs.y).all()
    assert (runs.y < runs.high).all()
    assert [mark.at for mark in chart.marks] == [8.5, 14.5]
    assert [mark.label[0] for mark in chart.marks] == ["+", "-"]
    assert np.isnan(level.y).sum() == 3, "a gap behind each of the levels"
    assert level.x.tolist()[:3] == [0.5, 8.5, 8.5]
    assert "run-09" in runs.labels[8]
    assert "09ffffff" in runs.labels[8]


def test_an_interval_is_drawn_as_a_bar_and_an_open_end_as_none() -> None:
    y = np.asarray([1.0, 2.0])
    low, high = np.asarray([0.9, np.nan]), np.asarray([1.2, np.nan])
    panel = Panel(label="a", unit="", series=(Series(name="a", x=y, y=y, kind="points", low=low, high=high),))
    found: Any = drawing(Chart(title="t", x_label="x", x_unit="", panels=(panel,)))
    bars = found["data"][0]["error_y"]
    assert bars["array"] == [pytest.approx(0.2), None]
    assert bars["arrayminus"] == [pytest.approx(0.1), None]


def test_the_tables_stand_newest_first() -> None:
    steps, runs = blocks(subject(BOTH_WAYS), Table)
    assert [row.cells[0] for row in steps.rows] == ["run-15", "run-09"]
    assert [row.cells[1] for row in steps.rows] == ["14ffffff..15ffffff", "08ffffff..09ffffff"]
    assert [row.cells[0] for row in runs.rows][:2] == ["run-21", "run-20"]
    assert [c.title for c in runs.columns] == ["run", "time (UTC)", "commit", "step time", "change of level"]
    assert runs.note == "Every run has 3 repeats."
    assert {row.tone for row in runs.rows} == {"plain", "good", "bad"}


def test_what_differs_between_runs_has_its_column() -> None:
    newest = run(3, 1.0)
    single = newest.model_copy(
        update={"repeats": (lines.repeat(figures=lines.figures_of(1.0), suspect=("a process came",)),)}
    )
    (runs,) = blocks(subject((1.0, 1.0), [single]), Table)
    assert {"repeats", "care"} <= {c.title for c in runs.columns}
    assert runs.rows[0].cells[-1] == "suspect"


@pytest.mark.parametrize(("commit", "dirty", "expected"), [
    ("0123456789abcdef", False, "01234567"), ("0123456789abcdef", True, "01234567-dirty"),
    ("0123456789abcdef", None, "01234567"), (None, None, None),
])  # fmt: skip
def test_a_commit_is_short_and_says_that_it_is_dirty(commit: str | None, dirty: bool | None, expected: str) -> None:
    assert commit_of(commit, dirty) == expected


def test_notes_and_the_newest_runs_warnings_are_told() -> None:
    restless = lines.repeat(suspect=("a process came",), facts={"data_fingerprint": "b"})
    before = run(1, 1.0).model_copy(update={"repeats": (lines.repeat(facts={"data_fingerprint": "a"}),)})
    of = subject((), [before, run(2, 1.0).model_copy(update={"repeats": (restless,)})])
    (note,) = blocks(of, Callout)
    assert note.title.startswith("The data changed with run-02")
    cautions = next(s for s in sections_of(of) if s.title == "Read with care")
    assert isinstance(cautions.blocks[0], Callout)
    assert cautions.blocks[0].text.startswith("Of the newest run, run-02: repeat 0 was disturbed")


def test_the_page_escapes_what_records_say(tmp_path: Path) -> None:
    series, _ = series_of([run(1, 1.0, name="<script>"), run(2, 1.0, name="<script>")], None, 0.02)
    assert series is not None
    of = HistorySubject(series=series, threshold=0.02, command=("benchbench", "history", "<script>"))
    text = write_history([of], tmp_path / "page.html").read_text()
    assert "&lt;script&gt;, over time" in text
    assert "<h1><script>" not in text
    assert "benchbench history" in text
    assert write_history([of, of], tmp_path / "two.html").read_text().count("<article") == 2


def overlay(*subjects: HistorySubject) -> Chart | None:
    section = overview_of_history(subjects)
    assert section is not None
    return next((block for block in section.blocks if isinstance(block, Chart)), None)


def test_series_of_any_speed_share_one_axis() -> None:
    slow = [run(i + 1, 50.0 * factor, name="slow") for i, factor in enumerate((1.0, 1.0, 1.2))]
    series, _ = series_of(slow, None, 0.02)
    assert series is not None
    chart = overlay(subject((1.0,) * 8), HistorySubject(series=series, threshold=0.02))
    assert chart is not None
    (panel,) = chart.panels
    fast, slowed = panel.series
    assert fast.y[0] == slowed.y[0] == 1.0
    assert slowed.y[-1] == pytest.approx(1.2, rel=0.01)
    assert slowed.x[-1] == 2 * 86_400
    assert slowed.hue != fast.hue


@pytest.mark.parametrize("made_at", ["yesterday", ""])
def test_a_series_of_one_run_or_of_no_known_time_hurts_nothing(made_at: str) -> None:
    assert overlay(subject((1.0,)), subject((1.0,) * 3)) is None
    found = subject((1.0,) * 3)
    points = tuple(p.model_copy(update={"created_at": made_at}) for p in found.series.points)
    odd = HistorySubject(series=found.series.model_copy(update={"points": points}), threshold=0.02)
    chart = overlay(odd, found)
    assert chart is not None
    assert np.isfinite(chart.panels[0].series[0].x).all()
