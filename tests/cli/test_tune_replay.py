"""`benchbench tune --executor replay`, as a user types it."""

import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from benchbench.cli import tune_ground
from benchbench.cli.main import run
from benchbench.executors import preflight
from benchbench.executors.records_file import read
from benchbench.scenario.loading import load
from benchbench.tuning import tune as tune_study
from tests.executors.tables import MISS, row, table, trained

SCENARIO = """
name: recorded
model: {family: bert, size: tiny}
task: sequence-classification
training: {max_steps: 5}
hardware: {device: cuda, devices: 8}
parallelism: {data: auto}
measure: {timeout: 1s}
target: {metric: accuracy, at_least: 0.9, eval_every: 1}
search:
  baseline: {training.global_batch: 16, precision: fp32}
  space:
    training.global_batch: [16, 32, 64]
    precision: [fp32, bf16, fp8]
"""
KEYS = ("training.global_batch", "precision")
BLACK_BOX = ("--set", "search.method=tpe")
Tune = Callable[..., int]


def surface(*, repeats: int = 6) -> list[str]:
    """Six setups, 10.5 s to the target at the baseline and 7.7 s at 64 and bf16."""
    rows = []
    for batch, precision, seed in itertools.product((16, 32, 64), ("fp32", "bf16"), range(repeats)):
        steps = {16: 100, 32: 95, 64: 90}[batch]
        step_s = {"fp32": 0.1, "bf16": 0.08}[precision] * (1 + 0.004 * (seed % 3))
        rows.append(trained(str(batch), precision, seed=seed, step_s=step_s, steps=steps))
    return rows


@pytest.fixture
def tune(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tune:
    """Runs `benchbench tune` on a table in an empty folder, with everything beside the table out of reach."""

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("a replay has nothing to do with it")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("BENCHBENCH_LOCK", str(tmp_path / "lock"))
    monkeypatch.setattr(preflight, "check", forbidden)
    monkeypatch.setattr(preflight, "check_models", forbidden)
    monkeypatch.setattr(tune_ground, "machine_lock", forbidden)
    monkeypatch.setattr(tune_study, "look_up", forbidden)
    (tmp_path / "s.yaml").write_text(SCENARIO)

    def call(*arguments: str, rows: list[str] | None = None) -> int:
        table(tmp_path / "t.csv", KEYS, *(surface() if rows is None else rows))
        return run(["tune", "s.yaml", "--executor", "replay", "--records", "t.csv", "--no-report", *arguments])

    return call


def document(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def study_of(whole: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(whole["dir"]) / "study.json").read_text())
    return found


def test_the_best_of_a_table_is_found_and_confirmed_on_a_virtual_clock(
    tune: Tune, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune("--budget", "1h", "--json", *BLACK_BOX) == 0
    told = capsys.readouterr()
    whole = json.loads(told.out)
    found = whole["recommendation"]
    assert (found["verdict"], found["overrides"]) == ("faster", {"training.global_batch": 64, "precision": "bf16"})
    assert found["speedup"]["value"] == pytest.approx(10.5 / 7.7, rel=0.02)
    assert whole["replayed_from"] == "t.csv"
    assert whole["trials"]["ok"] == 6
    costs = [float(line.split(",")[-2]) for line in surface()]
    searched = sum(costs[6 * setup] for setup in range(6))
    confirmed = sum(costs[1:4]) + sum(costs[-5:-2])
    assert whole["spent_s"] == pytest.approx(searched + confirmed)
    (recommended,) = load(found["scenario_path"])
    assert (recommended.training.global_batch, recommended.precision) == (64, "bf16")
    assert "t.csv" in told.err


def test_nothing_is_written_outside_of_the_study(
    tune: Tune, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune("--budget", "1h", "--json") == 0
    whole = document(capsys)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["results", "s.yaml", "t.csv"]
    assert [p.name for p in (tmp_path / "results").iterdir()] == [Path(whole["dir"]).name]
    found = {p.name for p in Path(whole["dir"]).iterdir()}
    assert {"optuna.journal", "recommended.yaml", "study.json"} <= found


def test_the_same_seed_gives_the_same_search(tune: Tune, capsys: pytest.CaptureFixture[str]) -> None:
    trials = []
    for _ in range(2):
        assert tune("--budget", "40s", "--seed", "7", "--json") == 0
        found = study_of(document(capsys))["trials"]
        trials.append([(t["overrides"], t["role"], t["objective"], t["started_s"], t["ended_s"]) for t in found])
    assert trials[0] == trials[1]
    assert len(trials[0]) > 2


@pytest.mark.parametrize("budget_s", [15, 30, 60])
def test_the_budget_is_kept_in_virtual_seconds(tune: Tune, capsys: pytest.CaptureFixture[str], budget_s: int) -> None:
    assert tune("--budget", f"{budget_s}s", "--json") in (0, 4)
    assert 0 < document(capsys)["spent_s"] <= budget_s + 0.02


def test_throughput_pays_for_probes(tune: Tune, capsys: pytest.CaptureFixture[str]) -> None:
    assert tune("--budget", "1h", "--objective", "throughput", "--json", *BLACK_BOX) == 0
    whole = document(capsys)
    assert whole["spent_s"] == pytest.approx(5.0 * (6 + 3 + 3))
    found = whole["recommendation"]
    assert (found["overrides"], found["time_to_target_s"]) == ({"training.global_batch": 64, "precision": "bf16"}, None)
    assert found["step_s"]["value"] == pytest.approx(0.08, rel=0.01)
    assert found["samples_per_s"]["value"] == pytest.approx(64 / 0.08, rel=0.01)


def test_a_setup_that_is_not_in_the_table_costs_nothing(tune: Tune, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [r for r in surface() if not r.startswith("64,fp32")]
    assert tune("--budget", "1h", "--json", *BLACK_BOX, rows=rows) == 0
    whole = document(capsys)
    assert sum(whole["trials"].values()) == whole["trials"]["ok"] + whole["trials"]["refused"]
    assert whole["trials"]["ok"] == 5


def test_a_baseline_that_is_not_in_the_table_has_no_time_and_a_warning(
    tune: Tune, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune("--budget", "1h", "--json", "--set", "search.baseline.precision=tf32") == 0
    whole = document(capsys)
    assert (whole["baseline"]["time_to_target_s"], whole["baseline"]["step_s"]) == (None, None)
    (warning,) = [w for w in whole["warnings"] if w["code"] == "baseline-refused"]
    assert warning["message"] == "the baseline has no time to compare with: this setup is not in t.csv"
    found = whole["recommendation"]
    assert (found["verdict"], found["speedup"]) == ("insufficient-evidence", None)
    assert found["overrides"] == {"training.global_batch": 64, "precision": "bf16"}
    assert found["reason"] == "the baseline has no time to compare with"


@pytest.mark.parametrize(("repeats", "did"), [(3, "2 of 3"), (2, "1 of 3"), (1, "none")])
def test_with_fewer_rows_the_verdict_says_so(
    tune: Tune, capsys: pytest.CaptureFixture[str], repeats: int, did: str
) -> None:
    assert tune("--budget", "1h", "--json", *BLACK_BOX, rows=surface(repeats=repeats)) == 0
    found = document(capsys)["recommendation"]
    assert found["overrides"] == {"training.global_batch": 64, "precision": "bf16"}
    assert found["time_to_target_s"]["n"] == max(1, repeats - 1)
    assert f"({did} of the repeats that confirm it could be had: t.csv holds {repeats} training" in found["reason"]


def test_failures_and_misses_are_those_of_the_table(tune: Tune, capsys: pytest.CaptureFixture[str]) -> None:
    failing = [
        row("16", "fp32", **MISS), row("32", "fp32", **MISS, outcome="diverged", train_cost_s="4"),
        row("64", "fp32", **MISS, outcome="oom", step_s="", warmup_s="", train_cost_s="2"),
    ]  # fmt: skip
    assert tune("--budget", "1h", "--json", *BLACK_BOX, rows=failing) == 4
    whole = document(capsys)
    assert (whole["trials"]["ok"], whole["trials"]["diverged"], whole["trials"]["oom"]) == (1, 1, 1)
    assert whole["spent_s"] == pytest.approx(12.5 + 4 + 2)
    notes = [trial["note"] for trial in study_of(whole)["trials"]]
    assert notes[0] == "the target was not reached in 100 steps"


def test_three_hundred_requests_take_less_than_half_a_minute(
    tune: Tune, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    batches = [str(16 * n) for n in range(1, 161)]
    rows = [trained(b, p, steps=100) for b, p in itertools.product(batches, ("fp32", "bf16"))]
    started_s = time.process_time()  # what others do meanwhile says nothing of it
    space = f"search.space.training.global_batch=[{', '.join(batches)}]"
    assert tune("--budget", "10h", "--trials", "300", "--set", space, "--json", *BLACK_BOX, rows=rows) == 0
    assert time.process_time() - started_s < 30
    assert document(capsys)["trials"]["ok"] == 300


def test_the_default_search_pays_for_less_than_the_whole_table(tune: Tune, capsys: pytest.CaptureFixture[str]) -> None:
    assert tune("--budget", "1h", "--json") == 0
    whole = document(capsys)
    found = whole["recommendation"]
    assert (found["verdict"], found["overrides"]) == ("faster", {"training.global_batch": 64, "precision": "bf16"})
    trials = study_of(whole)["trials"]
    assert {t["role"] for t in trials} >= {"baseline", "probe", "candidate", "confirmation"}
    probes = [t for t in trials if t["role"] == "probe"]
    assert all(t["ended_s"] - t["started_s"] == pytest.approx(5.0) for t in probes)
    assert all(t["objective"] is None and t["reached_target"] is None for t in probes)


@pytest.mark.parametrize("repeats", [3, 2, 1])
def test_the_default_search_says_too_when_rows_were_missing(
    tune: Tune, capsys: pytest.CaptureFixture[str], repeats: int
) -> None:
    assert tune("--budget", "1h", "--json", rows=surface(repeats=repeats)) == 0
    found = document(capsys)["recommendation"]
    assert found["overrides"] == {"training.global_batch": 64, "precision": "bf16"}
    assert f"of the repeats that confirm it could be had: t.csv holds {repeats} training" in found["reason"]


def test_a_table_of_failures_ends_the_default_search_too(tune: Tune, capsys: pytest.CaptureFixture[str]) -> None:
    failing = [
        row("16", "fp32", **MISS), row("32", "fp32", **MISS, outcome="diverged", train_cost_s="4"),
        row("64", "fp32", **MISS, outcome="oom", step_s="", warmup_s="", train_cost_s="2"),
    ]  # fmt: skip
    assert tune("--budget", "1h", "--json", rows=failing) == 4
    whole = document(capsys)
    assert whole["recommendation"]["verdict"] == "target-not-reached"
    trained = [t for t in study_of(whole)["trials"] if t["role"] != "probe" and t["outcome"] != "refused"]
    assert len({str(t["overrides"]) for t in trained}) == len(trained)


def test_what_the_default_search_measured_can_be_replayed(
    tune: Tune, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune("--budget", "1h", "--record", "again.csv", "--json") == 0
    found = document(capsys)["recommendation"]["overrides"]
    recorded = read(tmp_path / "again.csv")
    assert set(recorded.rows) <= set(read(tmp_path / "t.csv").rows)
    arguments = ["tune", "s.yaml", "--executor", "replay", "--records", "again.csv", "--no-report"]
    assert run([*arguments, "--budget", "1h", "--json"]) == 0
    assert document(capsys)["recommendation"]["overrides"] == found


def test_a_constraint_on_memory_is_held_in_a_replay(
    tune: Tune, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Memory is in tables; the fastest setup takes too much of it."""
    rows = [r.rsplit(",", 1)[0] + (",3221225472" if r.startswith("64,") else ",1073741824") for r in surface()]
    held = ("--set", "search.constraints.peak_memory=2GiB")
    assert tune("--budget", "1h", "--json", *BLACK_BOX, *held, rows=rows) == 0
    told = capsys.readouterr()
    found = json.loads(told.out)["recommendation"]
    assert found["overrides"] == {"training.global_batch": 32, "precision": "bf16"}
    assert "over the 2.00 GiB of search.constraints.peak_memory" in told.err


@pytest.mark.parametrize(
    ("arguments", "key"),
    [
        (["--objective", "time,energy"], "--objective"),
        (["--objective", "energy"], "--objective"),
        (["--set", "search.constraints.power_w=250"], "search.constraints.power_w"),
        (["--set", "search.constraints.metric.accuracy={at_least: 0.9}"], "search.constraints.metric.accuracy"),
    ],
)
def test_what_a_table_does_not_hold_is_refused(
    tune: Tune, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], key: str
) -> None:
    assert tune("--budget", "1h", "--json", *arguments) == 2
    error = document(capsys)["error"]
    assert error["key"] == key
    assert "t.csv cannot tell it" in error["message"]
    assert not (tmp_path / "results").exists()


def test_two_objectives_of_a_table_have_a_front(tune: Tune, capsys: pytest.CaptureFixture[str]) -> None:
    assert tune("--budget", "1h", "--json", *BLACK_BOX, "--objective", "time,throughput") == 0
    told = capsys.readouterr()
    whole = json.loads(told.out)
    assert (whole["objective"], whole["objectives"]) == ("time", ["time", "throughput"])
    assert [p["overrides"] for p in whole["pareto"]] == [{"training.global_batch": 64, "precision": "bf16"}]
    estimate = whole["pareto"][0]["values"]["throughput"]
    assert estimate["value"] == pytest.approx(0.08 / 64, rel=0.02)
    assert estimate["n"] == 3
    assert "The trade-off" in told.err
    assert "least of both" in told.err


def test_dry_run_replays_nothing(tune: Tune, tmp_path: Path) -> None:
    assert tune("--budget", "1h", "--dry-run", "--record", "r.csv") == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.yaml", "t.csv"]


def test_a_page_of_a_replay_says_so(tune: Tune, tmp_path: Path) -> None:
    table(tmp_path / "t.csv", KEYS, *surface())
    assert run(["tune", "s.yaml", "--executor", "replay", "--records", "t.csv", "--budget", "1h"]) == 0
    (page,) = (tmp_path / "reports").iterdir()
    text = page.read_text()
    assert "Replayed from a table" in text
    assert "not beside it" not in text


def test_what_was_replayed_can_be_recorded_and_replayed_again(
    tune: Tune, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tune("--budget", "1h", "--record", "again.csv", "--json", *BLACK_BOX) == 0
    first = document(capsys)
    original, recorded = read(tmp_path / "t.csv"), read(tmp_path / "again.csv")
    assert set(recorded.rows) == set(original.rows)
    for configuration, rows in recorded.rows.items():
        for known, told in zip(original.rows[configuration], rows, strict=False):
            for name in ("seed", "outcome", "steps_to_target", "peak_memory_bytes"):
                assert getattr(told, name) == getattr(known, name)
            for name in ("step_s", "startup_s", "warmup_s", "time_to_target_s", "train_cost_s"):
                assert getattr(told, name) == pytest.approx(getattr(known, name))
            assert told.probe_cost_s is None
    arguments = ["tune", "s.yaml", "--executor", "replay", "--records", "again.csv", "--no-report", *BLACK_BOX]
    assert run([*arguments, "--budget", "1h", "--json"]) == 0
    second = document(capsys)
    assert second["spent_s"] == pytest.approx(first["spent_s"])
    assert second["recommendation"]["overrides"] == first["recommendation"]["overrides"]


@pytest.mark.parametrize(
    ("arguments", "key", "said"),
    [
        (["--set", "search.space.training.dropout=[0.0, 0.1]"], "search.space.training.dropout", "has no column"),
        (["--records", "missing.csv"], None, "no such file"),
        (["--record", "."], "--record", "is a folder"),
        (["--record", "nowhere/r.csv"], "--record", "there is no folder"),
        (["--set", "search.space.precision=[fp16]"], "search.space", "this setup is not in t.csv"),
        (["--executor", "child"], "--records", "only --executor replay reads records"),
    ],
)
def test_wrong_input_is_exit_code_2_and_nothing_is_created(
    tune: Tune, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], key: str | None, said: str
) -> None:
    assert tune("--budget", "1h", "--json", *arguments) == 2
    error = document(capsys)["error"]
    assert error["key"] == key
    assert said in error["message"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["s.yaml", "t.csv"]


def test_a_replay_without_a_table_is_refused(tune: Tune, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tune", "s.yaml", "--executor", "replay", "--budget", "1h", "--json"]) == 2
    assert document(capsys)["error"]["key"] == "--records"


def test_the_tables_line_stands_in_the_message(tune: Tune, capsys: pytest.CaptureFixture[str]) -> None:
    assert tune("--budget", "1h", "--json", rows=[row("16", "fp32"), row("16", "fp32", step_s="0.3")]) == 2
    error = document(capsys)["error"]
    assert (error["kind"], error["file"], error["line"], error["key"]) == ("record", "t.csv", 3, "seed")


def test_prometheus_is_told_where_the_search_is(tune: Tune, tmp_path: Path) -> None:
    assert tune("--budget", "10m", "--prometheus", "tune.prom") == 0
    families = {f.name: f for f in text_string_to_metric_families((tmp_path / "tune.prom").read_text())}
    assert families["benchbench_running"].samples[0].value == 0
    best = families["benchbench_best_objective"].samples[0]
    assert best.labels["scenario"] == "recorded"
    assert 7 < best.value < 8
    assert sum(sample.value for sample in families["benchbench_trials"].samples) > 2
