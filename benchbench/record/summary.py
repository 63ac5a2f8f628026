"""The repeats' figures -> estimates: the `summary` of `run --json`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import Field

from benchbench.record.compression import CompressionSummary, summary_of
from benchbench.record.economy import of_costs, of_efficiency
from benchbench.record.types import Figures, Outcome, Reach, Repeat, Run, RunWarning
from benchbench.stats.estimate import Estimate
from benchbench.stats.intervals import median_with_misses, of_repeats, of_series
from benchbench.stats.repeats import LOOKS
from benchbench.stats.steady import Unsettled
from benchbench.values import Observed

# What each repeat measures for itself, and so says with other numbers.
_ALIKE = frozenset({
    "target-at-plateau", "foreign-process", "throttled", "swapping", "suspended", "thermal-drift", "clock-jump",
    "recompiled", "storage-bound",
})  # fmt: skip
_NOISY_HALFWIDTH = 0.10
_PLAIN = {
    "utilization": "fraction", "power_w": "W", "energy_j_per_sample": "J", "data_wait_fraction": "fraction",
    "communication_fraction": "fraction",
    "compile_s": "s", "gradient_noise_scale": "samples",
}  # fmt: skip


class Summary(Observed):
    """Estimates over the repeats that ended well."""

    step_s: Estimate | None = None
    samples_per_s: Estimate | None = None
    tokens_per_s: Estimate | None = None
    tokens_per_s_per_device: Estimate | None = None
    mfu: Estimate | None = None
    peak_memory_bytes: int | None = None
    utilization: Estimate | None = None
    power_w: Estimate | None = None
    energy_j_per_sample: Estimate | None = None
    data_wait_fraction: Estimate | None = None
    communication_fraction: Estimate | None = None
    reached_target: bool | None = None
    reach_rate: float | None = None
    time_to_target_s: Estimate | None = None
    steps_to_target: Estimate | None = None
    compile_s: Estimate | None = Field(None, description="of a repeat's torch.compile")
    gradient_noise_scale: Estimate | None = Field(None, description="the batch at which noise and signal are equal")
    final_metrics: dict[str, float] = Field({}, description="mean over the repeats that ended well")
    compression: CompressionSummary | None = Field(None, description="where the model is pruned or quantised")
    mfu_measured: Estimate | None = Field(None, description="as mfu, against the peak that was measured here")
    flops_per_step: float | None = Field(None, description="with recomputation, padding counted")
    model_flops_per_step: float | None = Field(None, description="without recomputation")
    energy_relative_error: float | None = Field(None, description="of energies that are power over time")
    energy_j_to_target: Estimate | None = Field(None, description="of training, evaluations left out")
    cost_per_target: Estimate | None = Field(None, description="of the time to target, at hardware.price_per_hour")
    cost_per_million_samples: Estimate | None = None
    carbon_g_per_target: Estimate | None = Field(None, description="at hardware.carbon_g_per_kwh")
    carbon_g_per_million_samples: Estimate | None = None


def summarize(run: Run) -> Summary:
    """The summary of a run, from its repeats' figures alone."""
    good = measured(run)
    confidence = run.scenario.measure.confidence
    fields: dict[str, Any] = {}
    if good:
        every = [r.figures for r in good if r.figures is not None]
        devices = run.scenario.hardware.devices * run.scenario.hardware.nodes
        fields |= _speed(every, confidence, devices)
        fields["peak_memory_bytes"] = max((f.peak_memory_bytes for f in every if f.peak_memory_bytes), default=None)
        fields |= {name: _plain([getattr(f, name) for f in every], confidence, unit) for name, unit in _PLAIN.items()}
        fields["compression"] = summary_of([r.compression for r in good if r.compression is not None], confidence)
        names = set.intersection(*(set(r.final_metrics) for r in good))
        fields["final_metrics"] = {n: sum(r.final_metrics[n] for r in good) / len(good) for n in sorted(names)}
        fields |= of_efficiency(good, run.scenario, fields["step_s"])
    fields |= _target(run.repeats, confidence)
    fields |= of_costs(run.scenario, reaches(run.repeats), good, fields)
    return Summary.model_validate(fields)


def measured(run: Run) -> list[Repeat]:
    """The repeats whose figures count: those that ended well, or, where there is none, those that were interrupted."""
    good = [r for r in run.repeats if r.outcome is Outcome.OK and r.figures is not None]
    return good or [r for r in run.repeats if r.outcome is Outcome.INTERRUPTED and r.figures is not None]


def reaches(repeats: Sequence[Repeat]) -> list[Reach]:
    """What each repeat says of the target: one that diverged missed it, one that failed otherwise says nothing."""
    return [
        r.reach if r.outcome is Outcome.OK else Reach(reached=False)
        for r in repeats
        if r.reach is not None and r.outcome in (Outcome.OK, Outcome.DIVERGED)
    ]


def _speed(every: Sequence[Figures], confidence: float, devices: int) -> dict[str, Estimate]:
    """Step time and rates; the rates are amounts over the mean step time, so that all of them agree."""
    step_s = _step_s(every, confidence)
    samples = sum(f.samples_per_step for f in every) / len(every)
    rates = {"step_s": step_s, "samples_per_s": step_s.inverse(samples, "samples/s")}
    counted = [f.tokens_per_step for f in every if f.tokens_per_step is not None]
    if len(counted) < len(every):
        return rates
    tokens = step_s.inverse(sum(counted) / len(every), "tokens/s")
    if len(every) > 1:
        spread = of_repeats([c / f.step_s for c, f in zip(counted, every, strict=True)], confidence, "tokens/s")
        tokens = _around(tokens.value, spread)
    return {
        **rates,
        "tokens_per_s": tokens,
        "tokens_per_s_per_device": tokens.scaled(1 / devices, "tokens/s/device"),
    }


def _step_s(every: Sequence[Figures], confidence: float) -> Estimate:
    mean = sum(f.step_s for f in every) / len(every)
    if len(every) > 1:
        return _around(mean, of_repeats([f.step_s for f in every], confidence, "s"))
    half = every[0].step_s_halfwidth
    return of_series(mean, math.inf if half is None else half, confidence, "s")


def _around(value: float, interval: Estimate) -> Estimate:
    """An interval (of the logarithm) with the plain mean as its value."""
    low = value if interval.low is None else min(interval.low, value)
    high = None if interval.high is None else max(interval.high, value)
    return interval.model_copy(update={"value": value, "low": low, "high": high})


def _plain(values: Sequence[float | None], confidence: float, unit: str) -> Estimate | None:
    known = [v for v in values if v is not None]
    if not known:
        return None
    if len(known) == 1:
        return Estimate(value=known[0], low=None, high=None, confidence=confidence, n=1, unit=unit)
    found = of_repeats(known, confidence, unit)
    high = found.high if found.high is None or unit != "fraction" else min(1.0, found.high)
    return found.model_copy(update={"low": max(0.0, found.low or 0.0), "high": high})


def _target(repeats: Sequence[Repeat], confidence: float) -> dict[str, object]:
    counted = reaches(repeats)
    if not counted:
        return {}
    reached = sum(r.reached for r in counted)
    times = [r.time_to_target_s if r.time_to_target_s is not None else math.inf for r in counted]
    steps = [float(r.steps_to_target) if r.steps_to_target is not None else math.inf for r in counted]
    time_s, step = median_with_misses(times, confidence, "s"), median_with_misses(steps, confidence, "steps")
    if len(counted) == 1:
        one = counted[0]
        time_s = _between(one.previous_evaluation_s, time_s, one.crossing_evaluation_s)
        step = _between(one.previous_evaluation_step, step, one.crossing_evaluation_step)
    return {
        "reached_target": reached * 2 > len(counted),
        "reach_rate": reached / len(counted),
        "time_to_target_s": time_s,
        "steps_to_target": step,
    }


def _between(before: float | None, crossing: Estimate | None, seen: float | None) -> Estimate | None:
    """One repeat's crossing: it was somewhere between the evaluation before it and the one that saw it."""
    if crossing is not None and seen is None and before is not None:
        seen = crossing.value
    return crossing and crossing.model_copy(update={"low": before, "high": seen})


def warnings_of(run: Run, summary: Summary) -> tuple[RunWarning, ...]:
    """Every warning of the repeats once, and those that only the whole shows."""
    return (
        *_of_repeats(run.repeats),
        *_of_disturbed(run),
        *_of_threads(run),
        *_of_idle_power(run),
        *_of_step_time(summary.step_s),
        *_of_power(run, summary),
        *_of_whole(run, summary),
    )


def _of_repeats(repeats: Sequence[Repeat]) -> Iterator[RunWarning]:
    """Those of the repeats, each once; what several say in words of their own is told in those of the first."""
    telling: dict[str, list[Repeat]] = {}
    for repeat in repeats:
        for code in {w.code for w in repeat.warnings} & _ALIKE:
            telling.setdefault(code, []).append(repeat)
    for warning in dict.fromkeys(w for repeat in repeats for w in repeat.warnings):
        if warning.code not in telling:
            yield warning
            continue
        first, *more = telling[warning.code]
        if warning in first.warnings:
            others = sum(warning not in repeat.warnings for repeat in more)
            likewise = f" (repeat {first.index}; likewise in {others} more)" if others else ""
            yield warning.model_copy(update={"message": warning.message + likewise})


def _of_step_time(step_s: Estimate | None) -> Iterator[RunWarning]:
    if step_s is None:
        return
    if step_s.n == 1:
        yield RunWarning(
            code="single-repeat",
            message="the interval is the within-run one and says nothing of the spread between processes; use "
            "--repeats 3 or more",
        )
    half = _relative_halfwidth(step_s)
    if half > _NOISY_HALFWIDTH:
        known = f"known to within {half:.0%} only" if half <= 1 else "hardly known at all"
        yield RunWarning(
            code="noisy", message=f"the step time is {known}; more repeats or a quieter machine would help"
        )


def _of_disturbed(run: Run) -> Iterator[RunWarning]:
    """What was measured again, and what counts although it was disturbed."""
    again = {r.index for r in run.set_aside}
    for repeat in (r for r in run.repeats if r.index in again):
        aside = [r for r in run.set_aside if r.index == repeat.index]
        first = min([repeat, *aside], key=lambda r: r.attempt)
        why = "; ".join(first.suspect)
        tried = "once more" if len(aside) == 1 else f"{len(aside)} times more"
        if repeat.suspect:
            told = f"repeat {repeat.index} was disturbed ({why}), and when it was measured {tried}; the last counts"
        else:
            told = f"repeat {repeat.index} was disturbed ({why}) and measured {tried}; the last, undisturbed, counts"
        yield RunWarning(code="suspect", message=f"{told}; all are kept")
    once = [r for r in run.repeats if r.suspect and r.index not in again]
    if once:
        numbers = ", ".join(str(r.index) for r in once)
        which = f"repeat {numbers} was" if len(once) == 1 else f"repeats {numbers} were"
        yield RunWarning(code="suspect", message=f"{which} disturbed, and measured once: {'; '.join(once[0].suspect)}")


def _of_threads(run: Run) -> Iterator[RunWarning]:
    """More threads than CPUs that the run may use."""
    ranks = run.scenario.hardware.devices
    workers = ranks * run.scenario.data.workers
    threads = None if run.machine.threads is None else ranks * run.machine.threads
    usable = min(run.machine.cpus_usable, run.machine.cpu_quota or math.inf)
    on_cpu = any(repeat.facts.get("device") == "cpu" for repeat in run.repeats)
    if threads is None or not on_cpu or threads + workers <= usable:
        return
    told = f"{threads} threads" + (f" and {workers} workers for the data" if workers else "")
    yield RunWarning(
        code="oversubscribed", message=f"{told} share {usable:g} usable CPUs, and wait for each other in every step"
    )


def _of_idle_power(run: Run) -> Iterator[RunWarning]:
    """That the idle power was to be subtracted, and nobody could tell it."""
    figures = [repeat.figures for repeat in measured(run) if repeat.figures is not None]
    if run.scenario.measure.subtract_idle and any(f.idle_power_w is None for f in figures):
        yield RunWarning(
            code="idle-not-subtracted",
            message="measure.subtract_idle is set, and no device in use told its power before the training began: "
            "nothing was subtracted, and the energy is unknown",
        )


def _of_power(run: Run, summary: Summary) -> Iterator[RunWarning]:
    """That `repeats: auto` came to its end before the wanted interval."""
    measure = run.scenario.measure
    judged = summary.step_s if summary.time_to_target_s is None else summary.time_to_target_s
    if measure.repeats != "auto" or judged is None or len(run.repeats) < LOOKS[-1]:
        return
    if _relative_halfwidth(judged) > measure.relative_halfwidth:
        yield RunWarning(
            code="noisy",
            message=f"repeats: auto stopped at its most, {LOOKS[-1]}, before the interval was within "
            f"{measure.relative_halfwidth:.1%} of the value",
        )


def _of_whole(run: Run, summary: Summary) -> Iterator[RunWarning]:
    restless = [r.figures for r in run.repeats if r.outcome is Outcome.OK and r.figures and not r.figures.settled]
    if restless:
        why = dict.fromkeys(told for f in restless if f.unsettled for told in [_why(f.unsettled)])
        told = f": {'; '.join(why)}" if why else ""
        yield RunWarning(
            code="unstable", message=f"the step time did not settle in the warm-up{told}; the mean may still drift"
        )
    if summary.reach_rate is not None and 0 < summary.reach_rate < 1:
        yield RunWarning(
            code="low-reach-rate", message=f"only {summary.reach_rate:.0%} of the repeats reached the target"
        )


def _why(found: Unsettled) -> str:
    """What keeps a step time from settling, in words."""
    change = f"{abs(found.change):.0%}"
    way = "rose" if found.change > 0 else "fell"
    return {
        "trend": f"it {way} steadily, by {change} from the run's first quarter to its last",
        "level-shift": f"it {way} by {change} at once, near step {found.step}",
        "growing-oscillation": f"its swings {'grew' if found.change > 0 else 'shrank'} by {change}",
        "wandering": "it wandered between levels",
        "long-warm-up": "it may have settled, but too late in the run to be sure",
    }[found.kind]


def _relative_halfwidth(estimate: Estimate) -> float:
    """0 where nothing is known of the spread."""
    if estimate.low is None and estimate.high is None:
        return 0.0
    if estimate.low is None or estimate.high is None:
        return math.inf
    return (estimate.high - estimate.low) / 2 / estimate.value
