"""A run: one scenario (or `--set` variant) with its repeats inside."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal

from pydantic import Field

from benchbench.record.breakdown import Breakdown
from benchbench.record.machine import Machine
from benchbench.record.memory import MemoryUse
from benchbench.record.peaks import Peak, Work
from benchbench.record.per_rank_types import RankUse
from benchbench.scenario.scenario import Scenario
from benchbench.stats.estimate import Estimate
from benchbench.stats.steady import Unsettled
from benchbench.values import Observed

SCHEMA = 1  # 1: the first (DESIGN: run folder with result.json, steps, telemetry and evals as parquet, log.txt)


class Outcome(StrEnum):
    """How a repeat ended, from best to worst; a run's is the worst of its repeats."""

    OK = "ok"
    DIVERGED = "diverged"
    REFUSED = "refused"
    TIMEOUT = "timeout"
    OOM = "oom"
    CRASHED = "crashed"
    INVALID = "invalid"
    INTERRUPTED = "interrupted"


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The last of several outcomes in the order of `Outcome`; interrupted when there is none."""
    order = list(Outcome)
    return max(outcomes, key=order.index, default=Outcome.INTERRUPTED)


class Failure(Observed):
    """Why a repeat has no full result."""

    kind: str
    message: str
    rank: int | None = None
    exit_code: int | None = None
    log_tail: str = ""


WarningCode = Literal[
    "single-repeat", "noisy", "unstable", "suspect", "throttled", "foreign-process", "oversubscribed", "swapping",
    "device-lost", "telemetry-missing", "clock-jump", "recompiled", "target-at-plateau", "low-reach-rate",
    "storage-bound", "suspended", "thermal-drift",
    "emulated-precision", "micro-batch-lowered", "resumed", "baseline-refused", "idle-not-subtracted", "fragile",
    "does-not-fit",
]  # fmt: skip


class RunWarning(Observed):
    """Something a reader of the numbers must know."""

    code: WarningCode
    message: str


class DeviceTelemetry(Observed):
    """What was seen of one device, over all repeats."""

    device: str
    name: str
    uuid: str | None = None
    in_use: bool = False
    samples: int = 0
    missing: tuple[str, ...] = ()
    lost: bool = False


class Figures(Observed):
    """One repeat's figures over its measured steps; raw series stay in the tables."""

    measured_steps: int
    warmup_steps: int
    measured_s: float = Field(description="wall time of the measured steps, stalls included")
    step_s: float = Field(description="mean over the measured steps")
    step_s_halfwidth: float | None = Field(description="within-run, by batch means, at the scenario's confidence")
    samples_per_step: float
    tokens_per_step: float | None = Field(description="padding left out; None where nobody counted")
    data_wait_fraction: float | None
    communication_fraction: float | None = Field(
        None, description="of the step time, in which ranks only waited for others, the mean over the ranks"
    )
    hidden_communication_fraction: float | None = Field(
        None, description="of the step time, in which ranks sent while they computed"
    )
    utilization: float | None
    power_w: float | None
    energy_j_per_sample: float | None = Field(description="what is drawn when idle left out where that is asked for")
    energy_w: float | None = Field(None, description="mean power that the energy comes to, idle power included")
    energy_by: Literal["counter", "power"] | None = Field(None, description="counters, or power over time")
    energy_relative_error: float | None = Field(
        None, description="of power over time: its samples' spread at the scenario's confidence, and the sensor's error"
    )
    idle_power_w: float | None = Field(None, description="before the trainer began, where that is asked for")
    peak_memory_bytes: int | None
    warmup_s: float | None = Field(
        None, description="what the steps before the measured ones took beyond as many steady steps"
    )
    compile_s: float | None = Field(None, description="torch.compile, all of it; a part of the time to target")
    gradient_noise_scale: float | None = Field(
        None, description="samples at which the gradient's noise equals its signal (time-to-target only)"
    )
    settled: bool = Field(description="whether a steady state was found before the measured steps")
    unsettled: Unsettled | None = Field(None, description="why it was not found, where that can be told")


class Reach(Observed):
    """One repeat's way to the target (time-to-target only). Times are of training, from the start of the first step."""

    reached: bool
    time_to_target_s: float | None = Field(None, description="to the crossing, interpolated between evaluations")
    steps_to_target: float | None = Field(None, description="to the crossing, a fraction of a step too")
    confirmed_by: Literal["next-evaluation", "full-held-out"] | None = Field(
        None, description="full-held-out: no evaluation came after the one that saw the crossing"
    )
    unconfirmed: int = Field(0, description="evaluations that met the target, where the next one did not")
    previous_evaluation_s: float | None = Field(None, description="training time of the evaluation before the crossing")
    previous_evaluation_step: int | None = Field(None, description="the step of that evaluation")
    crossing_evaluation_s: float | None = Field(None, description="training time of the evaluation that saw it")
    crossing_evaluation_step: int | None = Field(None, description="the step of that evaluation")
    energy_j: float | None = Field(None, description="of training to the crossing, from the start of the first step")
    best: float | None = Field(None, description="the best value of the target's metric")
    expected_steps: Estimate | None = Field(
        None, description="where it was not reached: steps to the target that the held-out curve points to"
    )
    evaluation_s: float = 0.0
    checkpoint_s: float = 0.0
    noise_scale_s: float = 0.0


class Weights(Observed):
    """What a model's weights take, and what they are good for."""

    size_bytes: int = Field(description="in a file: quantised weights with their scales, pruned ones with their zeros")
    nonzero_parameters: int
    inference_samples_per_s: float = Field(description="forward passes of one micro-batch of held-out rows")
    metrics: dict[str, float] = Field({}, description="on the held-out rows (time-to-target only)")


class CompressionEffect(Observed):
    """The model as it was trained, beside its compressed copy, which is what a target looks at."""

    conversion_s: float = Field(description="pruning to the whole fraction and rounding; a part of the training time")
    dense: Weights
    compressed: Weights


class Repeat(Observed):
    """One fresh process."""

    index: int
    seed: int
    attempt: int = Field(0, description="how often it had been measured before, and was disturbed")
    order: int = Field(description="position among all measurements of the command, from 0")
    started_at: str
    wall_s: float
    outcome: Outcome
    failure: Failure | None = None
    phases_s: dict[str, float] = Field({}, description="seconds in each phase, from the process's start to its end")
    figures: Figures | None = None
    reach: Reach | None = None
    final_metrics: dict[str, float] = Field({}, description="as of the last step")
    compression: CompressionEffect | None = Field(None, description="where the model is pruned or quantised")
    peak: Peak | None = Field(None, description="what a probe found that the device can do")
    work: Work | None = Field(None, description="of one step, where it was counted")
    breakdown: Breakdown | None = Field(None, description="of steps under a profiler, where some were")
    memory: MemoryUse | None = None
    per_rank: tuple[RankUse, ...] = Field((), description="what each of several ranks says of itself")
    facts: dict[str, str | int | float | bool | None] = Field(
        {}, description="what the trainer reports of itself: parameters, attention, versions, ..."
    )
    memory_limit_enforced_by: str | None = None
    telemetry: tuple[DeviceTelemetry, ...] = ()
    warnings: tuple[RunWarning, ...] = ()
    suspect: tuple[str, ...] = Field((), description="what disturbed it so that its numbers are not to be trusted")

    @property
    def validity(self) -> Literal["valid", "suspect"]:
        """Whether nothing is known that disturbed it."""
        return "suspect" if self.suspect else "valid"


class Run(Observed):
    """One entry of `run --json` and one result folder, as it is stored."""

    schema_version: Literal[1] = Field(1, alias="schema")
    id: str
    scenario: Scenario
    created_at: str
    command: tuple[str, ...] = ()
    machine: Machine
    repeats: tuple[Repeat, ...]
    set_aside: tuple[Repeat, ...] = Field((), description="disturbed ones that were measured again, and do not count")
    study: str | None = Field(None, description="the search that it is a part of")

    @property
    def outcome(self) -> Outcome:
        """The worst of the repeats'."""
        return worst(r.outcome for r in self.repeats)

    @property
    def failure(self) -> Failure | None:
        """The failure that belongs to the outcome."""
        return next((r.failure for r in self.repeats if r.outcome == self.outcome), None)
