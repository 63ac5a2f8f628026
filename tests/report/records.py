"""Records for the tests of pages: runs and studies as a result folder holds them, in milliseconds."""

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchbench.record import raw
from benchbench.record.figures import RawLines, device_peak_bytes, figures, seen_devices
from benchbench.record.machine import Device, Machine
from benchbench.record.reaching import reach
from benchbench.record.store import Draft
from benchbench.record.study import Baseline, Economics, Overrides, Proxy, Recommendation, Study, Trial
from benchbench.record.types import Failure, Outcome, Repeat, Run, RunWarning
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.writing import to_yaml
from benchbench.stats.estimate import Estimate

TARGET = {
    "measure": {"procedure": "time-to-target"},
    "target": {"metric": "accuracy", "at_least": 0.8, "eval_every": 10},
}
MACHINE = Machine(
    os="Linux",
    architecture="x86_64",
    cpu="a CPU",
    cpus=8,
    cpus_usable=2,
    memory_bytes=2**34,
    devices=(Device(index=0, uuid="GPU-0", name="a GPU", memory_bytes=2**34, power_limit_w=300.0),),
    versions={"python": "3.11"},
)
STEPS, WARMUP, STEP_S = 60, 5, 0.01


def scenario(**changes: Any) -> Scenario:
    model = {"family": "bert", "size": "base"}
    whole = {"name": "bert", "model": model, "task": "sequence-classification", "question": "How fast?", **changes}
    return Scenario.model_validate(whole)


def estimate(value: float, unit: str = "s", n: int = 3) -> Estimate:
    return Estimate(value=value, low=0.9 * value, high=1.1 * value, confidence=0.95, n=n, unit=unit)


def events(of: Scenario, seed: int, loss: float | None = None) -> list[dict[str, Any]]:
    rng = np.random.default_rng(seed)
    trains = of.measure.procedure == "time-to-target"
    lines: list[dict[str, Any]] = [{"event": "steady", "t": 1.0, "warmup_steps": WARMUP, "settled": True}]
    t, training_s = 1.0, 0.0
    for step in range(1, STEPS + 1):
        step_s = STEP_S * float(rng.uniform(0.95, 1.05)) * (100 if step == 1 else 1)
        t, training_s = t + step_s, training_s + step_s
        lines.append({
            "event": "step", "step": step, "t": t, "step_s": step_s, "data_wait_s": 0.0, "samples": 32, "tokens": 3200,
            "loss": 1.0 / step if loss is None else loss,
        })  # fmt: skip
        if trains and of.target is not None and step % of.target.eval_every == 0:
            metrics = {of.target.metric: step / STEPS if loss is None else loss, "loss": 1.0 / step}
            lines.append({
                "event": "eval", "step": step, "t": t, "training_s": training_s, "evaluation_s": 0.1,
                "metrics": metrics,
            })  # fmt: skip
    return lines


def telemetry(devices: Sequence[str], name: str = "a GPU", *, holes: bool = False) -> list[dict[str, Any]]:
    seen = [
        {"device": d, "name": name, "uuid": None, "in_use": True, "missing": ["power"] if d == "cpu" else []}
        for d in devices
    ]
    lines: list[dict[str, Any]] = [{"header": {"devices": seen, "unavailable": {}, "interval_s": 0.1}}]
    for tick in range(20):
        for index, device in enumerate(devices):
            if holes and (tick + index) % 3:
                continue
            sample = {"t": tick * 0.1, "device": device, "utilization": 0.5 + 0.4 * math.sin(tick + index)}
            more = {"memory_used_bytes": 2.0**33, "power_w": 200.0, "sm_clock_mhz": 1500.0, "temperature_c": 50.0}
            cpu = {"process_utilization": 0.4, "process_memory_bytes": 2.0**30}
            lines.append(sample | (cpu if device == "cpu" else more))
    return lines


def run_folder(
    out: Path,
    run_id: str = "20260101-000000-bert-aaaa",
    *,
    of: Scenario | None = None,
    outcomes: Sequence[Outcome] = (Outcome.OK, Outcome.OK, Outcome.OK),
    devices: Sequence[str] = ("cuda:0", "cuda:1", "cpu"),
    device_name: str = "a GPU",
    holes: bool = False,
    loss: float | None = None,
    failure: Failure | None = None,
    warnings: tuple[RunWarning, ...] = (),
    command: tuple[str, ...] = ("benchbench", "run", "a.yaml"),
    machine: Machine = MACHINE,
) -> Path:
    of = of or scenario()
    draft = Draft(out, run_id)
    repeats = []
    for index, outcome in enumerate(outcomes):
        folder = draft.repeat_folder(index)
        left = RawLines(
            events=tuple(events(of, index, loss)) if outcome is not Outcome.REFUSED else (),
            telemetry=tuple(telemetry(devices, device_name, holes=holes)) if devices else (),
        )
        for file, lines in ((raw.EVENTS, left.events), (raw.TELEMETRY, left.telemetry)):
            (folder / file).write_text("".join(json.dumps(line) + "\n" for line in lines))
        repeats.append(_repeat(of, index, outcome, left, failure, warnings))
    run = Run(
        id=run_id,
        scenario=of,
        created_at=f"2026-01-01T00:00:{len(list(out.iterdir())):02d}.000+00:00",
        command=command,
        machine=machine,
        repeats=tuple(repeats),
    )
    return draft.commit(run, to_yaml(of))


def _repeat(
    of: Scenario,
    index: int,
    outcome: Outcome,
    left: RawLines,
    failure: Failure | None,
    warnings: tuple[RunWarning, ...],
) -> Repeat:
    ok = outcome is Outcome.OK
    trains = of.measure.procedure == "time-to-target" and of.target is not None
    return Repeat(
        index=index,
        seed=index,
        order=index,
        started_at="2026-01-01T00:00:00.000+00:00",
        wall_s=3.0,
        outcome=outcome,
        failure=None
        if ok
        else failure or Failure(kind=outcome.value, message=f"it was {outcome.value}", log_tail="the end"),
        phases_s={"start": 1.0},
        figures=figures(left, 0.95, device_peak_bytes(left)) if left.events else None,
        reach=reach(left, of.target) if trains and of.target is not None else None,
        final_metrics={"train_loss": 0.5},
        facts={"parameters": 1000},
        telemetry=seen_devices(left),
        warnings=warnings,
    )


def study(
    run_ids: Mapping[str, Path] = {},
    *,
    of: Scenario | None = None,
    outcomes: Sequence[Outcome] = (Outcome.OK, Outcome.OK, Outcome.OOM, Outcome.OK),
    verdict: str = "faster",
    message: str = "no memory",
    attribution: tuple[Any, ...] = (),
    proxy: Proxy | None = None,
) -> Study:
    """A study of four trials; `run_ids` may name the folders of the `baseline` and the `recommendation`."""
    of = of or scenario(**TARGET, search={"space": {"precision": ("fp32", "bf16")}})
    best: Overrides = {"precision": "bf16"}
    trials = tuple(
        Trial(
            number=number,
            overrides={"precision": "fp32"} if number == 0 else best,
            role="baseline" if number == 0 else "candidate",
            outcome=outcome,
            failure=None if outcome is Outcome.OK else Failure(kind=outcome.value, message=message),
            objective=10.0 / (number + 1) if outcome is Outcome.OK else None,
            reached_target=True if outcome is Outcome.OK else None,
            started_s=10.0 * number,
            ended_s=10.0 * number + 9.0,
        )
        for number, outcome in enumerate(outcomes)
    )
    known = {role: (folder.name,) for role, folder in run_ids.items()}
    measured = verdict != "target-not-reached"
    found = {
        "time_to_target_s": estimate(5.0), "step_s": estimate(0.01), "samples_per_s": estimate(3200.0, "samples/s"),
    }  # fmt: skip
    return Study.model_validate({
        "schema": 1, "study": "20260101-000001-bert-bbbb", "scenario": of, "objective": "time", "machine": MACHINE,
        "created_at": "2026-01-01T00:01:00.000+00:00", "command": ("benchbench", "tune", "a.yaml"), "seed": 0,
        "budget_s": 60.0, "spent_s": 40.0, "stopped": "the budget is spent", "trials": trials,
        "baseline": Baseline(overrides={}, run_ids=known.get("baseline", ()), **(found if measured else {})),
        "recommendation": Recommendation(
            verdict=verdict, overrides=best, scenario_path="results/x/recommended.yaml",
            speedup=estimate(1.83, "x") if measured else None, run_ids=known.get("recommendation", ()),
            **(found if measured else {}),
        ),
        "attribution": attribution,
        "proxy": proxy,
        "economics": Economics(search_s=40.0, saved_per_training_s=2.0, break_even_trainings=20.0),
    })  # fmt: skip


def study_folder(out: Path, of: Study) -> Path:
    folder = out / of.study
    folder.mkdir(parents=True)
    (folder / "study.json").write_text(json.dumps(of.document()))
    return folder
