"""What a repeat's data cost before the first step, and whether storage was what it mostly waited for."""

from __future__ import annotations

from collections.abc import Mapping

from benchbench.record.types import RunWarning

PARTS = ("storage", "decode", "clean", "tokenize")
_TRAINING = ("measure", "train")
_WORTH_SAYING_S = 1.0


def data_costs(facts: Mapping[str, object]) -> dict[str, float]:
    """Seconds that each part of the preparation took, as far as the trainer reports them."""
    found = {part: facts.get(f"data_{part}_s") for part in PARTS}
    return {part: float(seconds) for part, seconds in found.items() if isinstance(seconds, (int, float))}


def data_warnings(facts: Mapping[str, object], phases_s: Mapping[str, float]) -> tuple[RunWarning, ...]:
    """A warning where the wait for storage, a second or more, was longer than every other part and than the training.

    Args:
        facts: what the trainer reports of itself.
        phases_s: seconds in each phase.
    """
    costs = data_costs(facts)
    storage_s = costs.pop("storage", 0.0)
    training_s = sum(phases_s.get(phase, 0.0) for phase in _TRAINING)
    if storage_s < _WORTH_SAYING_S or storage_s <= max((training_s, *costs.values())):
        return ()
    message = (
        f"the data was waited for {storage_s:.1f} s at its storage, longer than the training took ({training_s:.1f} s) "
        "and than everything else done to the data; copy the file to a local disk, or train for longer"
    )
    return (RunWarning(code="storage-bound", message=message),)
