"""Raw lines, repeats and runs as a real one leaves them, made by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from benchbench.record.figures import RawLines
from benchbench.record.machine import Machine
from benchbench.record.types import Figures, Outcome, Reach, Repeat, Run
from benchbench.scenario.scenario import Scenario

Line = dict[str, Any]
MACHINE = Machine(os="Linux", architecture="x86_64", cpu="a CPU", cpus=2, cpus_usable=2, memory_bytes=2**33)
CPU = {"device": "cpu", "name": "a CPU", "uuid": None, "in_use": False, "metrics": [], "missing": ["power"]}
GPU = {"device": "cuda:0", "name": "a GPU", "uuid": "GPU-0", "in_use": True, "metrics": ["power"], "missing": []}


def steps(count: int, step_s: float = 0.1, begin: float = 100.0, first: int = 1, **fields: Any) -> list[Line]:
    """Steps one after another, the first of which begins at `begin`."""
    return [
        {
            "event": "step", "step": first + i, "t": begin + (i + 1) * step_s, "step_s": step_s, "data_wait_s": 0.01,
            "samples": 32, "tokens": 320, "loss": 1.0, "learning_rate": 1e-3, **fields,
        }
        for i in range(count)
    ]  # fmt: skip


def steady(warmup: int, settled: bool = True) -> Line:
    return {"event": "steady", "t": 200.0, "warmup_steps": warmup, "settled": settled}


def plan(warmup: int | str, procedure: str = "throughput") -> Line:
    return {"event": "plan", "t": 99.0, "warmup": warmup, "procedure": procedure, "steps_total": None}


def evaluation(step: int, training_s: float, evaluation_s: float = 0.5, **metrics: float) -> Line:
    return {
        "event": "eval", "t": 100.0 + training_s, "step": step, "training_s": training_s, "evaluation_s": evaluation_s,
        "metrics": metrics,
    }  # fmt: skip


def header(*devices: Mapping[str, Any]) -> Line:
    return {"header": {"devices": [dict(d) for d in devices], "unavailable": {}, "interval_s": 0.1}}


def raw(events: Iterable[Line] = (), telemetry: Iterable[Line] = ()) -> RawLines:
    return RawLines(events=tuple(events), telemetry=tuple(telemetry))


def figures_of(step_s: float = 0.1, **fields: Any) -> Figures:
    values = {
        "measured_steps": 100, "warmup_steps": 20, "measured_s": 100 * step_s, "step_s": step_s,
        "step_s_halfwidth": step_s / 50, "samples_per_step": 32.0, "tokens_per_step": 320.0,
        "data_wait_fraction": 0.1, "utilization": 0.5, "power_w": 200.0, "energy_j_per_sample": 0.6,
        "peak_memory_bytes": 2**30, "settled": True, **fields,
    }  # fmt: skip
    return Figures.model_validate(values)


def repeat(index: int = 0, outcome: Outcome = Outcome.OK, **fields: Any) -> Repeat:
    values = {
        "index": index, "seed": index, "order": index, "started_at": "2026-01-31T00:00:00.000+00:00", "wall_s": 12.0,
        "outcome": outcome, "figures": figures_of(), "final_metrics": {"train_loss": 0.5}, **fields,
    }  # fmt: skip
    return Repeat.model_validate(values)


def reached(time_s: float, step: int, previous_s: float = 0.0, previous_step: int = 0) -> Reach:
    return Reach(
        reached=True, time_to_target_s=time_s, steps_to_target=step, previous_evaluation_s=previous_s,
        previous_evaluation_step=previous_step, best=0.9,
    )  # fmt: skip


def run(*repeats: Repeat, run_id: str = "20260131-235959-t-3f9a01c2", **sections: Any) -> Run:
    scenario = Scenario.model_validate({
        "name": "t", "model": {"family": "bert", "size": "tiny"}, "task": "sequence-classification", **sections,
    })  # fmt: skip
    return Run(
        id=run_id, scenario=scenario, created_at="2026-01-31T00:00:00.000+00:00", command=("benchbench", "run"),
        machine=MACHINE, repeats=repeats,
    )  # fmt: skip
