"""What a training costs: energy, money, carbon, to the target and by the sample. Unknown stays None."""

from __future__ import annotations

import math
from collections.abc import Sequence

from benchbench.record.types import Figures, Reach
from benchbench.scenario.types import Hardware
from benchbench.stats.estimate import Estimate
from benchbench.stats.intervals import median_with_misses

_HOUR_S = 3600.0
_J_PER_KWH = 3.6e6
_MILLION = 1e6


def energy_to_target(reaches: Sequence[Reach], confidence: float) -> Estimate | None:
    """The median energy to the target in joules, a miss counting as infinite; None where it is not known of all."""
    if any(r.reached and r.energy_j is None for r in reaches) or not any(r.reached for r in reaches):
        return None
    return median_with_misses([math.inf if r.energy_j is None else r.energy_j for r in reaches], confidence, "J")


def energy_error(every: Sequence[Figures]) -> float | None:
    """The largest relative error of a repeat's energy; None where counters tell it, or nobody does."""
    return max((f.energy_relative_error for f in every if f.energy_relative_error is not None), default=None)


def price(hardware: Hardware, time_s: Estimate | None) -> Estimate | None:
    """What some time costs; start-up and evaluations are no part of a time to target, and of its price.

    Args:
        hardware: has the price of an hour.
        time_s: seconds.
    """
    return _scaled(time_s, hardware.price_per_hour, 1 / _HOUR_S, "")


def price_per_million(hardware: Hardware, samples_per_s: Estimate | None) -> Estimate | None:
    """What a million samples cost at a throughput."""
    if samples_per_s is None or samples_per_s.value <= 0:
        return None
    return price(hardware, samples_per_s.inverse(_MILLION, "s"))


def carbon(hardware: Hardware, energy_j: Estimate | None, times: float = 1.0) -> Estimate | None:
    """Grams of carbon dioxide of some energy, at the intensity that the scenario states.

    Args:
        hardware: has the grams a kilowatt-hour.
        energy_j: joules.
        times: of it.
    """
    return _scaled(energy_j, hardware.carbon_g_per_kwh, times / _J_PER_KWH, "g")


def _scaled(amount: Estimate | None, rate: float | None, factor: float, unit: str) -> Estimate | None:
    """An amount at a rate; a rate of zero makes it nothing, surely, whatever bounds the amount has."""
    if amount is None or rate is None:
        return None
    if rate == 0:
        return amount.model_copy(update={"value": 0.0, "low": 0.0, "high": 0.0, "unit": unit})
    return amount.scaled(rate * factor, unit)
