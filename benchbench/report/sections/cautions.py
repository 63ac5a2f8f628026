"""The warnings in words, each with what to do about it."""

from __future__ import annotations

from benchbench.report.content import Callout, Section
from benchbench.report.language import tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import AnySubject, ComparisonSubject, HistorySubject, RunSubject, StudySubject
from benchbench.report.wording import sentences

TITLE = tr("Read with care")
_MOST = 40

_HEADINGS = {
    "single-repeat": tr("One repeat only"),
    "noisy": tr("Noisy"),
    "unstable": tr("Not settled"),
    "suspect": tr("Suspect numbers"),
    "throttled": tr("Throttled"),
    "foreign-process": tr("Not alone on the device"),
    "oversubscribed": tr("Too many threads"),
    "swapping": tr("Swapping"),
    "device-lost": tr("A device was lost"),
    "telemetry-missing": tr("No telemetry"),
    "clock-jump": tr("The clock jumped"),
    "suspended": tr("Stopped for a while"),
    "thermal-drift": tr("Warmer and slower"),
    "recompiled": tr("Recompiled in mid-run"),
    "target-at-plateau": tr("The target sits on the plateau"),
    "low-reach-rate": tr("Not every repeat reaches the target"),
    "emulated-precision": tr("The precision is emulated"),
    "storage-bound": tr("Storage took longer than training"),
    "micro-batch-lowered": tr("A smaller micro-batch than thought"),
    "idle-not-subtracted": tr("Idle power unknown"),
    "resumed": tr("Stopped and gone on with"),
    "baseline-refused": tr("The baseline could not be measured"),
    "does-not-fit": tr("One training does not fit into the budget"),
    "fragile": tr("Fast at this learning rate alone"),
}
_ADVICE = {
    "unstable": tr("Set measure.warmup to more steps, or measure.steps to a longer run."),
    "throttled": tr("Let the device cool, raise its power limit or fix its clocks, and measure again."),
    "foreign-process": tr("End the other processes, or choose another device, and measure again."),
    "oversubscribed": tr("Lower hardware.threads or data.workers until they fit the usable CPUs."),
    "swapping": tr("Lower training.micro_batch or free memory; what swaps is not measured."),
    "device-lost": tr("Look into the system's log (dmesg) for the device, and measure again."),
    "telemetry-missing": tr("Run benchbench doctor: it names what telemetry lacks here and how to add it."),
    "idle-not-subtracted": tr("Run benchbench doctor: it names what would tell the power here; or leave the key out."),
    "suspended": tr("Nothing of the run should be stopped, nor the machine put to sleep, while it is measured."),
    "thermal-drift": tr("Warm the device up for longer (measure.warmup), or cool it better."),
    "recompiled": tr("Keep shapes fixed (data.batching: pack, or fixed-length rows), or set training.compile to none."),
    "target-at-plateau": tr("Put the target 2 to 4 points below the plateau: there, reaching it is no lottery."),
    "low-reach-rate": tr("Lower the target or allow more steps, before times to it are compared."),
    "emulated-precision": tr("Measure this precision on a device that has its arithmetic."),
    "storage-bound": tr("Copy the data to a local disk, or train for longer."),
    "does-not-fit": tr("Give a larger --budget, or compare setups under an easier search.proxy."),
    "fragile": tr("Keep to this very rate, or search for longer: a setup whose neighbours are fast too is safer."),
    "micro-batch-lowered": tr("Set training.micro_batch to it, so that no run needs to try."),
}


def render(subject: AnySubject) -> Section | None:
    """One callout a warning."""
    found = subject.warnings
    if not found:
        return None
    blocks = [
        Callout(
            tone="warning",
            title=_HEADINGS.get(warning.code, warning.code),
            text=sentences([_sentence(warning.message), _ADVICE.get(warning.code, "")]),
        )
        for warning in found[:_MOST]
    ]
    if len(found) > _MOST:
        blocks.append(
            Callout(
                tone="warning", title=tr("{count} more", count=len(found) - _MOST), text=tr("They stand in the record.")
            )
        )
    return Section(title=TITLE, blocks=tuple(blocks))


def _sentence(message: str) -> str:
    """The message as a sentence; a name that stands first (`cuda:1`) stays as it is."""
    text = message.strip()
    if not text:
        return ""
    first = text.split(None, 1)[0]
    begin = text[0].upper() + text[1:] if first.isalpha() else text
    return begin + ("" if text[-1] in ".!?" else ".")


PLUGIN = Plugin(
    title=TITLE,
    order=20,
    takes=(RunSubject, StudySubject, ComparisonSubject, HistorySubject),
    render=render,
    brief=True,
)
