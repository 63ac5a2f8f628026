"""A search and its answer, as `study.json` and `tune --json` give it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from benchbench.record.machine import Machine
from benchbench.record.types import Failure, Outcome, RunWarning
from benchbench.scenario.knobs import Lever
from benchbench.scenario.scenario import Scenario
from benchbench.stats.estimate import Estimate
from benchbench.values import Observed

Overrides = dict[str, bool | int | float | str | None]
Objective = Literal["time", "energy", "cost", "throughput"]
OVER_SEEDS = "of all its trainings that were not cut short, those of the search too; Wilson's interval"
TEST_METRICS = "on the test split, which the search never sees; over the repeats of the confirmation"


class Trial(Observed):
    """One candidate: what was asked, how it ended, what was measured, when in the search."""

    number: int
    overrides: Overrides
    role: Literal["baseline", "candidate", "probe", "confirmation", "explanation", "neighbour"]
    outcome: Outcome
    failure: Failure | None = None
    note: str | None = Field(None, description="what a reader must know of how it ended, where it did not fail")
    run_id: str | None = None
    reused_from: str | None = Field(
        None, description="the run of an earlier study or command that was taken in place of measuring again"
    )
    objective: float | None = Field(None, description="seconds to target, or seconds a sample; None = no value")
    second_objective: float | None = Field(None, description="of the second of two objectives")
    predicted: float | None = Field(
        None, description="the objective that the search's model expected, before it was measured; None = it had none"
    )
    breaches: tuple[str, ...] = Field((), description="the constraints that it breaks, in words")
    reached_target: bool | None = None
    step_s: float | None = Field(None, description="a steady step of what was measured")
    under_proxy: bool = Field(False, description="whether search.proxy was measured in place of the scenario itself")
    started_s: float = Field(description="seconds since the search began")
    ended_s: float


class Neighbour(Observed):
    """The recommended setup at the next lower or higher learning rate."""

    overrides: Overrides
    learning_rate: float
    time_to_target_s: float | None = Field(None, description="None = it missed the target, or that is not known")
    reached: bool | None = Field(None, description="of a measured one")
    source: Literal["measured", "predicted"]
    run_id: str | None = None


class Baseline(Observed):
    """What a user runs today."""

    overrides: Overrides
    time_to_target_s: Estimate | None = None
    step_s: Estimate | None = None
    samples_per_s: Estimate | None = None
    reach_rate: float | None = None
    breaches: tuple[str, ...] = Field((), description="the constraints that it breaks, in words")
    reach_rate_over_seeds: Estimate | None = Field(None, description=OVER_SEEDS)
    test_metrics: dict[str, Estimate] = Field({}, description=TEST_METRICS)
    run_ids: tuple[str, ...] = ()


class Recommendation(Observed):
    """The answer. `overrides` has the space's own values for every key of the space."""

    verdict: Literal["faster", "tie", "insufficient-evidence", "target-not-reached"]
    overrides: Overrides
    scenario_path: str
    time_to_target_s: Estimate | None = None
    predicted_time_to_target_s: Estimate | None = None
    step_s: Estimate | None = None
    samples_per_s: Estimate | None = None
    speedup: Estimate | None = None
    reach_rate: float | None = None
    breaches: tuple[str, ...] = Field((), description="where no setup holds the constraints, those that it breaks")
    reach_rate_over_seeds: Estimate | None = Field(None, description=OVER_SEEDS)
    test_metrics: dict[str, Estimate] = Field({}, description=TEST_METRICS)
    neighbours: tuple[Neighbour, ...] | None = Field(
        None, description="None = the learning rate is not searched, or nothing is known of those beside it"
    )
    tied_with: tuple[Overrides, ...] = ()
    run_ids: tuple[str, ...] = ()
    reason: str = Field("", description="why this verdict, in one sentence")


class Attribution(Observed):
    """One knob's part of the speedup."""

    lever: Lever
    key: str
    before: bool | int | float | str | None = Field(alias="from")
    after: bool | int | float | str | None = Field(alias="to")
    speedup: Estimate


class ParetoPoint(Observed):
    """A measured setup that no other one beats in both objectives."""

    number: int = Field(description="of its first trial")
    overrides: Overrides
    role: Literal["baseline", "candidate"]
    values: dict[Objective, Estimate] = Field(description="the median over its repeats, by objective")
    place: Literal["first", "second", "knee"] | None = Field(
        None, description="the least of the first objective or of the second, or the best trade between them"
    )
    confirmed: bool = Field(description="whether it was measured again, with fresh seeds")
    run_ids: tuple[str, ...] = ()


class Importance(Observed):
    """How much of the differences between the space's setups each setting makes."""

    by: Literal["model", "ped-anova"] = Field(description="variance of main effects in the search's model, or Optuna's")
    shares: dict[str, float] = Field(description="by key, the largest first; they add up to 1")


class Economics(Observed):
    """What the search cost and after how many trainings it pays."""

    search_s: float
    saved_per_training_s: float | None = None
    break_even_trainings: float | None = None


class ProxyPoint(Observed):
    """One setup under the proxy and in the scenario itself."""

    overrides: Overrides
    under_proxy: float
    real: float


class Proxy(Observed):
    """How well the proxy under which setups were compared stands for the scenario."""

    overrides: Overrides
    compared: Literal["time_to_target_s", "step_s"] = Field(description="what the points are values of, in seconds")
    points: tuple[ProxyPoint, ...] = ()
    kendall_tau: float | None = Field(None, description="their rank agreement, -1 to 1; None of fewer than two points")


class Study(Observed):
    """One search, whole."""

    schema_version: Literal[1] = Field(1, alias="schema")
    study: str
    scenario: Scenario
    objective: Objective = Field(description="what is minimised; of two the first")
    objectives: tuple[Objective, ...] = Field((), description="where there are two, both")
    created_at: str
    command: tuple[str, ...] = ()
    machine: Machine
    seed: int
    budget_s: float
    spent_s: float
    replayed_from: str | None = Field(None, description="the table that answered in place of a machine")
    stopped: str = Field(description="why the search ended, in words")
    trials: tuple[Trial, ...]
    baseline: Baseline
    recommendation: Recommendation
    attribution: tuple[Attribution, ...] = ()
    pareto: tuple[ParetoPoint, ...] = Field((), description="of two objectives, by the first")
    economics: Economics
    importance: Importance | None = None
    warnings: tuple[RunWarning, ...] = ()
    proxy: Proxy | None = Field(None, description="where setups were compared under search.proxy")

    def counts(self) -> dict[str, int]:
        """How many of the search's trials ended in which outcome; every outcome has its entry.

        Confirmations, explanations and neighbours are left out: they came after the search. What was reused is in.
        """
        searched = [t.outcome for t in self.trials if t.role not in _AFTER_THE_SEARCH]
        return {o.value: searched.count(o) for o in _CONTRACT_ORDER}

    def answer(self, directory: str | None, report: str | None) -> dict[str, Any]:
        """The document of `tune --json`."""
        whole = self.document()
        two = ("objectives", "pareto") if self.objectives else ()
        return {
            "schema": 1,
            "study": self.study,
            "dir": directory,
            "report": report,
            "budget_s": self.budget_s,
            "spent_s": self.spent_s,
            "objective": self.objective,
            "stopped": self.stopped,
            "replayed_from": self.replayed_from,
            "trials": self.counts(),
            "reused": [t.reused_from for t in self.trials if t.reused_from is not None],
            "importance": None if self.importance is None else self.importance.shares,
            "importance_by": None if self.importance is None else self.importance.by,
            **{k: whole[k] for k in (*_ANSWER, *two)},
        }


_AFTER_THE_SEARCH = ("confirmation", "explanation", "neighbour")
_ANSWER = ("baseline", "recommendation", "attribution", "economics", "warnings", "proxy")
_CONTRACT_ORDER = (
    Outcome.OK, Outcome.REFUSED, Outcome.OOM, Outcome.TIMEOUT, Outcome.CRASHED, Outcome.DIVERGED, Outcome.INTERRUPTED,
    Outcome.INVALID,
)  # fmt: skip
