"""Time against memory, energy, money and metric: the panels, and which trials are on a front."""

from pathlib import Path

import numpy as np
import pytest

from benchbench.report.content import Chart, Table
from benchbench.report.sections import trade_offs
from benchbench.report.subject import StudySubject, study_subject
from tests.report.records import TARGET, run_folder, scenario, study_folder
from tests.report.searches import searched, trials

PRICED = scenario(**TARGET, hardware={"price_per_hour": 2.0})


def subject(out: Path, count: int = 4) -> StudySubject:
    """Each trial has a run of its own; all runs take the same, but for their memory and their energy."""
    runs = {
        f"run-{i}": run_folder(
            out, f"20260101-00000{i}-bert-aaaa", of=PRICED, devices=["cuda:0", "cuda:1"][: 1 + i % 2]
        )
        for i in range(count)
    }
    own = trials(count, [folder.name for folder in runs.values()])
    return study_subject(study_folder(out, searched({"baseline": runs["run-0"]}, of=PRICED, trials=own)))


def shown(out: Path) -> tuple[Chart, Table]:
    section = trade_offs.render(subject(out))
    assert section is not None
    (chart,) = [b for b in section.blocks if isinstance(b, Chart)]
    (table,) = [b for b in section.blocks if isinstance(b, Table)]
    return chart, table


def test_only_what_differs_between_the_trials_has_a_panel(tmp_path: Path) -> None:
    chart, _ = shown(tmp_path)
    labels = [panel.label for panel in chart.panels]
    assert any(label.startswith("energy to target") for label in labels)
    assert not any(label.startswith("peak memory") for label in labels), "the same for all: it would tell nothing"


def test_the_front_holds_what_no_other_trial_beats_in_both(tmp_path: Path) -> None:
    chart, table = shown(tmp_path)
    panel = next(p for p in chart.panels if p.label.startswith("energy"))
    front, points = panel.series
    assert len(points.x) == 4
    assert (np.diff(front.x) > 0).all()
    assert (np.diff(front.y) < 0).all()
    for x, y in zip(points.x, points.y, strict=True):
        assert any(fx <= x and fy <= y for fx, fy in zip(front.x, front.y, strict=True))
    assert len([row for row in table.rows if row.cells[0] == "energy to target"]) == len(front.x)


def test_without_runs_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert trade_offs.render(StudySubject(study=searched())) is None
    lone = study_subject(study_folder(tmp_path, searched(trials=trials(6, ["gone"]))))
    assert trade_offs.render(lone) is None


@pytest.mark.parametrize("better", [True, False])
def test_more_may_be_better(better: bool) -> None:
    other = trade_offs._Other("accuracy", "", lambda s: None, more_is_better=better)
    made = [trade_offs._Measured(t, float(t.number), None) for t in trials(4)]  # type: ignore[arg-type]
    found = list(zip(made, [0.5, 0.9, 0.7, 0.1], strict=True))
    assert [value for _, value in trade_offs._front(other, found)] == ([0.5, 0.9] if better else [0.5, 0.1])
