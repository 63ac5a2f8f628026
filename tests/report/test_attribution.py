"""The waterfall from the baseline to the recommendation: what each bar spans, and what is left over."""

import math

import pytest

from benchbench.report.content import Bars, Paragraph, Table
from benchbench.report.sections import attribution
from benchbench.report.subject import StudySubject
from benchbench.scenario.knobs import Lever
from tests.report.records import study
from tests.report.searches import BEST, PARTS, part, searched

WHOLE = math.prod(p.speedup.value for p in PARTS)


def waterfall(**changes: object) -> tuple[str, Bars, Table]:
    section = attribution.render(StudySubject(study=searched(**changes)))  # type: ignore[arg-type]
    assert section is not None
    paragraph, bars, table = section.blocks
    assert isinstance(paragraph, Paragraph)
    assert isinstance(bars, Bars)
    assert isinstance(table, Table)
    return paragraph.text, bars, table


def test_each_bar_begins_where_the_one_above_ends_and_the_last_spans_all() -> None:
    _, found, _ = waterfall(speedup=WHOLE)
    *steps, whole = found.bars
    assert [b.name for b in steps] == ["software", "software", "algorithm", "algorithm"]
    assert steps[0].start == 1.0
    assert [b.start for b in steps[1:]] == [b.end for b in steps[:-1]]
    assert [b.end / b.start for b in steps] == pytest.approx([p.speedup.value for p in PARTS])
    assert (whole.start, whole.end) == (1.0, pytest.approx(WHOLE))
    assert found.log, "factors have equal lengths wherever they stand"


def test_an_interval_is_that_of_the_step_and_not_of_the_sum() -> None:
    _, found, _ = waterfall(speedup=WHOLE)
    bar, its = found.bars[1], PARTS[1].speedup
    assert its.low is not None
    assert its.high is not None
    assert bar.low == pytest.approx(bar.start * its.low)
    assert bar.high == pytest.approx(bar.start * its.high)


def test_what_the_parts_do_not_explain_is_shown_as_such() -> None:
    told, found, table = waterfall(speedup=2 * WHOLE)
    rest = found.bars[-2]
    assert rest.name == "not attributed"
    assert rest.end / rest.start == pytest.approx(2.0)
    assert rest.end == found.bars[-1].end == pytest.approx(2 * WHOLE)
    assert "2.00\N{MULTIPLICATION SIGN} is not attributed" in told
    assert table.rows[-1].cells[0] == "not attributed"
    assert table.rows[-1].tone == "muted"


def test_parts_that_agree_with_the_whole_leave_nothing_over() -> None:
    told, found, table = waterfall(speedup=WHOLE * 1.001)
    assert "not attributed" not in told
    assert len(found.bars) == len(PARTS) + 1
    assert len(table.rows) == len(PARTS)


def test_levers_are_told_by_their_products_the_largest_first() -> None:
    told, _, _ = waterfall(speedup=WHOLE)
    assert told.startswith("By lever: software 1.62\N{MULTIPLICATION SIGN}, algorithm 1.08\N{MULTIPLICATION SIGN}")


def test_without_a_confirmed_speedup_the_parts_stand_alone() -> None:
    _, found, _ = waterfall(speedup=None)
    assert found.bars[-1].end == pytest.approx(WHOLE)
    assert (found.bars[-1].low, found.bars[-1].high) == (None, None)


def test_a_speedup_that_was_not_taken_apart_is_said_and_none_is_silent() -> None:
    section = attribution.render(StudySubject(study=searched(attribution=())))
    assert section is not None
    (told,) = section.blocks
    assert isinstance(told, Paragraph)
    assert "not taken apart" in told.text
    assert attribution.render(StudySubject(study=study(verdict="tie"))) is None
    assert attribution.render(StudySubject(study=searched(attribution=(), speedup=None))) is None


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_part_that_is_no_factor_is_left_out(value: float) -> None:
    parts = (*PARTS, part(Lever.HARDWARE, "hardware.threads", 1, 2, 1.0))
    broken = parts[-1].model_copy(update={"speedup": parts[-1].speedup.model_copy(update={"value": value})})
    _, found, _ = waterfall(attribution=(*PARTS, broken), speedup=WHOLE)
    assert {b.name for b in found.bars} == {"software", "algorithm", "all together"}


def test_the_best_setup_is_the_one_of_the_parts() -> None:
    assert {p.key: p.after for p in PARTS} == BEST
