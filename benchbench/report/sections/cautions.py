"""The warnings in words, each with what to do about it."""

from __future__ import annotations

from benchbench.report.content import Callout, Section
from benchbench.report.plugins import Plugin
from benchbench.report.subject import AnySubject, ComparisonSubject, HistorySubject, RunSubject, StudySubject

TITLE = "Read with care"
_MOST = 40

_HEADINGS = {
    "single-repeat": "One repeat only",
    "noisy": "Noisy",
    "unstable": "Not settled",
    "suspect": "Suspect numbers",
    "throttled": "Throttled",
    "foreign-process": "Not alone on the device",
    "oversubscribed": "Too many threads",
    "swapping": "Swapping",
    "device-lost": "A device was lost",
    "telemetry-missing": "No telemetry",
    "clock-jump": "The clock jumped",
    "suspended": "Stopped for a while",
    "thermal-drift": "Warmer and slower",
    "recompiled": "Recompiled in mid-run",
    "target-at-plateau": "The target sits on the plateau",
    "low-reach-rate": "Not every repeat reaches the target",
    "emulated-precision": "The precision is emulated",
    "storage-bound": "Storage took longer than training",
    "micro-batch-lowered": "A smaller micro-batch than thought",
    "idle-not-subtracted": "Idle power unknown",
    "resumed": "Stopped and gone on with",
    "baseline-refused": "The baseline could not be measured",
    "does-not-fit": "One training does not fit into the budget",
}
_ADVICE = {
    "unstable": "Set measure.warmup to more steps, or measure.steps to a longer run.",
    "throttled": "Let the device cool, raise its power limit or fix its clocks, and measure again.",
    "foreign-process": "End the other processes, or choose another device, and measure again.",
    "oversubscribed": "Lower hardware.threads or data.workers until they fit the usable CPUs.",
    "swapping": "Lower training.micro_batch or free memory; what swaps is not measured.",
    "device-lost": "Look into the system's log (dmesg) for the device, and measure again.",
    "telemetry-missing": "Run benchbench doctor: it names what telemetry lacks here and how to add it.",
    "idle-not-subtracted": "Run benchbench doctor: it names what would tell the power here; or leave the key out.",
    "suspended": "Nothing of the run should be stopped, nor the machine put to sleep, while it is measured.",
    "thermal-drift": "Warm the device up for longer (measure.warmup), or cool it better.",
    "recompiled": "Keep shapes fixed (data.batching: pack, or fixed-length rows), or set training.compile to none.",
    "target-at-plateau": "Put the target 2 to 4 points below the plateau: there, reaching it is no lottery.",
    "low-reach-rate": "Lower the target or allow more steps, before times to it are compared.",
    "emulated-precision": "Measure this precision on a device that has its arithmetic.",
    "storage-bound": "Copy the data to a local disk, or train for longer.",
    "does-not-fit": "Give a larger --budget, or compare setups under an easier search.proxy.",
    "micro-batch-lowered": "Set training.micro_batch to it, so that no run needs to try.",
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
            text=" ".join([_sentence(warning.message), _ADVICE.get(warning.code, "")]).strip(),
        )
        for warning in found[:_MOST]
    ]
    if len(found) > _MOST:
        blocks.append(Callout(tone="warning", title=f"{len(found) - _MOST} more", text="They stand in the record."))
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
