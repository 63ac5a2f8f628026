"""The section of two objectives: a table of the front, a chart of all, and words where there is no front."""

from __future__ import annotations

from typing import Any

from benchbench.record.study import ParetoPoint, Study
from benchbench.report.content import Answer, Chart, Paragraph, Table
from benchbench.report.sections import pareto, recommendation, search_progress, trials
from benchbench.report.subject import StudySubject
from tests.report.records import estimate, study

WORDS = "peak memory 14.0 GiB is over the 12.0 GiB of search.constraints.peak_memory"


def point(precision: str, time_s: float, energy_j: float, place: Any, **of: Any) -> ParetoPoint:
    values = {"time": estimate(time_s), "energy": estimate(energy_j, "J")}
    return ParetoPoint.model_validate(
        {"number": 1, "overrides": {"precision": precision}, "role": "candidate", "confirmed": True}
        | {"values": values, "place": place, "run_ids": ("run-1",), **of}
    )


def two(front: tuple[ParetoPoint, ...]) -> Study:
    plain = study()
    valued = tuple(
        t.model_copy(update={"second_objective": 100.0 + t.number}) if t.objective is not None else t
        for t in plain.trials
    )
    return plain.model_copy(update={"objectives": ("time", "energy"), "pareto": front, "trials": valued})


FRONT = (
    point("bf16", 5.0, 900.0, "first"),
    point("fp32", 10.0, 300.0, "second", role="baseline", confirmed=False),
)


def rendered(of: Study) -> tuple[Any, ...]:
    section = pareto.render(StudySubject(study=of))
    assert section is not None
    return section.blocks


def test_a_study_with_one_objective_has_nothing_to_trade() -> None:
    assert pareto.render(StudySubject(study=study())) is None


def test_the_front_stands_in_a_table_with_its_ends_named() -> None:
    (table,) = (block for block in rendered(two(FRONT)) if isinstance(block, Table))
    assert [row.cells[0] for row in table.rows] == ["least time to target", "least energy to target, the baseline"]
    assert [row.cells[2].value for row in table.rows] == [5.0, 10.0]
    assert [row.cells[4] for row in table.rows] == [True, False]
    assert [row.tone for row in table.rows] == ["good", "plain"]


def test_a_single_point_is_the_least_of_both() -> None:
    (table,) = (block for block in rendered(two(FRONT[:1])) if isinstance(block, Table))
    assert [row.cells[0] for row in table.rows] == ["least of both"]


def test_the_chart_has_the_front_and_every_trial_with_both_values() -> None:
    (chart,) = (block for block in rendered(two(FRONT)) if isinstance(block, Chart))
    (panel,) = chart.panels
    front, *others = panel.series
    assert (list(front.x), list(front.y)) == ([5.0, 10.0], [900.0, 300.0])
    assert sum(len(series.x) for series in others) == 3, "one of the four ran out of memory"
    assert (chart.x_unit, panel.unit) == ("s", "J")


def test_no_front_is_said() -> None:
    (told,) = rendered(two(()))
    assert isinstance(told, Paragraph)
    assert "No setup has both values" in told.text


def broken() -> Study:
    """The last trial, the fastest, breaks a constraint."""
    plain = study()
    *others, last = plain.trials
    return plain.model_copy(update={"trials": (*others, last.model_copy(update={"breaches": (WORDS,), "note": WORDS}))})


def test_what_breaks_a_constraint_is_never_the_best_so_far_and_shown_with_the_reason() -> None:
    section = search_progress.render(StudySubject(study=broken()))
    assert section is not None
    (chart,) = (block for block in section.blocks if isinstance(block, Chart))
    assert min(chart.panels[0].series[0].y) == 5.0, "of the trials at 10, 5 and 2.5 s"
    table = trials.render(StudySubject(study=broken()))
    assert table is not None
    (block,) = table.blocks
    assert isinstance(block, Table)
    assert block.rows[-1].tone == "warning"
    assert WORDS in block.rows[-1].cells


def test_where_nothing_holds_the_answer_says_so() -> None:
    plain = study(verdict="insufficient-evidence")
    found = plain.recommendation.model_copy(update={"breaches": (WORDS,)})
    section = recommendation.render(StudySubject(study=plain.model_copy(update={"recommendation": found})))
    assert section is not None
    assert isinstance(section.blocks[0], Answer)
    assert section.blocks[0].text.startswith("No setup measured holds the constraints. The nearest is")
