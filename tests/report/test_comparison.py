"""The page of a comparison: the verdict in words, what differs, and the step times over each other."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from benchbench.record.comparing import compare
from benchbench.record.types import Outcome
from benchbench.report.content import Answer, Callout, Chart, Section, Table
from benchbench.report.pages import write_comparison
from benchbench.report.plugins import sections_of
from benchbench.report.subject import ComparisonSubject, RunSubject, run_subject
from tests.report.records import MACHINE, TARGET, run_folder, scenario


def subject(
    out: Path, *changes: dict[str, Any], factors: tuple[float, ...] = (), noise: float = 0.0
) -> ComparisonSubject:
    """Runs with changed records, each slower by its factor, and by `noise` from repeat to repeat."""
    runs = []
    for index, one in enumerate(changes):
        found = run_subject(run_folder(out, f"2026010{index + 1}-000000-bert-aaaa", **one))
        runs.append(_times(found, factors[index], noise) if factors else found)
    found = compare([r.run for r in runs], 0.02)
    return ComparisonSubject(comparison=found, runs=tuple(runs), command=("benchbench", "compare", "a", "b"))


def _times(run: RunSubject, factor: float, noise: float) -> RunSubject:
    repeats = []
    for index, repeat in enumerate(run.run.repeats):
        assert repeat.figures is not None
        slower = repeat.figures.model_copy(update={"step_s": factor * (1 + noise * index) * repeat.figures.step_s})
        repeats.append(repeat.model_copy(update={"figures": slower}))
    return RunSubject(run=run.run.model_copy(update={"repeats": tuple(repeats)}), folder=run.folder)


def section(of: ComparisonSubject, title: str) -> Section:
    return next(s for s in sections_of(of) if s.title == title)


def answers(of: ComparisonSubject) -> list[Answer]:
    return [b for b in section(of, "Verdict").blocks if isinstance(b, Answer)]


@pytest.mark.parametrize(
    ("factor", "words", "tone"),
    [
        (1.1, r"B is slower than A: its step time is 10 % higher \(1.100 times .*, beyond the threshold", "bad"),
        (0.9, r"B is faster than A: its step time is 10 % lower \(0.900 times .*, beyond the threshold", "good"),
        (1.0, r"B and A are equivalent: the step time of B is .*, all of that within the threshold", "good"),
    ],
)
def test_each_verdict_has_its_sentence(tmp_path: Path, factor: float, words: str, tone: str) -> None:
    (answer,) = answers(subject(tmp_path, {}, {}, factors=(1.0, factor)))
    numbers = r"times that of A, 95 % interval \d\.\d{3} to \d\.\d{3}, 3 repeats each\)"
    assert re.match(words, answer.text)
    assert re.search(numbers, answer.text)
    assert answer.text.endswith("threshold of 2 %, on a GPU.")
    assert answer.text.count(". ") == 0, "one sentence"
    assert answer.tone == tone


def test_the_machines_and_the_repeats_of_both_are_named_where_they_differ(tmp_path: Path) -> None:
    other = MACHINE.model_copy(update={"devices": (), "cpu": "a quick CPU"})
    runs = [
        run_subject(run_folder(tmp_path, f"2026010{day}-000000-bert-aaaa", machine=machine, outcomes=outcomes))
        for day, machine, outcomes in ((1, MACHINE, (Outcome.OK,) * 3), (2, other, (Outcome.OK,) * 2))
    ]
    found = compare([r.run for r in runs], 0.2, across_machines=True)
    (answer,) = answers(ComparisonSubject(comparison=found, runs=tuple(runs)))
    assert ", 2 and 3 repeats)" in answer.text
    assert answer.text.endswith("on a quick CPU, and A on a GPU.")


def test_an_open_verdict_says_what_would_decide_it(tmp_path: Path) -> None:
    (answer,) = answers(subject(tmp_path, {}, {}, factors=(1.0, 1.04), noise=0.05))
    assert answer.text.startswith(
        "Inconclusive: the step time of B is 4.0 % higher (1.040 times that of A, 95 % interval"
    )
    assert re.search(
        r", on a GPU, .* threshold of 2 %; about \d+ more repeats of each would decide it, 90 % of the time\.$",
        answer.text,
    )
    assert answer.tone == "warning"


def test_a_rate_is_told_as_a_rate(tmp_path: Path) -> None:
    (answer,) = answers(subject(tmp_path, {}, {"of": scenario(training={"global_batch": 8})}, factors=(1.0, 2.0)))
    assert answer.text.startswith("B is slower than A: its throughput is 50 % lower")


def test_every_run_has_its_row(tmp_path: Path) -> None:
    found = subject(tmp_path, {"of": scenario(**TARGET)}, *[{"of": scenario(**TARGET)}] * 2)
    (table,) = [b for b in section(found, "Verdict").blocks if isinstance(b, Table)]
    assert [row.cells[0] for row in table.rows] == ["A", "B", "C"]
    assert [row.cells[1] for row in table.rows] == [run.id for run in found.runs]
    assert [c.title for c in table.columns].count("reached") == 1


def test_only_what_differs_is_shown(tmp_path: Path) -> None:
    slow = {"of": scenario(precision="bf16"), "machine": MACHINE.model_copy(update={"driver": "600"})}
    tables = [b for b in section(subject(tmp_path, {}, slow, {}), "What differs").blocks if isinstance(b, Table)]
    assert [row.cells for row in tables[0].rows] == [("precision", "fp32", "bf16", "fp32")]
    assert [row.cells for row in tables[1].rows] == [("driver", "\N{EN DASH}", "600", "\N{EN DASH}")]
    (same,) = section(subject(tmp_path / "2", {}, {}), "What differs").blocks
    assert "the same" in getattr(same, "text", "")


def test_the_step_times_lie_over_each_other(tmp_path: Path) -> None:
    (chart,) = [b for b in section(subject(tmp_path, {}, {}), "Step times").blocks if isinstance(b, Chart)]
    outlines, dots = chart.panels
    assert [s.name for s in outlines.series] == ["A", "B"]
    assert all(float(s.y.sum()) == pytest.approx(1.0) for s in outlines.series), "shares of all steps"
    assert np.array_equal(outlines.series[0].x, outlines.series[1].x), "in the same bins"
    assert [len(s.x) for s in dots.series] == [3, 3]
    assert len({s.hue for s in outlines.series}) == 2


def test_a_long_stall_is_said_and_does_not_squeeze_the_rest(tmp_path: Path) -> None:
    found = subject(tmp_path, {}, {})
    _change_steps(found.runs[1], lambda times: times.mask(times.index == times.index[-1], 100.0))
    (chart,) = [b for b in section(found, "Step times").blocks if isinstance(b, Chart)]
    assert max(float(s.x.max()) for s in chart.panels[0].series) < 1.0
    assert "1 step of up to 100 s" in chart.caption


def test_samples_that_are_no_numbers_are_said_and_left_out(tmp_path: Path) -> None:
    found = subject(tmp_path, {}, {})
    _change_steps(found.runs[1], lambda times: times.mask(times.index % 50 == 10, np.nan))
    callout, chart = section(found, "Step times").blocks
    assert isinstance(callout, Callout)
    assert "steps of B hold no time" in callout.title
    assert isinstance(chart, Chart)


def _change_steps(run: RunSubject, change: Any) -> None:
    assert run.folder is not None
    file = run.folder / "steps.parquet"
    frame = pd.read_parquet(file)
    frame["step_s"] = change(frame["step_s"])
    frame.to_parquet(file)


def test_the_page_fetches_nothing_and_is_written_whole(tmp_path: Path) -> None:
    page = write_comparison(subject(tmp_path, {}, {}, factors=(1.0, 1.1)), tmp_path / "reports" / "compare.html")
    text = page.read_text()
    assert "B is slower than A" in text
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text
    assert "benchbench compare a b" in text
