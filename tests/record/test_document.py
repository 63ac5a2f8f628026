"""The JSON of a run has the contract's keys, no more in its summary, and no number that JSON lacks."""

import json
import math
from typing import Any

import pytest

from benchbench.record import document
from benchbench.record.types import DeviceTelemetry, Failure, Outcome, Reach
from tests.record.lines import figures_of, reached, repeat, run

ENTRY = [
    "id", "name", "scenario_key", "dir", "outcome", "failure", "summary", "telemetry", "machine", "warnings",
    "repeats", "set_aside",
]  # fmt: skip
SUMMARY = [
    "step_s", "samples_per_s", "tokens_per_s", "tokens_per_s_per_device", "mfu", "peak_memory_bytes", "utilization",
    "power_w", "energy_j_per_sample", "data_wait_fraction", "communication_fraction", "reached_target", "reach_rate",
    "time_to_target_s", "steps_to_target", "compile_s", "gradient_noise_scale", "final_metrics", "compression",
    "mfu_measured", "flops_per_step", "model_flops_per_step", "energy_relative_error", "energy_j_to_target",
    "cost_per_target", "cost_per_million_samples", "carbon_g_per_target", "carbon_g_per_million_samples",
]  # fmt: skip
ESTIMATE = ["value", "low", "high", "confidence", "n", "unit"]
TRAINING: dict[str, Any] = {
    "measure": {"procedure": "time-to-target"}, "target": {"metric": "accuracy", "at_least": 0.8},
}  # fmt: skip


def test_an_entry_has_exactly_the_contracts_keys() -> None:
    found = document.entry(run(repeat(0), repeat(1)), "results/x")
    assert list(found) == ENTRY
    assert list(found["summary"]) == SUMMARY
    assert list(found["summary"]["step_s"]) == ESTIMATE
    assert (found["name"], found["dir"], found["outcome"], found["failure"]) == ("t", "results/x", "ok", None)
    assert found["scenario_key"].startswith("sha256:")
    assert found["summary"]["mfu"] is None
    assert found["warnings"] == []


def test_a_failure_has_exactly_the_contracts_keys() -> None:
    failure = Failure(kind="oom", message="no memory", exit_code=1, log_tail="...")
    found = document.entry(run(repeat(0), repeat(1, Outcome.OOM, failure=failure)), None)
    assert found["outcome"] == "oom"
    assert found["failure"] == {"kind": "oom", "message": "no memory", "rank": None, "exit_code": 1, "log_tail": "..."}
    assert found["dir"] is None


def test_a_warning_has_a_code_and_a_message() -> None:
    (warning,) = document.entry(run(repeat()), None)["warnings"]
    assert list(warning) == ["code", "message"]
    assert warning["code"] == "single-repeat"


def test_the_failure_is_that_of_the_worst_repeat() -> None:
    def failed(index: int, outcome: Outcome) -> Any:
        return repeat(index, outcome, failure=Failure(kind=outcome.value, message=f"of {index}"))

    whole = run(failed(0, Outcome.TIMEOUT), failed(1, Outcome.CRASHED), failed(2, Outcome.CRASHED))
    assert document.entry(whole, None)["failure"]["message"] == "of 1"


def test_telemetry_is_one_entry_a_device_over_all_repeats() -> None:
    def seen(samples: int, **fields: Any) -> DeviceTelemetry:
        return DeviceTelemetry(device="cuda:0", name="a GPU", uuid="GPU-0", in_use=True, samples=samples, **fields)

    cpu = DeviceTelemetry(device="cpu", name="a CPU", samples=7)
    whole = run(
        repeat(0, telemetry=(cpu, seen(10, missing=("power",)))),
        repeat(1, telemetry=(seen(5, missing=("energy", "power"), lost=True),)),
    )
    found = document.entry(whole, None)["telemetry"]
    assert [(d["device"], d["samples"]) for d in found] == [("cpu", 7), ("cuda:0", 15)]
    assert (found[1]["missing"], found[1]["lost"]) == (["energy", "power"], True)


@pytest.mark.parametrize(
    "whole",
    [
        run(repeat()),
        run(repeat(0, Outcome.CRASHED, figures=None)),
        run(repeat(0, reach=Reach(reached=False)), **TRAINING),
        run(repeat(0, reach=reached(1.0, 5)), repeat(1, reach=Reach(reached=False)), **TRAINING),
        run(repeat(0, figures=figures_of(1e-300)), repeat(1, figures=figures_of(1e300))),
        run(repeat(0, final_metrics={"train_loss": math.nan, "loss": math.inf})),
        run(),
    ],
)
def test_the_json_holds_no_number_that_json_lacks(whole: Any) -> None:
    text = json.dumps({"entry": document.entry(whole, None), "result": document.result(whole)}, allow_nan=False)
    assert "NaN" not in text
    assert "Infinity" not in text


def test_the_stored_document_is_the_entry_and_the_run() -> None:
    whole = run(repeat())
    stored = document.result(whole)
    assert stored["schema"] == 1
    assert set(stored) == {"schema", "run", *ENTRY} - {"dir"}
    assert type(whole).model_validate_json(json.dumps(stored["run"])) == whole


def test_every_measurement_says_whether_it_counts_and_is_trusted() -> None:
    first = repeat(1, suspect=("others used 1.0 CPUs",))
    found = document.entry(
        run(repeat(0), repeat(1, attempt=1, order=2)).model_copy(update={"set_aside": (first,)}), None
    )
    told = [(r["repeat"], r["attempt"], r["counts"], r["validity"]) for r in found["repeats"] + found["set_aside"]]
    assert told == [(0, 0, True, "valid"), (1, 1, True, "valid"), (1, 0, False, "suspect")]
    assert found["set_aside"][0]["suspect"] == ["others used 1.0 CPUs"]
    assert found["set_aside"][0]["step_s"] == 0.1
    assert [w["code"] for w in found["warnings"]] == ["suspect"]
