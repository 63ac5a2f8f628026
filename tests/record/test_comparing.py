"""Which runs may be compared, in what, and what the numbers of their repeats say."""

import json
import math
from collections.abc import Sequence
from typing import Any

import pytest

from benchbench.errors import InputError, RecordError
from benchbench.record.comparing import compare
from benchbench.record.types import Failure, Figures, Outcome, Reach, Repeat, Run
from benchbench.stats.intervals import ratio
from tests.report.records import MACHINE, TARGET, scenario

A = (0.100, 0.101, 0.099)
TRAINS = scenario(**TARGET)


def figures(step_s: float, **changes: Any) -> Figures:
    known = dict.fromkeys(("data_wait_fraction", "utilization", "power_w", "energy_j_per_sample", "peak_memory_bytes"))
    whole = {
        "measured_steps": 100, "warmup_steps": 5, "measured_s": 100 * step_s, "step_s": step_s,
        "step_s_halfwidth": 0.01 * step_s, "samples_per_step": 32.0, "tokens_per_step": 320.0, "settled": True,
    }  # fmt: skip
    return Figures.model_validate({**known, **whole, **changes})


def repeat(index: int, step_s: float | None, **changes: Any) -> Repeat:
    found = {
        "index": index, "seed": index, "order": index, "started_at": "2026-01-01T00:00:00+00:00", "wall_s": 3.0,
        "outcome": Outcome.OK, "figures": None if step_s is None else figures(step_s), "facts": {"torch": "2.9"},
    }  # fmt: skip
    return Repeat.model_validate({**found, **changes})


def run(name: str, times: Sequence[float], **changes: Any) -> Run:
    repeats = changes.pop("repeats", None) or tuple(repeat(i, t) for i, t in enumerate(times))
    whole = {
        "schema": 1, "id": name, "scenario": scenario(), "created_at": "2026-01-01T00:00:00+00:00",
        "machine": MACHINE, "repeats": repeats,
    }  # fmt: skip
    return Run.model_validate({**whole, **changes})


def to_target(name: str, times: Sequence[float | None]) -> Run:
    reaches = [Reach(reached=t is not None, time_to_target_s=t, steps_to_target=t and 10 * t) for t in times]
    repeats = tuple(repeat(i, 0.1, reach=reach) for i, reach in enumerate(reaches))
    return run(name, (), scenario=TRAINS, repeats=repeats)


def test_the_document_is_the_contracts() -> None:
    found = compare([run("a", A), run("b", [1.1 * t for t in A])], 0.02).answer("reports/x.html")
    assert {"schema", "report", "metric", "ratio", "verdict", "threshold"} <= set(found)
    assert (found["schema"], found["metric"], found["verdict"], found["threshold"]) == (1, "step_s", "slower", 0.02)
    assert list(found["ratio"]) == ["value", "low", "high", "confidence", "n", "unit"]
    assert found["ratio"]["value"] == pytest.approx(1.1)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_ratio_is_welchs_of_b_over_a() -> None:
    b = [0.104, 0.107, 0.103, 0.106]
    (pair,) = compare([run("a", A), run("b", b)], 0.02).pairs
    assert pair.ratio == ratio(b, A, 0.95)
    assert (pair.a.id, pair.b.id, pair.b.values) == ("a", "b", tuple(b))


@pytest.mark.parametrize(("factor", "verdict"), [(0.9, "faster"), (1.0, "equivalent"), (1.1, "slower")])
def test_a_rate_and_a_time_have_the_same_verdict(factor: float, verdict: str) -> None:
    times = [0.1, 0.1002, 0.0998]
    by_time = compare([run("a", times), run("b", [factor * t for t in times])], 0.02)
    assert by_time.pairs[0].verdict == verdict
    halved = tuple(repeat(i, None, figures=figures(factor * t / 2, samples_per_step=16.0)) for i, t in enumerate(times))
    other = scenario(training={"global_batch": 16})
    (by_rate,) = compare([run("a", times), run("b", (), repeats=halved, scenario=other)], 0.02).pairs
    assert by_rate.metric == "samples_per_s"
    assert by_rate.ratio.value == pytest.approx(1 / factor)
    assert by_rate.verdict == verdict
    assert by_rate.b.value.unit == "samples/s"


def test_times_to_the_target_come_first() -> None:
    (pair,) = compare([to_target("a", [10.0, 11.0, 10.5]), to_target("b", [20.0, 21.0, 20.5])], 0.02).pairs
    assert (pair.metric, pair.verdict) == ("time_to_target_s", "slower")
    assert pair.ratio.value == pytest.approx(20.5 / 10.5, rel=0.01)


def test_a_miss_counts_as_infinite() -> None:
    (pair,) = compare([to_target("a", [10.0, 11.0, 10.5]), to_target("b", [20.0, 21.0, None])], 0.02).pairs
    assert pair.metric == "time_to_target_s"
    assert pair.ratio.value == pytest.approx(21.0 / 10.5), "of the medians"
    assert pair.ratio.high is None
    assert pair.b.values == (20.0, 21.0, None)
    assert pair.b.reach_rate == pytest.approx(2 / 3)


def test_a_target_that_is_lost_is_told_and_counts_as_slower() -> None:
    found = compare([to_target("a", [10.0, 11.0, 10.5]), to_target("b", [None, None, 9.0])], 0.02)
    (pair,) = found.pairs
    assert pair.metric == "step_s", "one of them has no time to target"
    assert pair.target_lost
    assert found.slower
    assert any("does not reach" in note for note in pair.notes)
    assert not compare([to_target("a", [None] * 3), to_target("b", [9.0] * 3)], 0.02).slower


def test_a_single_repeat_has_its_within_run_interval_and_a_warning() -> None:
    (pair,) = compare([run("a", A[:1]), run("b", [0.105])], 0.02).pairs
    assert pair.ratio.n == 1
    assert pair.ratio.low is not None
    assert pair.ratio.high is not None
    half = math.log(pair.ratio.high / pair.ratio.value)
    # Two errors of 1 % at 9 degrees each: Welch gives sqrt(2) x 1 % x t(18) / t(9).
    assert half == pytest.approx(math.sqrt(2) * 0.01 * 2.1009 / 2.2622, rel=1e-3)
    assert [w.code for w in pair.warnings] == ["single-repeat"]
    assert not compare([run("a", A), run("b", A)], 0.02).pairs[0].warnings


def test_a_single_repeat_of_unknown_spread_decides_nothing() -> None:
    short = repeat(0, None, figures=figures(0.2, step_s_halfwidth=None))
    (pair,) = compare([run("a", A), run("b", (), repeats=(short,))], 0.02).pairs
    assert (pair.ratio.low, pair.ratio.high, pair.verdict, pair.more_repeats) == (None, None, "inconclusive", 2)


def test_an_open_verdict_says_how_many_more_repeats_would_decide() -> None:
    loud = run("b", [0.09, 0.11, 0.12])
    (open_pair,) = compare([run("a", A), loud], 0.02).pairs
    assert open_pair.verdict == "inconclusive"
    assert open_pair.more_repeats is not None
    assert open_pair.more_repeats > 3
    (closed,) = compare([run("a", A), run("b", [2.0, 2.01, 2.0])], 0.02).pairs
    assert closed.more_repeats is None


def test_several_are_compared_with_the_first_at_one_error_rate_for_all() -> None:
    others = [run(f"b{i}", [t * (1 + 0.1 * i) for t in A]) for i in range(4)]
    found = compare([run("a", A), *others], 0.02)
    assert [p.b.id for p in found.pairs] == ["b0", "b1", "b2", "b3"]
    assert all(p.a.id == "a" for p in found.pairs)
    assert [p.ratio.confidence for p in found.pairs] == [pytest.approx(1 - 0.05 / 4)] * 4
    assert found.pairs[1].ratio == ratio(others[1].repeats and [t * 1.1 for t in A], A, 1 - 0.05 / 4)
    answer = found.answer(None)
    assert answer["correction"] == {"method": "bonferroni", "comparisons": 4, "confidence": 0.95}
    assert answer["ratio"] == answer["comparisons"][0]["ratio"], "the top speaks of the first pair"
    assert found.slower, "one of them is enough"


def test_the_intervals_have_the_scenarios_confidence() -> None:
    sure = scenario(measure={"confidence": 0.99})
    (pair,) = compare([run("a", A), run("b", A, scenario=sure)], 0.02).pairs
    assert pair.ratio.confidence == 0.99


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"model": {"family": "bert", "size": "tiny"}}, "model"),
        ({"model": {"family": "bert", "size": "base", "pretrained": "bert-base-uncased"}}, "model"),
        ({"task": "masked-lm"}, "task"),
        ({"data": {"source": "synthetic"}}, "data.source"),
        ({"data": {"source": "csv", "path": "a.csv"}}, "data.source"),
        ({"target": {"metric": "accuracy", "at_least": 0.9}}, "target"),
    ],
)
def test_different_questions_are_refused_and_named(change: dict[str, Any], key: str) -> None:
    with pytest.raises(InputError, match="different questions") as caught:
        compare([run("a", A), run("b", A, scenario=scenario(**change))], 0.02)
    assert caught.value.key == key
    assert caught.value.exit_code == 2


def test_targets_that_differ_are_refused_but_not_how_often_they_are_looked_at() -> None:
    other = {"metric": "accuracy", "at_least": 0.8}
    first, second = (scenario(target=t) for t in ({**other, "eval_every": 5}, other))
    compare([run("a", A, scenario=first), run("b", A, scenario=second)], 0.02)
    higher = scenario(target={"metric": "accuracy", "at_least": 0.81})
    with pytest.raises(InputError, match=r"at_least: 0\.81"):
        compare([run("a", A, scenario=second), run("b", A, scenario=higher)], 0.02)


@pytest.mark.parametrize(
    "change",
    [
        {"name": "another"},
        {"precision": "bf16"},
        {"training": {"optimizer": {"name": "sgd"}}},
        {"data": {"sequence_length": 64, "batching": "bucket"}},
        {"hardware": {"threads": 1}},
    ],
)
def test_all_else_is_a_setting(change: dict[str, Any]) -> None:
    (pair,) = compare([run("a", A), run("b", A, scenario=scenario(**change))], 0.02).pairs
    assert bool(pair.settings) is ("name" not in change)


def test_what_differs_is_told_and_nothing_else() -> None:
    b = run("b", A, scenario=scenario(precision="bf16"), machine=MACHINE.model_copy(update={"driver": "600.1"}))
    (pair,) = compare([run("a", A), b], 0.02).pairs
    assert pair.settings == {"precision": ("fp32", "bf16")}
    assert pair.environment == {"driver": (None, "600.1")}


def test_different_machines_are_refused_unless_they_are_meant() -> None:
    runs = [run("a", A), run("b", A, machine=MACHINE.model_copy(update={"cpu": "another CPU"}))]
    with pytest.raises(InputError, match="cpu a CPU and another CPU") as caught:
        compare(runs, 0.02)
    assert "--across-machines" in str(caught.value)
    (pair,) = compare(runs, 0.02, across_machines=True).pairs
    assert pair.environment["cpu"] == ("a CPU", "another CPU")
    assert any("machines differ" in note for note in pair.notes)


def test_failed_repeats_are_left_out_and_said() -> None:
    failed = repeat(3, 50.0, outcome=Outcome.OOM, failure=Failure(kind="oom", message="no memory"))
    b = run("b", (), repeats=(*(repeat(i, t) for i, t in enumerate(A)), failed))
    (pair,) = compare([run("a", A), b], 0.02).pairs
    assert pair.verdict != "slower"
    assert pair.b.outcome is Outcome.OOM
    assert pair.notes == ("1 of 4 repeats of b did not end well (oom)",)


def test_a_run_without_a_measured_step_is_refused_with_its_reason() -> None:
    failed = repeat(0, None, outcome=Outcome.OOM, failure=Failure(kind="oom", message="no memory"))
    with pytest.raises(RecordError, match="b has no measured step to compare; it ended as oom: no memory"):
        compare([run("a", A), run("b", (), repeats=(failed,))], 0.02)


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, -0.1])
def test_numbers_that_are_no_measurements_are_refused(value: float) -> None:
    with pytest.raises(RecordError, match=r"b is damaged: figures\.step_s of repeat 1"):
        compare([run("a", A), run("b", [0.1, value, 0.1])], 0.02)


def test_data_that_changed_under_the_same_name_are_said() -> None:
    runs = [
        run(name, (), repeats=tuple(repeat(i, t, facts={"data_fingerprint": name}) for i, t in enumerate(A)))
        for name in ("a", "b")
    ]
    (pair,) = compare(runs, 0.02).pairs
    assert any("data differ" in note for note in pair.notes)


def test_a_run_beside_itself_is_said() -> None:
    (pair,) = compare([run("a", A), run("a", A)], 0.02).pairs
    assert pair.ratio.value == 1.0
    assert pair.notes == ("both are the same run",)


def test_a_slowdown_that_others_caused_is_told_and_fails_nothing() -> None:
    slow = tuple(repeat(i, 1.3 * t, suspect=("others used 1.0 CPUs",) if i else ()) for i, t in enumerate(A))
    found = compare([run("a", A), run("b", (), repeats=slow)], 0.02)
    (pair,) = found.pairs
    assert pair.verdict == "slower", "the numbers are what they are"
    assert [w.code for w in pair.warnings] == ["suspect"]
    assert "2 of 3 repeats of b were disturbed (others used 1.0 CPUs)" in pair.warnings[0].message
    assert not found.slower
    assert compare([run("a", A), run("b", [1.3 * t for t in A])], 0.02).slower


def test_a_single_slow_repeat_is_told_and_fails_nothing() -> None:
    found = compare([run("a", A[:1]), run("b", [1.3 * A[0]])], 0.02)
    (pair,) = found.pairs
    assert (pair.verdict, pair.doubtful) == ("slower", True)
    assert "which --fail-if does not count" in pair.warnings[0].message
    assert not found.slower
