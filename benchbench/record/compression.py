"""What compression bought: one repeat's event -> its effect, and the estimates over repeats."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field, ValidationError

from benchbench.record.figures import RawLines
from benchbench.record.types import CompressionEffect, Weights
from benchbench.stats.estimate import Estimate
from benchbench.stats.intervals import of_repeats
from benchbench.values import Observed


class WeightsSummary(Observed):
    """A model's weights over the repeats (see `Weights`)."""

    size_bytes: int
    nonzero_parameters: int
    inference_samples_per_s: Estimate
    metrics: dict[str, float] = Field({}, description="means")


class CompressionSummary(Observed):
    """The model as it was trained, beside its compressed copy, over the repeats that ended well."""

    conversion_s: Estimate
    dense: WeightsSummary
    compressed: WeightsSummary


def compression(raw: RawLines) -> CompressionEffect | None:
    """What a repeat's trainer said of its compressed model last; None where it said nothing of use."""
    try:
        return CompressionEffect.model_validate(raw.last("compression"))
    except ValidationError:
        return None


def summary_of(effects: Sequence[CompressionEffect], confidence: float) -> CompressionSummary | None:
    """The estimates over repeats; None of none. A metric that one of them lacks is left out."""
    if not effects:
        return None
    return CompressionSummary(
        conversion_s=_estimate([e.conversion_s for e in effects], confidence, "s"),
        dense=_weights([e.dense for e in effects], confidence),
        compressed=_weights([e.compressed for e in effects], confidence),
    )


def _weights(every: Sequence[Weights], confidence: float) -> WeightsSummary:
    names = set.intersection(*(set(weights.metrics) for weights in every))
    return WeightsSummary(
        size_bytes=round(sum(w.size_bytes for w in every) / len(every)),
        nonzero_parameters=round(sum(w.nonzero_parameters for w in every) / len(every)),
        inference_samples_per_s=_estimate([w.inference_samples_per_s for w in every], confidence, "samples/s"),
        metrics={name: sum(w.metrics[name] for w in every) / len(every) for name in sorted(names)},
    )


def _estimate(values: Sequence[float], confidence: float, unit: str) -> Estimate:
    if len(values) == 1:
        return Estimate(value=values[0], low=None, high=None, confidence=confidence, n=1, unit=unit)
    return of_repeats(values, confidence, unit)
