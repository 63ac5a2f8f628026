"""A search in milliseconds: the shipped fake executor on a clock of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchbench.executors.base import Request, Watch
from benchbench.executors.kinds.fake import Answer, FakeExecutor, Script
from benchbench.record.machine import Machine
from benchbench.record.types import Outcome, Repeat
from benchbench.scenario.loading import load
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.moments import Moment
from benchbench.tuning.tune import StoredStudy, TuneRequest, tune

SCENARIO = """
name: fake
model: {family: bert, size: tiny}
task: sequence-classification
training: {max_steps: 400, global_batch: 32}
target: {metric: accuracy, at_least: 0.9, eval_every: 20}
search:
  space:
    training.global_batch: [16, 32, 64]
    precision: [fp32, bf16]
    training.attention: [auto, eager, sdpa]
"""
MACHINE = Machine(os="Linux", architecture="x86_64", cpu="a CPU", cpus=2, cpus_usable=2, memory_bytes=2**33)
STARTUP_S = 2.0


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class VirtualExecutor(FakeExecutor):
    """The fake executor, each repeat of which takes its script's time on a clock, and no longer than its timeout."""

    def __init__(self, script: Script, clock: Clock) -> None:
        super().__init__(script)
        self.clock = clock
        self.ended_at_s: list[float] = []

    def run(self, request: Request, watch: Watch) -> Repeat:
        repeat = super().run(request, watch)
        hangs = repeat.outcome is Outcome.TIMEOUT
        wall_s = STARTUP_S + repeat.wall_s
        if hangs or wall_s > request.timeout_s:
            repeat = repeat.model_copy(update={"outcome": Outcome.TIMEOUT, "reach": None, "figures": None})
            wall_s = request.timeout_s
        self.clock.now_s += max(0.0, wall_s)
        self.ended_at_s.append(self.clock.now_s)
        return repeat


@dataclass
class Lab:
    """Everything that a test of a search holds in its hands."""

    out: Path
    clock: Clock = field(default_factory=Clock)
    moments: list[Moment] = field(default_factory=list)
    executor: VirtualExecutor | None = None

    def scenario(self, text: str = SCENARIO, *overrides: str) -> Scenario:
        """A scenario from text."""
        self.out.mkdir(parents=True, exist_ok=True)
        file = self.out.parent / "scenario.yaml"
        file.write_text(text)
        (scenario,) = load(file, overrides)
        return scenario

    def tune(
        self, script: Script, scenario: Scenario | None = None, budget_s: float = 600.0, **request: Any
    ) -> StoredStudy:
        """Tunes against a script."""
        self.executor = VirtualExecutor(script, self.clock)
        asked = TuneRequest(
            scenario=scenario or self.scenario(), budget_s=budget_s, out=self.out, machine=MACHINE, **request
        )
        return tune(asked, self.executor, self.moments.append, self.clock)

    @property
    def requests(self) -> list[Request]:
        """What the executor was asked."""
        assert self.executor is not None
        return self.executor.requests


def planted_answer(scenario: Scenario, seed: int) -> Answer:
    """A surface with its optimum at batch 64, bf16, sdpa; the seed moves the step time by up to 1 %."""
    step_s = 0.1 * {"fp32": 1.0, "bf16": 0.8}[scenario.precision]
    step_s *= {"auto": 1.0, "eager": 1.5, "sdpa": 0.9}[scenario.training.attention]
    steps = {16: 200, 32: 120, 64: 60}[scenario.training.global_batch]
    return Answer(step_s=step_s * (1 + 0.005 * (seed % 3 - 1)), steps_to_target=steps)


def lab_text(*axes: str, baseline: str = "{}") -> str:
    """A scenario with these axes."""
    return "\n".join([
        "name: fake", "model: {family: bert, size: tiny}", "task: sequence-classification",
        "training: {max_steps: 400, global_batch: 32}", "target: {metric: accuracy, at_least: 0.9, eval_every: 20}",
        "search:", f"  baseline: {baseline}", "  space:", *(f"    {axis}" for axis in axes),
    ])  # fmt: skip


def faster_when(condition: Callable[[Scenario], bool]) -> Script:
    """Twice as fast under a condition, with a little spread from seed to seed."""

    def script(scenario: Scenario, seed: int) -> Answer:
        return Answer(step_s=0.1 * (1 + 0.002 * (seed % 2)), steps_to_target=50 if condition(scenario) else 100)

    return script
