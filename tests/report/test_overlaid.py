"""Compared runs over each other in time, and against each other."""

from pathlib import Path

import numpy as np
import pytest

from benchbench.report.content import Chart, Panel, Table
from benchbench.report.sections import matrix, overlaid
from tests.report.records import WARMUP, scenario
from tests.report.test_comparison import subject


def panels(out: Path, *changes: dict[str, object]) -> dict[str, Panel]:
    section = overlaid.render(subject(out, *changes))
    assert section is not None
    (chart,) = section.blocks
    assert isinstance(chart, Chart)
    return {panel.label: panel for panel in chart.panels}


def test_each_run_has_a_line_in_every_panel_from_its_first_step(tmp_path: Path) -> None:
    found = panels(tmp_path, {}, {"of": scenario(precision="bf16")})
    assert {"throughput", "utilization", "power", "training loss", "memory in use"} <= set(found)
    for panel in found.values():
        assert [series.name for series in panel.series] == ["A", "B"]
    loss = found["training loss"].series[0]
    assert loss.x[0] == pytest.approx(1.0, rel=0.06), "the first step is slow, and its end is counted from its begin"
    assert (np.diff(loss.x) > 0).all()
    assert len(loss.x) > WARMUP


def test_what_only_one_run_has_is_left_out(tmp_path: Path) -> None:
    found = panels(tmp_path, {}, {"devices": ()})
    assert set(found) == {"throughput", "training loss"}


def test_runs_without_tables_have_no_lines(tmp_path: Path) -> None:
    of = subject(tmp_path, {}, {})
    for run in of.runs:
        assert run.folder is not None
        for table in run.folder.glob("*.parquet"):
            table.unlink()
    assert overlaid.render(of) is None


def test_the_matrix_has_every_pair_both_ways(tmp_path: Path) -> None:
    section = matrix.render(subject(tmp_path, {}, {}, {}, factors=(1.0, 1.1, 1.3)))
    assert section is not None
    (table,) = section.blocks
    assert isinstance(table, Table)
    cells = [row.cells[2:] for row in table.rows]
    assert [cells[i][i] for i in range(3)] == [None] * 3
    assert cells[1][0] == "slower, 1.100"
    assert cells[0][1] == "faster, 0.909"
    assert str(cells[2][1]).startswith("slower, 1.182")
    assert "3 pairs" in table.note
    assert "98.33 %" in table.note


def test_two_runs_need_no_matrix(tmp_path: Path) -> None:
    assert matrix.render(subject(tmp_path, {}, {})) is None
