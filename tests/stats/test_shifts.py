"""Steps in a series: none in noise, the right one where there is one, and what the limits are."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from scipy import stats

from benchbench.stats.intervals import student_t
from benchbench.stats.shifts import levels, visible

NOISE, SIZE = 0.01, 0.05
ANY = 1e-6  # a threshold that leaves the decision to the test alone
TRIALS = 1000
TOLERANCE = 3 * math.sqrt(0.05 * 0.95 / TRIALS)

Array = npt.NDArray[np.float64]


def starts(values: Sequence[float] | Array, threshold: float = 0.02, error: float | None = None) -> list[int]:
    return [level.start for level in levels(list(values), [error] * len(values), threshold, 0.95)[1:]]


def series(rng: np.random.Generator, *parts: tuple[int, float]) -> Array:
    """Parts of a length and a level each, with noise."""
    means = np.concatenate([np.full(n, math.log(level)) for n, level in parts])
    return np.asarray(np.exp(means + NOISE * rng.standard_normal(len(means))))


def drifting(rng: np.random.Generator, n: int, phi: float) -> Array:
    """A first-order autoregression with the same variance as `series`."""
    found = np.empty(n)
    found[0] = rng.standard_normal()
    for i in range(1, n):
        found[i] = phi * found[i - 1] + math.sqrt(1 - phi**2) * rng.standard_normal()
    return np.exp(NOISE * found)


def share(found: Sequence[bool]) -> float:
    return sum(found) / len(found)


@pytest.mark.parametrize("n", [3, 5, 8, 15, 30, 60])
def test_a_constant_series_alarms_in_at_most_5_percent(n: int) -> None:
    rng = np.random.default_rng(n)
    assert share([bool(starts(series(rng, (n, 1.0)), ANY)) for _ in range(TRIALS)]) <= 0.05 + TOLERANCE


def test_noise_below_the_threshold_hardly_ever_alarms() -> None:
    rng = np.random.default_rng(1)
    assert share([bool(starts(series(rng, (30, 1.0)))) for _ in range(TRIALS)]) <= 0.03


def test_drift_alarms_more_often_than_independent_noise() -> None:
    """The limit that the docstring states: with a correlation of 0.6 from run to run, 30 runs alarm about half the time
    by the test alone, and in a tenth of series where a step must also be beyond 2 %."""
    rng = np.random.default_rng(2)
    walks = [drifting(rng, 30, 0.6) for _ in range(300)]
    assert 0.3 < share([bool(starts(walk, ANY)) for walk in walks]) < 0.8
    assert 0.03 < share([bool(starts(walk)) for walk in walks]) < 0.2


@pytest.mark.parametrize(("before", "after"), [(5, 5), (10, 10), (30, 30), (20, 2), (3, 20)])
@pytest.mark.parametrize("level", [1 + SIZE, 1 / (1 + SIZE)])
def test_a_5_percent_step_at_1_percent_noise_is_found_where_it_is(before: int, after: int, level: float) -> None:
    rng = np.random.default_rng(before + 100 * after)
    found = [starts(series(rng, (before, 1.0), (after, level))) for _ in range(200)]
    assert share([before in cuts for cuts in found]) >= 0.9
    assert share([cuts == [before] for cuts in found]) >= 0.87


@pytest.mark.parametrize(("before", "least"), [(5, 0.4), (10, 0.65), (20, 0.75)])
def test_the_newest_run_alone_is_found_where_it_is_clear(before: int, least: float) -> None:
    rng = np.random.default_rng(before)
    found = [starts(series(rng, (before, 1.0), (1, 1 + SIZE))) for _ in range(200)]
    assert share([cuts == [before] for cuts in found]) >= least
    clear = [starts(series(rng, (before, 1.0), (1, 1.15))) for _ in range(100)]
    assert share([cuts == [before] for cuts in clear]) >= 0.95


@pytest.mark.parametrize(("at", "length"), [(20, 10), (20, 3), (5, 30)])
def test_a_level_that_goes_back_is_two_steps(at: int, length: int) -> None:
    """A search for one change at a time misses these."""
    rng = np.random.default_rng(at + length)
    found = [starts(series(rng, (at, 1.0), (length, 1 + SIZE), (20, 1.0))) for _ in range(100)]
    assert share([{at, at + length} <= set(cuts) for cuts in found]) >= 0.85


@pytest.mark.parametrize("behind", [1, 2, 9])
def test_a_lone_run_that_stands_out_is_no_step_unless_it_is_the_newest(behind: int) -> None:
    quiet = [1.0, 1.001, 0.999, 1.0, 1.002, 0.998, 1.0, 1.001, 0.999]
    assert starts([*quiet, 1.1]) == [9]
    assert starts([*quiet, 1.1, *quiet[:behind]]) == []
    assert starts([*quiet, 1.1, 1.1, *quiet[:3]]) == [9, 11]
    assert starts([*quiet, 1.1, *[1.5 * v for v in quiet]]) == [10], "it is counted with its neighbour"


def test_runs_with_outliers_alarm_no_more_often() -> None:
    """Student's t with four degrees of freedom, at the usual threshold."""
    rng = np.random.default_rng(4)
    walks = [np.exp(NOISE * rng.standard_t(4, 60)) for _ in range(500)]
    assert share([bool(starts(walk)) for walk in walks]) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 500)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_equal_runs_are_one_level(count: int) -> None:
    (level,) = levels([2.0] * count, [None] * count, 0.02, 0.95)
    assert (level.start, level.stop, level.ratio) == (0, count, None)
    assert level.value == pytest.approx(2.0)


def test_two_runs_are_never_a_step() -> None:
    assert starts([1.0, 2.0]) == []


def test_equal_values_are_no_step_and_exact_levels_are() -> None:
    assert starts([0.1] * 30, ANY) == []
    assert starts([0.1] * 6 + [0.2] * 4) == [6]


def test_a_run_of_its_own_uncertainty_is_a_floor_for_the_noise() -> None:
    values = [1.0, 1.0001, 0.9999, 1.0, 1.0001, 1.05]
    assert starts(values) == [5]
    assert starts(values, error=0.03) == [], "each is known to within 6 % only"


def test_the_first_decision_in_numbers() -> None:
    """Student's pooled t of the best of five places, at 0.8 of the error rate over five."""
    rest, critical = [1.0, -1.0, 1.0, -1.0, 0.0], stats.t.ppf(1 - 0.05 * 0.8 / 5 / 2, 4)
    error = math.sqrt(np.var(rest) * 5 / 4 * (1 + 1 / 5))
    for factor, expected in ((1.001, [5]), (0.999, [])):
        logs = 0.001 * np.asarray([*rest, factor * critical * error])
        assert starts(np.exp(logs), ANY) == expected


def test_a_ratio_is_that_of_the_levels_with_the_variance_within() -> None:
    values = [1.0, 1.01, 0.99, 1.1, 1.11, 1.09, 1.1]
    _, level = levels(values, [None] * 7, 0.02, 0.95)
    a, b = np.log(values[:3]), np.log(values[3:])
    variance = (((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum()) / 5
    half = student_t(0.95, 5) * math.sqrt(variance * (1 / 3 + 1 / 4))
    assert level.ratio is not None
    assert level.ratio.value == pytest.approx(math.exp(b.mean() - a.mean()))
    assert level.ratio.low == pytest.approx(math.exp(b.mean() - a.mean() - half))
    assert (level.ratio.n, level.ratio.confidence, level.ratio.unit) == (3, 0.95, "x")
    assert level.value == pytest.approx(math.exp(b.mean()))


@pytest.mark.parametrize(("threshold", "expected"), [(0.02, [10]), (0.049, [10]), (0.051, []), (0.5, [])])
def test_a_step_must_be_beyond_the_threshold(threshold: float, expected: list[int]) -> None:
    values = [1.0 + 1e-4 * (-1) ** i for i in range(10)] + [1.05 + 1e-4 * (-1) ** i for i in range(10)]
    assert starts(values, threshold) == expected


def test_small_steps_that_add_up_are_one_step() -> None:
    """A creeping loss of 1 % at a time is told where it becomes more than the threshold."""
    values = [level + 1e-4 * (-1) ** i for level in (1.0, 1.01, 1.02, 1.03, 1.04) for i in range(6)]
    found = levels(values, [None] * len(values), 0.02, 0.95)
    assert len(found) == 2
    assert found[1].ratio is not None
    assert found[1].ratio.value > 1.02


def test_the_order_is_all_that_time_is() -> None:
    rng = np.random.default_rng(5)
    values = series(rng, (12, 1.0), (9, 1.1))
    assert starts(values) == [12]
    assert starts(values[::-1]) == [9]
    assert starts(values * 1e-6) == [12]


def test_what_would_be_seen_is_what_is_seen() -> None:
    values, errors = [1.0, 1.01, 0.99, 1.0, 1.01, 0.99, 1.0], [None] * 7
    least = visible(values, errors, 0.95)
    assert least is not None
    level = math.exp(float(np.log(values).mean()))
    assert starts([*values, level * (1 + 1.001 * least)]) == [7]
    assert starts([*values, level * (1 + 0.999 * least)]) == []
    assert visible([1.0], [None], 0.95) is None


def test_a_thousand_runs_are_no_burden() -> None:
    rng = np.random.default_rng(6)
    assert starts(series(rng, (700, 1.0), (40, 1.1), (500, 1.0))) == [700, 740]
