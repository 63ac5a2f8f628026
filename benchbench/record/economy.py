"""The part of a summary that says what a training gets out of its devices, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence

from benchbench.record import money
from benchbench.record.efficiency import efficiency, utilization
from benchbench.record.types import Reach, Repeat
from benchbench.scenario.scenario import Scenario
from benchbench.stats.estimate import Estimate


def of_efficiency(good: Sequence[Repeat], scenario: Scenario, step_s: Estimate | None) -> dict[str, object]:
    """Utilizations and FLOPs of the repeats that ended well; nothing where their FLOPs were not counted.

    Args:
        good: with figures.
        scenario: what was asked.
        step_s: the run's step time.
    """
    confidence = scenario.measure.confidence
    known = [found for found in (efficiency(repeat, scenario) for repeat in good) if found is not None]
    return {
        "mfu": utilization([e.mfu for e in known], step_s, confidence),
        "mfu_measured": utilization([e.mfu_measured for e in known], step_s, confidence),
        "flops_per_step": _mean([e.flops_per_step for e in known]),
        "model_flops_per_step": _mean([e.model_flops_per_step for e in known]),
    }


def of_costs(
    scenario: Scenario, reaches: Sequence[Reach], good: Sequence[Repeat], fields: dict[str, object]
) -> dict[str, object]:
    """Energy, money and carbon, as far as power, prices and intensities are known.

    Args:
        scenario: has the price and the intensity.
        reaches: what the repeats say of the target.
        good: the repeats that ended well.
        fields: of the summary so far: throughput, energy a sample, time to target.
    """
    hardware = scenario.hardware
    energy_j = money.energy_to_target(reaches, scenario.measure.confidence)
    return {
        "energy_relative_error": money.energy_error([r.figures for r in good if r.figures is not None]),
        "energy_j_to_target": energy_j,
        "cost_per_target": money.price(hardware, _estimate(fields.get("time_to_target_s"))),
        "cost_per_million_samples": money.price_per_million(hardware, _estimate(fields.get("samples_per_s"))),
        "carbon_g_per_target": money.carbon(hardware, energy_j),
        "carbon_g_per_million_samples": money.carbon(hardware, _estimate(fields.get("energy_j_per_sample")), 1e6),
    }


def _estimate(value: object) -> Estimate | None:
    return value if isinstance(value, Estimate) else None


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
