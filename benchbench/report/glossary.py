"""What the terms of a page mean, in a sentence each: shown beside a term, and listed at the end of the page."""

from __future__ import annotations

import re
from collections.abc import Iterable

from benchbench.report.language import tr

TERMS: dict[str, str] = {
    tr("step time"): tr("The mean time of one optimizer step over the measured steps, stalls included."),
    tr("a step"): tr("The mean time of one optimizer step over the measured steps, stalls included."),
    tr("throughput"): tr("Samples (sequences) a second over all devices, in the measured steps."),
    tr("tokens"): tr("Tokens a second over all devices, padding left out."),
    tr("tokens per device"): tr("Tokens a second and device, padding left out."),
    tr("time to target"): tr(
        "Training time from the start of the first step to the crossing of the target: warm-up, compilation and "
        "data waits are inside; process start, evaluations and checkpoints are outside. A repeat that misses "
        "counts as infinite, and the median is given."
    ),
    tr("steps to target"): tr("Optimizer steps to the crossing of the target."),
    tr("reached"): tr("The share of repeats that reached the target."),
    tr("peak memory"): tr("The largest peak over the devices; on a CPU that of the process tree on the host."),
    tr("utilization"): tr("The share of the time in which a device was at work, or of the CPUs that the run used."),
    tr("model FLOP/s utilization"): tr(
        "MFU: the model's arithmetic a second, recomputation left out, over the datasheet's peak."
    ),
    tr("share of the datasheet's peak (MFU)"): tr(
        "MFU: the model's arithmetic a second, recomputation left out, over the datasheet's peak."
    ),
    tr("share of the measured peak"): tr(
        "The model's arithmetic a second over the best that a probe reached on this very device."
    ),
    tr("power"): tr("The mean power drawn by the devices in use during the measured steps."),
    tr("energy per sample"): tr("Energy of the devices in use in the measured steps, over the samples in them."),
    tr("waiting for data"): tr("The share of the step time in which the trainer waits for its next batch."),
    tr("communication"): tr("The share of the step time that waits for other devices, not hidden by computation."),
    tr("arithmetic intensity"): tr(
        "Floating-point operations for each byte moved to or from memory. Below the balance, memory limits."
    ),
    tr("the machine's balance"): tr(
        "The arithmetic intensity at which the device's arithmetic and its memory take equally long."
    ),
    tr("speedup"): tr("The baseline's time over that of the recommendation: above 1 the recommendation is faster."),
    tr("predicted time to target"): tr(
        "What the search's model expected before the setup was confirmed in fresh processes."
    ),
    tr("trial"): tr("One setup that the search measured, or tried to."),
    tr("lever"): tr("Where a setting acts: hardware, software or algorithm."),
    tr("repeat"): tr("A fresh process with a seed of its own; intervals come from the repeats."),
    tr("ratio over A"): tr("The metric of a run over that of the first run, A."),
    tr("95th percentile"): tr("95 of 100 measured steps were at most this long."),
    tr("99th percentile"): tr("99 of 100 measured steps were at most this long."),
    tr("outcome"): tr(
        "ok; refused (not run, for a reason); oom (out of memory); timeout; crashed; diverged; interrupted; invalid."
    ),
    tr("pays after"): tr("The number of trainings after which the search has saved what it cost."),
    tr("saved a training"): tr("The baseline's time to the target less that of the recommendation."),
    tr("compilation"): tr("The time that torch.compile took; a part of the time to target."),
}


def definition(term: str) -> str:
    """What a term means; empty for a word that is none."""
    return TERMS.get(term, "")


def anchor(term: str) -> str:
    """The id of a term's definition on a page; empty for a word that is none."""
    return "term-" + re.sub(r"[^a-z0-9]+", "-", term.lower()).strip("-") if term in TERMS else ""


def used(labels: Iterable[str]) -> list[str]:
    """The terms among some labels, each once, in the glossary's order."""
    found = set(labels)
    return [term for term in TERMS if term in found]
