"""The file for Prometheus: read back by its own parser, whole at every moment, and harmless where it cannot be."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from benchbench.cli import prometheus
from benchbench.cli.live import State
from benchbench.cli.main import run
from benchbench.cli.prometheus import Exposition, Gauge, of_run, of_search, text
from benchbench.cli.tune_live import State as SearchState
from benchbench.tuning.moments import Moment
from benchbench.tuning.objective import choose
from tests.report.records import TARGET, scenario

LABELS = frozenset[tuple[str, str]]


def parsed(exposition: str) -> dict[tuple[str, LABELS], float]:
    families = list(text_string_to_metric_families(exposition))
    assert all(family.type == "gauge" and family.documentation for family in families)
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def test_a_run_in_progress(tmp_path: Path) -> None:
    state, asked = State(3), scenario(**TARGET)
    file = tmp_path / "run.prom"
    with Exposition(file, lambda: of_run(state)) as exposition:
        state.take(asked, 0, {"event": "start"})
        state.take(asked, 0, {"event": "plan", "steps_total": 200})
        state.take(asked, 0, {"progress": {"step": 40, "samples_per_s": 812.5, "loss": 0.25}})
        state.take(asked, 0, {"event": "eval", "metrics": {"accuracy": 0.75}})
        exposition._last_s = -prometheus.EVERY_S
        exposition.moved()
        found = parsed(file.read_text())
        here = frozenset({("scenario", "bert")})
        assert found["benchbench_running", frozenset()] == 1
        assert found["benchbench_step", here] == 40
        assert found["benchbench_steps_planned", here] == 200
        assert found["benchbench_samples_per_second", here] == 812.5
        assert found["benchbench_heldout_metric", here | {("metric", "accuracy")}] == 0.75
        assert ("benchbench_memory_bytes", here) not in found
    assert parsed(file.read_text())["benchbench_running", frozenset()] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["run.prom"]


def test_a_search_in_progress() -> None:
    asked = scenario(**TARGET)
    state = SearchState(asked, choose("time", asked))
    state.take(Moment(event="refused", left_s=50.0))
    state.take(Moment(event="end", left_s=30.0, number=2, value=4.5, best=4.5))
    found = parsed(text(tuple(of_search(state))))
    here = frozenset({("scenario", "bert")})
    assert found["benchbench_budget_left_seconds", here] == 30
    assert found["benchbench_best_objective", here | {("objective", "time"), ("unit", "s")}] == 4.5
    assert found["benchbench_trials", here | {("state", "refused")}] == 1
    assert found["benchbench_trials", here | {("state", "measured")}] == 1


def test_a_label_holds_what_a_name_holds() -> None:
    name = 'a "b" \\ {c="d"} # é\nnext'
    found = parsed(text((Gauge("step", "told", 1.0, {"scenario": name}),)))
    assert list(found) == [("benchbench_step", frozenset({("scenario", name)}))]


def test_it_is_written_every_few_seconds_and_not_at_every_step(tmp_path: Path) -> None:
    asked = 0

    def gauges() -> Iterator[Gauge]:
        nonlocal asked
        asked += 1
        yield Gauge("step", "told", float(asked))

    with Exposition(tmp_path / "a.prom", gauges) as exposition:
        for _ in range(1000):
            exposition.moved()
    assert asked == 2  # at the beginning and at the end


def test_a_place_that_is_gone_hurts_no_measurement(tmp_path: Path) -> None:
    with Exposition(tmp_path / "gone" / "a.prom", lambda: iter(())) as exposition:
        exposition.moved()
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_is_refused_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = Path("a.yaml")
    file.write_text("{name: a, model: {family: bert, size: base}, task: masked-lm}\n")
    assert run(["run", "a.yaml", "--prometheus", "gone/a.prom"]) == 2
    assert "--prometheus: there is no folder" in capsys.readouterr().err
