"""The repeats' figures -> estimates and warnings."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from benchbench.record.summary import Summary, summarize, warnings_of
from benchbench.record.types import Outcome, Reach, Repeat, RunWarning, worst
from benchbench.stats.estimate import Estimate
from tests.record.lines import figures_of, reached, repeat, run

MISSED = Reach(reached=False, best=0.7)
TRAINING: dict[str, Any] = {
    "measure": {"procedure": "time-to-target"}, "target": {"metric": "accuracy", "at_least": 0.8},
}  # fmt: skip


def of(*steps_s: float, **sections: Any) -> Summary:
    return summarize(run(*(repeat(i, figures=figures_of(s)) for i, s in enumerate(steps_s)), **sections))


def bounds(estimate: Estimate | None) -> tuple[float | None, float, float | None]:
    assert estimate is not None
    return estimate.low, estimate.value, estimate.high


def test_the_step_time_is_estimated_over_the_repeats() -> None:
    step = of(0.10, 0.11, 0.12).step_s
    assert step is not None
    assert (step.n, step.unit, step.confidence) == (3, "s", 0.95)
    logs = np.log([0.10, 0.11, 0.12])
    low, high = np.exp(stats.t.interval(0.95, 2, loc=logs.mean(), scale=stats.sem(logs)))
    assert bounds(step) == pytest.approx((low, 0.11, high))


def test_the_intervals_have_the_scenarios_confidence() -> None:
    usual, sure = (of(0.10, 0.11, 0.12, measure={"confidence": c}).step_s for c in (0.95, 0.99))
    assert usual is not None
    assert sure is not None
    assert (usual.confidence, sure.confidence) == (0.95, 0.99)
    assert sure.low < usual.low < usual.high < sure.high  # type: ignore[operator]


def test_the_rates_follow_from_the_step_time() -> None:
    found = of(0.10, 0.11, 0.12, hardware={"device": "cpu", "devices": 2}, parallelism={"data": 2})
    low, value, high = bounds(found.step_s)
    assert low is not None
    assert high is not None
    assert bounds(found.samples_per_s) == pytest.approx((32 / high, 32 / value, 32 / low))
    assert bounds(found.tokens_per_s) == pytest.approx((320 / high, 320 / value, 320 / low))
    assert bounds(found.tokens_per_s_per_device) == pytest.approx((160 / high, 160 / value, 160 / low))
    units = [e.unit for e in (found.samples_per_s, found.tokens_per_s, found.tokens_per_s_per_device) if e]
    assert units == ["samples/s", "tokens/s", "tokens/s/device"]


def test_one_repeat_has_the_within_run_interval() -> None:
    found = of(0.1)
    assert bounds(found.step_s) == pytest.approx((0.098, 0.1, 0.102))
    assert bounds(found.samples_per_s) == pytest.approx((32 / 0.102, 320, 32 / 0.098))
    assert bounds(found.tokens_per_s) == pytest.approx((320 / 0.102, 3200, 320 / 0.098))
    assert found.step_s is not None
    assert found.step_s.n == 1
    assert bounds(found.power_w) == (None, 200.0, None)


def test_one_repeat_of_a_few_steps_has_no_interval() -> None:
    found = summarize(run(repeat(figures=figures_of(step_s_halfwidth=None))))
    assert bounds(found.step_s) == (None, 0.1, None)


def test_every_plain_figure_has_its_unit() -> None:
    found = of(0.1, 0.1)
    units = {
        name: e.unit
        for name in ("utilization", "power_w", "energy_j_per_sample", "data_wait_fraction")
        if (e := getattr(found, name))
    }
    assert units == {
        "utilization": "fraction", "power_w": "W", "energy_j_per_sample": "J", "data_wait_fraction": "fraction",
    }  # fmt: skip


def test_a_fraction_is_never_estimated_beyond_its_bounds() -> None:
    repeats = [repeat(i, figures=figures_of(utilization=u, data_wait_fraction=w)) for i, (u, w) in enumerate(
        ((0.9, 0.0), (1.0, 0.0), (0.7, 0.1)))]  # fmt: skip
    found = summarize(run(*repeats))
    assert found.utilization is not None
    assert found.data_wait_fraction is not None
    assert found.utilization.high == 1.0
    assert found.data_wait_fraction.low == 0.0


def test_what_no_repeat_knows_is_unknown_and_what_one_knows_counts_as_one() -> None:
    found = summarize(run(repeat(0, figures=figures_of(power_w=None)), repeat(1, figures=figures_of(power_w=None))))
    assert found.power_w is None
    found = summarize(run(repeat(0, figures=figures_of(power_w=None)), repeat(1, figures=figures_of(power_w=100.0))))
    assert found.power_w is not None
    assert (found.power_w.value, found.power_w.n) == (100.0, 1)


def test_the_peak_is_the_largest() -> None:
    repeats = [repeat(i, figures=figures_of(peak_memory_bytes=b)) for i, b in enumerate((5, None, 9, 7))]
    assert summarize(run(*repeats)).peak_memory_bytes == 9
    assert summarize(run(repeat(figures=figures_of(peak_memory_bytes=None)))).peak_memory_bytes is None


def test_estimates_come_from_the_repeats_that_ended_well() -> None:
    failed = [repeat(i, outcome, figures=figures_of(9.9)) for i, outcome in enumerate(Outcome) if outcome != "ok"]
    found = summarize(run(*failed, repeat(8, figures=figures_of(0.1)), repeat(9, figures=figures_of(0.1))))
    assert found.step_s is not None
    assert (found.step_s.n, found.step_s.value) == (2, pytest.approx(0.1))


def test_a_run_of_which_every_repeat_failed_knows_nothing() -> None:
    found = summarize(run(repeat(0, Outcome.OOM), repeat(1, Outcome.CRASHED, figures=None)))
    assert found.final_metrics == {}
    assert all(value is None for name, value in found.document().items() if name != "final_metrics")


def test_the_final_metrics_are_those_that_every_good_repeat_has() -> None:
    good = [
        repeat(0, final_metrics={"train_loss": 0.4, "accuracy": 0.8}),
        repeat(1, final_metrics={"train_loss": 0.6}),
        repeat(2, Outcome.CRASHED, final_metrics={"train_loss": 99.0}),
    ]
    assert summarize(run(*good)).final_metrics == {"train_loss": pytest.approx(0.5)}


def trained(*reaches: Reach | None, outcome: Outcome = Outcome.OK) -> Summary:
    repeats = [repeat(i, outcome, reach=r) for i, r in enumerate(reaches)]
    return summarize(run(*repeats, **TRAINING))


def test_a_throughput_run_says_nothing_of_a_target() -> None:
    found = of(0.1, 0.1)
    assert (found.reached_target, found.reach_rate, found.time_to_target_s, found.steps_to_target) == (None,) * 4


def test_every_repeat_reached() -> None:
    found = trained(reached(10.0, 100), reached(12.0, 100), reached(14.0, 150))
    assert (found.reached_target, found.reach_rate) == (True, 1.0)
    low, value, high = bounds(found.time_to_target_s)
    assert value == 12.0
    assert low is not None
    assert high is not None
    assert low < 12.0 < high
    assert found.steps_to_target is not None
    assert (found.steps_to_target.value, found.steps_to_target.unit) == (100.0, "steps")


@pytest.mark.parametrize(
    ("reaches", "is_reached", "rate", "time_s"),
    [
        ((reached(10.0, 1), reached(12.0, 1), MISSED), True, 2 / 3, 12.0),
        ((reached(10.0, 1), MISSED), False, 0.5, None),
        ((reached(10.0, 1), MISSED, MISSED), False, 1 / 3, None),
        ((MISSED,), False, 0.0, None),
        ((reached(1.0, 1), reached(2.0, 1), reached(3.0, 1), MISSED), True, 0.75, 2.5),
    ],
)
def test_a_miss_counts_as_infinite(
    reaches: tuple[Reach, ...], is_reached: bool, rate: float, time_s: float | None
) -> None:
    found = trained(*reaches)
    assert (found.reached_target, found.reach_rate) == (is_reached, pytest.approx(rate))
    assert (found.time_to_target_s and found.time_to_target_s.value) == time_s
    if time_s is not None:
        assert bounds(found.time_to_target_s)[2] is None, "with a miss there is no upper bound"


def test_a_divergence_is_a_miss_and_other_failures_say_nothing() -> None:
    repeats = [
        repeat(0, reach=reached(10.0, 100)),
        repeat(1, reach=reached(11.0, 100)),
        repeat(2, Outcome.DIVERGED, reach=MISSED, figures=None),
        repeat(3, Outcome.CRASHED, reach=MISSED),
        repeat(4, Outcome.TIMEOUT, reach=MISSED),
    ]
    whole = run(*repeats, **TRAINING)
    found = summarize(whole)
    assert found.reach_rate == pytest.approx(2 / 3)
    assert found.time_to_target_s is not None
    assert (found.time_to_target_s.n, found.time_to_target_s.value) == (3, 11.0)
    assert whole.outcome is Outcome.CRASHED


def test_a_divergence_alone_is_a_target_that_was_not_reached() -> None:
    found = trained(MISSED, MISSED, outcome=Outcome.DIVERGED)
    assert (found.reached_target, found.reach_rate, found.time_to_target_s, found.step_s) == (False, 0.0, None, None)


def test_one_repeats_crossing_lies_between_two_evaluations() -> None:
    found = trained(reached(12.0, 100, previous_s=9.0, previous_step=75))
    assert bounds(found.time_to_target_s) == (9.0, 12.0, 12.0)
    assert bounds(found.steps_to_target) == (75, 100.0, 100.0)


def codes(*repeats: Repeat, **sections: Any) -> list[str]:
    whole = run(*repeats, **sections)
    return [w.code for w in warnings_of(whole, summarize(whole))]


def several(*steps_s: float, **fields: Any) -> list[Repeat]:
    return [repeat(i, figures=figures_of(s, **fields)) for i, s in enumerate(steps_s)]


def test_a_quiet_run_warns_of_nothing() -> None:
    assert codes(*several(0.1, 0.1001, 0.0999)) == []


def test_one_repeat_warns() -> None:
    assert codes(repeat()) == ["single-repeat"]
    assert codes(repeat(0), repeat(1, Outcome.CRASHED)) == ["single-repeat"]
    assert codes(repeat(0, Outcome.CRASHED)) == []


def test_a_wide_interval_warns() -> None:
    assert codes(*several(0.1, 0.2, 0.1)) == ["noisy"]
    assert codes(repeat(figures=figures_of(step_s_halfwidth=0.02))) == ["single-repeat", "noisy"]
    for times, known in (((0.1, 0.12, 0.1), "to within 26%"), ((0.1, 0.2, 0.1), "hardly known at all")):
        whole = run(*several(*times))
        (warning,) = warnings_of(whole, summarize(whole))
        assert known in warning.message


def test_a_step_time_that_did_not_settle_warns_once() -> None:
    assert codes(*several(0.1, 0.1001, 0.0999, settled=False)) == ["unstable"]
    assert codes(*several(0.1, 0.1001), repeat(2, Outcome.CRASHED, figures=figures_of(settled=False))) == []


def test_a_target_that_some_repeats_miss_warns() -> None:
    some = [repeat(i, reach=r) for i, r in enumerate((reached(1.0, 1), MISSED, reached(1.0, 1)))]
    assert codes(*some, **TRAINING) == ["low-reach-rate"]
    assert codes(*(repeat(i, reach=MISSED) for i in range(3)), **TRAINING) == []
    assert codes(*(repeat(i, reach=reached(1.0, 1)) for i in range(3)), **TRAINING) == []


def test_a_warning_of_several_repeats_stands_once() -> None:
    warning = RunWarning(code="device-lost", message="cuda:0 stopped answering")
    other = RunWarning(code="telemetry-missing", message="none")
    repeats = [repeat(i, warnings=(warning, other)[: 1 + i % 2]) for i in range(3)]
    assert codes(*repeats) == ["device-lost", "telemetry-missing"]


def test_what_each_repeat_says_with_numbers_of_its_own_stands_once() -> None:
    def told(code: str, number: int) -> RunWarning:
        return RunWarning.model_validate({"code": code, "message": f"{code} by {number}"})

    whole = run(
        repeat(0, warnings=(told("device-lost", 0),)),
        repeat(1, warnings=(told("target-at-plateau", 1), told("throttled", 1), told("throttled", 2))),
        repeat(2, warnings=(told("target-at-plateau", 2), told("device-lost", 1))),
    )
    assert [w.message for w in warnings_of(whole, summarize(whole))] == [
        "device-lost by 0", "target-at-plateau by 1 (repeat 1; likewise in 1 more)", "throttled by 1",
        "throttled by 2", "device-lost by 1",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("threads", "workers", "quota", "told"),
    [(2, 0, None, False), (3, 0, None, True), (2, 1, None, True), (2, 0, 1.5, True), (1, 1, None, False)],
)
def test_more_threads_than_cpus_are_told_of(threads: int, workers: int, quota: float | None, told: bool) -> None:
    whole = run(*(repeat(i, facts={"device": "cpu"}) for i in range(3)), data={"workers": workers})
    machine = whole.machine.model_copy(update={"threads": threads, "cpu_quota": quota})
    whole = whole.model_copy(update={"machine": machine})
    assert ("oversubscribed" in {w.code for w in warnings_of(whole, summarize(whole))}) is told
    on_gpu = whole.model_copy(update={"repeats": tuple(repeat(i, facts={"device": "cuda"}) for i in range(3))})
    assert "oversubscribed" not in {w.code for w in warnings_of(on_gpu, summarize(on_gpu))}


def test_outcomes_have_an_order() -> None:
    assert worst([Outcome.OK, Outcome.DIVERGED]) is Outcome.DIVERGED
    assert worst([Outcome.OOM, Outcome.INTERRUPTED, Outcome.INVALID]) is Outcome.INTERRUPTED
    assert worst([]) is Outcome.INTERRUPTED
    assert run(repeat(0), repeat(1, Outcome.OOM)).outcome is Outcome.OOM


def test_nothing_in_a_summary_is_infinite_or_no_number() -> None:
    values = [
        v
        for found in (trained(MISSED), trained(reached(1.0, 1), MISSED, MISSED), of(0.1), of(1e-9, 1e9))
        for e in found.document().values()
        if isinstance(e, dict)
        for v in e.values()
        if isinstance(v, float)
    ]
    assert values
    assert all(math.isfinite(v) for v in values)


def test_an_automatic_number_of_repeats_says_when_it_gave_up() -> None:
    def told(*steps_s: float) -> list[str]:
        whole = run(*(repeat(i, figures=figures_of(s)) for i, s in enumerate(steps_s)), measure={"repeats": "auto"})
        return [w.message for w in warnings_of(whole, summarize(whole)) if "repeats: auto" in w.message]

    wide = [0.1 * (1 + 0.5 * (i % 2)) for i in range(20)]
    assert told(*wide) == ["repeats: auto stopped at its most, 20, before the interval was within 2.0% of the value"]
    assert told(*wide[:12]) == []
    assert told(*[0.1 + 1e-5 * (i % 2) for i in range(20)]) == []


def test_idle_power_that_nobody_could_tell_is_one_warning() -> None:
    def told(*idle_w: float | None, subtract: bool = True) -> list[RunWarning]:
        repeats = (repeat(i, figures=figures_of(idle_power_w=w)) for i, w in enumerate(idle_w))
        found = run(*repeats, measure={"subtract_idle": subtract})
        return [w for w in warnings_of(found, summarize(found)) if w.code == "idle-not-subtracted"]

    (warning,) = told(None, None, None)
    assert "nothing was subtracted" in warning.message
    assert len(told(60.0, None)) == 1
    assert told(60.0, 61.0) == []
    assert told(None, None, subtract=False) == []
