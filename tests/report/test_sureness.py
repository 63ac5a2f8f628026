"""How sure a recommendation is, and what would change it, row by row."""

from typing import Any

import pytest

from benchbench.record.study import Neighbour
from benchbench.record.types import RunWarning
from benchbench.report.content import Code, Table
from benchbench.report.sections import sureness
from benchbench.report.subject import StudySubject
from benchbench.stats.estimate import Estimate
from tests.report.records import estimate, study
from tests.report.searches import RATE, searched


def rows(**changes: Any) -> dict[str, tuple[str, str]]:
    """What each row rests on: as measured, and what would change it."""
    found = searched()
    advice = found.recommendation.model_copy(update=changes)
    section = sureness.render(StudySubject(study=found.model_copy(update={"recommendation": advice})))
    assert section is not None
    table = section.blocks[0]
    assert isinstance(table, Table)
    return {str(row.cells[0]): (str(row.cells[1]), str(row.cells[2])) for row in table.rows}


def speedup(low: float | None, high: float | None) -> Estimate:
    return Estimate(value=1.2, low=low, high=high, confidence=0.95, n=3, unit="x")


@pytest.mark.parametrize(("low", "high", "words"), [
    (1.25, 2.0, "even at its lower end the baseline takes 25 % longer"),
    (0.9, 1.4, "More repeats: the interval holds 1"),
    (None, None, "A second repeat of both"),
    (0.8, 0.95, "the baseline is the faster one"),
])  # fmt: skip
def test_the_speedups_interval_says_what_would_turn_it(low: float | None, high: float | None, words: str) -> None:
    assert words in rows(speedup=speedup(low, high))["the speedup"][1]


def test_what_was_not_measured_is_unknown() -> None:
    found = rows(speedup=None, time_to_target_s=None, reach_rate=None)
    assert found["the speedup"][0] == "unknown"
    assert not any("repeats" in name or name == "reaching the target" for name in found)


def test_few_repeats_are_called_few() -> None:
    name = "the repeats, in fresh processes with fresh seeds"
    assert "3 repeats of the baseline, 3 repeats of the recommendation" in rows()[name][0]
    assert "all be lucky" not in rows()[name][1]
    assert "all be lucky" in rows(time_to_target_s=estimate(5.0, n=2))[name][1]


def test_a_prediction_stands_beside_what_was_measured() -> None:
    told, change = rows(predicted_time_to_target_s=estimate(4.0))["the prediction"]
    assert "measured over predicted 1.25\N{MULTIPLICATION SIGN}" in told
    assert "what was measured stands" in change
    alone = rows(predicted_time_to_target_s=estimate(4.0), time_to_target_s=None)["the prediction"]
    assert "predicted, not measured" in alone[1]


@pytest.mark.parametrize(("warned", "words"), [(True, "A small shift"), (False, "do not break down")])
def test_fragile_neighbours_are_a_reason_to_doubt(warned: bool, words: str) -> None:
    near = Neighbour(overrides={RATE: 2e-3}, learning_rate=2e-3, time_to_target_s=30.0, reached=True, source="measured")
    found = searched()
    advice = found.recommendation.model_copy(update={"neighbours": (near,)})
    warnings = (RunWarning(code="fragile", message="it is"),) if warned else ()
    section = sureness.render(
        StudySubject(study=found.model_copy(update={"recommendation": advice, "warnings": warnings}))
    )
    assert section is not None
    table = section.blocks[0]
    assert isinstance(table, Table)
    assert any(words in str(row.cells[2]) for row in table.rows)


def test_rivals_are_counted() -> None:
    assert rows(tied_with=({"precision": "fp32"},))["the nearest rivals"][0] == "1 setup not told apart from it"


def test_the_claim_can_be_measured_again_but_not_a_replayed_one() -> None:
    section = sureness.render(StudySubject(study=searched()))
    assert section is not None
    assert [b.text for b in section.blocks if isinstance(b, Code)] == [f"benchbench verify {searched().study}"]
    replayed = sureness.render(StudySubject(study=searched(replayed_from="table.csv")))
    assert replayed is not None
    assert not [b for b in replayed.blocks if isinstance(b, Code)]
    assert sureness.render(StudySubject(study=study(outcomes=()))) is None
