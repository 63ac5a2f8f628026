"""One wording for numbers, intervals, settings and foreign text."""

import pytest

from benchbench.record.types import Outcome
from benchbench.report import wording
from benchbench.report.content import Quantity
from benchbench.stats.estimate import Estimate
from benchbench.units import human


def _estimate(low: float | None, high: float | None, unit: str = "s", n: int = 3, value: float = 0.0123) -> Estimate:
    return Estimate(value=value, low=low, high=high, confidence=0.95, n=n, unit=unit)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "s", wording.UNKNOWN),
        (0.0123, "s", human(0.0123, "s")),
        (0.5, "fraction", human(0.5, "%")),
        (1.834, "x", "1.83\N{MULTIPLICATION SIGN}"),
        (1980.0, "MHz", human(1.98e9, "Hz")),
        (640.0, "steps", "640 steps"),
        (13.7, "trainings", "13.7 trainings"),
        (3.0, "", "3"),
        (2600.0, "samples/s", f"{human(2600.0)} samples/s"),
        (989e12, "FLOP/s", "989 TFLOP/s"),
        (2e12, "bytes/s", "2.00 TB/s"),
        (200.0, "FLOP/byte", "200 FLOP/byte"),
    ],
)
def test_a_quantity_has_its_unit(value: float | None, unit: str, text: str) -> None:
    assert wording.quantity(value, unit) == text


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (_estimate(0.0121, 0.0125), "12.1 to 12.5 ms"),
        (_estimate(0.9, 1.1), "900 ms to 1.10 s"),
        (_estimate(480.0, 540.0), "8 min 00 s to 9 min 00 s"),
        (_estimate(600.0, None, "steps"), "600 steps or more"),
        (_estimate(None, 600.0, "steps"), "600 steps or less"),
        (_estimate(None, None), "no interval"),
    ],
)
def test_an_interval_names_its_unit_once_and_says_an_open_side(estimate: Estimate, text: str) -> None:
    assert wording.interval(estimate) == text


def test_the_basis_is_said_once_where_it_is_common() -> None:
    three, one = _estimate(0.01, 0.02), _estimate(0.01, 0.02, n=1)
    assert wording.common_basis([three, three, 5, "text"]) == "95 %, 3 repeats"
    assert wording.common_basis([three, one]) is None
    assert wording.basis(one) == "95 %, within 1 repeat"
    assert wording.detail(three, "95 %, 3 repeats") == "10.0 to 20.0 ms"
    assert wording.detail(one, None) == "10.0 to 20.0 ms, 95 %, within 1 repeat"
    assert wording.detail("text", None) == ""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("title\x1b]0;owned\x07.", "title."),
        ("bell\x07 nul\x00 c1\x9b", "bell nul c1"),
        ("half\ud800 pair", "half pair"),
        ("tab\tand\r\nline\rend", "tab\tand\nline\nend"),
        ("r\N{LATIN SMALL LETTER E WITH ACUTE}sum\N{LATIN SMALL LETTER E WITH ACUTE}", "r\xe9sum\xe9"),
    ],
)
def test_foreign_text_is_shown_and_steers_nothing(text: str, shown: str) -> None:
    assert wording.clean(text) == shown


def test_endless_text_is_cut() -> None:
    assert len(wording.clean("x" * 10**7)) < 10**5


def test_settings_are_written_as_yaml_has_them() -> None:
    found = wording.settings({"training.dropout": None, "a": True, "b": 5e-05, "c": "bf16"})
    assert found == "training.dropout = null, a = true, b = 5e-05, c = bf16"


def test_cells() -> None:
    assert wording.cell(None) == wording.UNKNOWN
    assert wording.cell(value=True) == "yes"
    assert wording.cell(0.5, "s") == human(0.5, "s")
    assert wording.cell(Quantity(value=2**30, unit="bytes")) == "1.00 GiB"
    assert wording.cell(_estimate(0.0121, 0.0125)) == "12.3 ms (12.1 to 12.5 ms)"


def test_lists_and_counts() -> None:
    assert wording.listed([]) == ""
    assert wording.listed(["a"]) == "a"
    assert wording.listed(["a", "b", "c"]) == "a, b and c"
    assert wording.counted(1, "repeat") == "1 repeat"
    assert wording.counted(1200, "step") == "1,200 steps"


def test_every_outcome_has_words_and_a_tone() -> None:
    assert set(wording.OUTCOMES) == set(Outcome)
    assert wording.tone_of(Outcome.OK) == "plain"
    assert wording.tone_of(Outcome.OOM) == "bad"
