from __future__ import annotations

import math

import pytest

from benchbench.tuning.verdict import Evidence, Judgement, judge

MARGIN, CONFIDENCE = 0.05, 0.95


def evidence(*values, misses=0) -> Evidence:
    return Evidence(values=values, misses=misses)


def one(baseline: Evidence, finalist: Evidence) -> Judgement:
    return judge(baseline, [finalist], MARGIN, CONFIDENCE)


TABLE = [
    # baseline,                      finalist,                        verdict,                 chosen
    (evidence(10.0, 10.1, 9.9), evidence(5.0, 5.1, 4.9), "faster", 0),
    (evidence(10.0, 10.1, 9.9), evidence(9.98, 10.0, 9.9), "tie", 0),
    (evidence(10.0, 14.0, 7.0), evidence(8.0, 12.0, 6.0), "insufficient-evidence", 0),
    (evidence(10.0), evidence(5.0), "insufficient-evidence", 0),
    (evidence(10.0, 10.1, 9.9), evidence(20.0, 20.1, 19.9), "tie", None),
    (evidence(10.0, 10.1, 9.9), evidence(11.0, 16.0, 8.0), "tie", None),
    (evidence(10.0, 14.0, 7.0), evidence(11.0, 15.0, 8.0), "insufficient-evidence", None),
    (evidence(10.0, 10.1, 9.9), evidence(misses=3), "tie", None),
    (evidence(10.0, 10.1, 9.9), evidence(), "insufficient-evidence", None),
    (evidence(misses=3), evidence(5.0, 5.1, 4.9), "insufficient-evidence", 0),
    (evidence(10.0, 10.1, 9.9), evidence(5.0, 5.1, misses=1), "insufficient-evidence", 0),
    (evidence(10.0, 10.1, misses=1), evidence(5.0, 5.1, 4.9), "faster", 0),
    (evidence(misses=3), evidence(5.0, misses=2), "insufficient-evidence", None),
    (evidence(), evidence(), "insufficient-evidence", None),
]


@pytest.mark.parametrize(("baseline", "finalist", "verdict", "chosen"), TABLE)
def test_the_table_of_verdicts(baseline: Evidence, finalist: Evidence, verdict: str, chosen: int | None) -> None:
    found = one(baseline, finalist)
    assert (found.verdict, found.chosen) == (verdict, chosen)
    assert found.reason


@pytest.mark.parametrize(("baseline", "finalist", "verdict", "chosen"), TABLE)
def test_the_verdict_follows_from_the_interval_it_comes_with(
    baseline: Evidence, finalist: Evidence, verdict: str, chosen: int | None
) -> None:
    """By the letter of the contract, for a reader who has nothing but the document."""
    speedup = one(baseline, finalist).speedup
    both_measured = baseline.reached and (finalist.reached or chosen is None)
    assert (speedup is not None) == both_measured
    if speedup is None:
        assert verdict == "insufficient-evidence"
        return
    low = -math.inf if speedup.low is None else speedup.low
    high = math.inf if speedup.high is None else speedup.high
    assert low <= speedup.value <= high
    expected = "faster" if low > 1 else "tie" if low >= 0.95 and high <= 1.05 else "insufficient-evidence"
    assert verdict == expected


def test_misses_take_away_the_bound_on_their_side() -> None:
    finalist_missed = one(evidence(10.0, 10.1, 9.9), evidence(5.0, 5.2, misses=1)).speedup
    assert (finalist_missed.low, finalist_missed.high is None) == (None, False)
    assert finalist_missed.value == pytest.approx(10.0 / 5.2), "the median counts a miss as infinite"
    baseline_missed = one(evidence(10.0, 10.2, misses=1), evidence(5.0, 5.1, 4.9)).speedup
    assert (baseline_missed.low is None, baseline_missed.high) == (False, None)


def test_the_number_of_finalists_widens_the_intervals() -> None:
    baseline, good, other = evidence(10.0, 10.4, 9.6), evidence(8.9, 9.3, 8.6), evidence(12.0, 12.1, 11.9)
    alone = judge(baseline, [good], MARGIN, CONFIDENCE)
    among = judge(baseline, [other, good], MARGIN, CONFIDENCE)
    assert among.chosen == 1
    assert among.speedup.confidence == pytest.approx(0.975)
    assert among.speedup.low < alone.speedup.low


def test_what_is_the_same_is_named() -> None:
    assert one(evidence(10.0, 10.1, 9.9), evidence(9.98, 10.0, 9.9)).tied == (None,)
    assert one(evidence(9.98, 10.0, 9.9), evidence(10.0, 10.1, 9.9)).tied == (0,)
    assert one(evidence(10.0, 10.1, 9.9), evidence(5.0, 5.1, 4.9)).tied == ()


def test_a_median_with_as_many_misses_as_values_is_infinite() -> None:
    assert not evidence(1.0, misses=1).reached
    assert evidence(1.0, 2.0, misses=1).median == 2.0


BROKEN = ("peak memory 14.0 GiB is over the 12.0 GiB of search.constraints.peak_memory",)


@pytest.mark.parametrize(
    ("baseline", "finalist", "verdict", "chosen", "words"),
    [
        ((10.0, 10.1, 9.9), (5.0, 5.1, 4.9), "faster", 0, "times as fast as the baseline, at least"),
        ((10.0, 10.1, 9.9), (9.98, 10.0, 9.9), "tie", 0, "the same as the baseline within 5%"),
        ((5.0, 5.1, 4.9), (10.0, 10.1, 9.9), "insufficient-evidence", 0, "0.5 times as fast as the baseline, and the"),
        ((10.0, 10.1, 9.9), (), "insufficient-evidence", None, "no setup that was confirmed holds"),
    ],
)
def test_a_baseline_that_breaks_a_constraint_is_compared_with_and_never_kept(
    baseline: tuple[float, ...], finalist: tuple[float, ...], verdict: str, chosen: int | None, words: str
) -> None:
    found = one(Evidence(values=baseline, breaches=BROKEN), Evidence(values=finalist))
    assert (found.verdict, found.chosen, found.tied) == (verdict, chosen, ())
    assert words in found.reason
    assert BROKEN[0] in found.reason


def test_a_finalist_that_breaks_a_constraint_is_not_chosen_however_fast() -> None:
    fast, other = Evidence(values=(1.0, 1.1, 0.9), breaches=BROKEN), evidence(5.0, 5.1, 4.9)
    baseline = evidence(10.0, 10.1, 9.9)
    assert judge(baseline, [fast, other], MARGIN, CONFIDENCE).chosen == 1
    alone = one(baseline, fast)
    assert (alone.verdict, alone.chosen) == ("insufficient-evidence", None)
    assert BROKEN[0] in alone.reason
    slow = judge(baseline, [fast, evidence(20.0, 20.1, 19.9)], MARGIN, CONFIDENCE)
    assert (slow.verdict, slow.chosen) == ("tie", None), "it does not keep the matter from being settled"
