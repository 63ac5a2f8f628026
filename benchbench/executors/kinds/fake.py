"""An executor that trains nothing: tuning, pages and commands are tested with it in milliseconds.

It answers from a function of the scenario, writes the raw lines that a real repeat would leave, and so passes
through the same figures, summary, tables and pages.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from benchbench.executors.base import Request, Watch
from benchbench.record import raw
from benchbench.record.disturbances import disturbances
from benchbench.record.figures import figures, seen_devices, telemetry_warnings
from benchbench.record.reaching import ended_early, reach
from benchbench.record.store import now, read_raw
from benchbench.record.types import Failure, Outcome, Repeat
from benchbench.scenario.scenario import Scenario

_GIVEN_UP = 20  # steps of a probe whose steps are too slow


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a faked repeat does.

    Attributes:
        step_s: seconds of every step.
        steps_to_target: the step whose evaluation meets the target; None = never.
        outcome: how the repeat ends.
        interrupt: raise KeyboardInterrupt in mid-run, as Ctrl-C does.
        peak_memory_bytes: what it takes.
        foreign_cpus: how many CPUs others use meanwhile, of two that are all in use.
        power_w: what is drawn; None: nobody tells.
        metrics: held-out ones, of a training to its target.
        on_test_split: the target's metric there, where it is asked for; None = not scored.
        curve: the held-out metric after so many steps, short of the target; None = it stays a little short of it.
    """

    step_s: float = 0.01
    steps_to_target: int | None = 100
    outcome: Outcome = Outcome.OK
    interrupt: bool = False
    peak_memory_bytes: int = 2**30
    foreign_cpus: float = 0.0
    power_w: float | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    on_test_split: float | None = None
    curve: Callable[[int], float] | None = None


Script = Callable[[Scenario, int], Answer]


class FakeExecutor:
    """Answers every request from a script; `requests` keeps what was asked."""

    def __init__(self, script: Script = lambda _scenario, _seed: Answer()) -> None:
        self.script = script
        self.requests: list[Request] = []

    def run(self, request: Request, watch: Watch) -> Repeat:
        """Carries out one repeat (see `Executor`)."""
        self.requests.append(request)
        answer = self.script(request.scenario, request.seed)
        outcome = answer.outcome
        watch({"event": "phase", "name": "measure"})
        if answer.interrupt:
            outcome = Outcome.INTERRUPTED
        started_at = now()
        events = list(_events(request, answer)) if outcome in (Outcome.OK, Outcome.DIVERGED) else []
        _write(request, events, answer)
        lines = read_raw(request.folder)
        target = request.scenario.target
        trains = request.scenario.measure.procedure == "time-to-target"
        found = reach(lines, target) if trains and target is not None else None
        seen = seen_devices(lines)
        disturbed = disturbances(lines)
        return Repeat(
            index=request.index,
            seed=request.seed,
            order=request.order,
            started_at=started_at,
            wall_s=events[-1]["t"] if events else 0.0,
            outcome=outcome,
            failure=None
            if outcome is Outcome.OK
            else Failure(kind=outcome.value, message=f"the script says {outcome}"),
            phases_s={"start": 0.0},
            figures=figures(lines, request.scenario.measure.confidence, answer.peak_memory_bytes),
            reach=found,
            final_metrics={"train_loss": 0.5, **(answer.metrics if trains else {}), **_scored(request, answer)},
            facts=dict(ended_early(lines)),
            telemetry=seen,
            warnings=(*telemetry_warnings(seen, lines), *(d.warning for d in disturbed)),
            suspect=tuple(d.warning.message for d in disturbed if d.suspect),
        )


def _scored(request: Request, answer: Answer) -> dict[str, float]:
    target = request.scenario.target
    trains = request.scenario.measure.procedure == "time-to-target"
    if not (trains and request.test_split) or target is None or answer.on_test_split is None:
        return {}
    return {f"test_{target.metric}": answer.on_test_split}


def _events(request: Request, answer: Answer) -> list[dict[str, Any]]:
    scenario = request.scenario
    trains = scenario.measure.procedure == "time-to-target"
    target = scenario.target
    too_slow = not trains and request.too_slow_s is not None and answer.step_s > request.too_slow_s
    last = scenario.training.max_steps if trains else _GIVEN_UP if too_slow else 30
    if trains and answer.steps_to_target is not None:
        last = min(last, answer.steps_to_target)
    if trains and request.deadline_s is not None:
        last = min(last, int(request.deadline_s / answer.step_s))
    batch = scenario.training.global_batch
    lines: list[dict[str, Any]] = []
    if not trains:
        lines.append({"event": "steady", "t": 0.0, "warmup_steps": 5, "settled": True})
    for step in range(1, last + 1):
        t = step * answer.step_s
        lines.append({
            "event": "step", "step": step, "t": t, "step_s": answer.step_s, "data_wait_s": 0.0, "samples": batch,
            "tokens": batch * 10, "loss": 1.0 / step,
        })  # fmt: skip
        if trains and target is not None and (step % target.eval_every == 0 or step == answer.steps_to_target):
            bound = target.at_least if target.at_least is not None else target.at_most
            missed = (bound or 0.0) + (-0.1 if target.at_least is not None else 0.1)
            missed = missed if answer.curve is None else answer.curve(step)
            value = bound if step == answer.steps_to_target else missed
            lines.append({
                "event": "eval", "step": step, "t": t, "training_s": t, "evaluation_s": 0.1,
                "metrics": {target.metric: value, "loss": 1.0 / step},
            })  # fmt: skip
    if too_slow:
        lines.append({"event": "ended", "t": lines[-1]["t"], "by": "too-slow"})
    if trains and lines:
        whole = scenario.training.max_steps
        by = "target" if last == answer.steps_to_target else "steps" if last >= whole else "deadline"
        lines.append({"event": "ended", "t": lines[-1]["t"], "by": by})
    return lines


def _write(request: Request, events: list[dict[str, Any]], answer: Answer) -> None:
    tells = answer.power_w is not None
    header = {
        "devices": [{
            "device": "cpu", "name": "a faked CPU", "uuid": None, "in_use": True,
            "metrics": ["utilization", *(["power"] if tells else [])],
            "missing": [*([] if tells else ["power"]), "energy"],
        }],
        "unavailable": {},
        "interval_s": 0.1,
        "cpus": 2,
    }  # fmt: skip
    reading = {"device": "cpu", "utilization": 0.9, "process_utilization": 0.8, "foreign_cpus": answer.foreign_cpus}
    reading |= {"power_w": answer.power_w} if answer.power_w is not None else {}
    samples = [{"t": e["t"], **reading} for e in events[::5]]
    text: dict[str, list[dict[str, Any]]] = {
        raw.EVENTS: events,
        raw.TELEMETRY: [{"header": header}, *samples],
        raw.LOG: [],
    }
    for name, lines in text.items():
        (request.folder / name).write_text("".join(json.dumps(line) + "\n" for line in lines))


PLUGIN = FakeExecutor
