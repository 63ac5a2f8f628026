"""What holds a step up, in one sentence, and the two levers that are most likely to help: a table of rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from benchbench.record.breakdown import Breakdown, Part
from benchbench.scenario.scenario import Scenario
from benchbench.units import human

Bound = Literal["data", "launch", "memory", "communication", "compute"]


class Suggestion(NamedTuple):
    """A setting that is likely to help.

    Attributes:
        key: dotted.
        value: what to set it to, in words where it is a direction.
        why: in a few words.
    """

    key: str
    value: str
    why: str


class Diagnosis(NamedTuple):
    """What a step waits for.

    Attributes:
        bound: what takes most of it.
        share: of the step, 0 to 1.
        sentence: the same for a reader.
        levers: at most two.
    """

    bound: Bound
    share: float
    sentence: str
    levers: tuple[Suggestion, ...]


_PARTS: dict[Bound, tuple[Part, ...]] = {
    "data": ("data",),
    "launch": ("overhead",),
    "memory": ("elementwise", "optimizer", "copies"),
    "communication": ("communication",),
    "compute": ("matrix-products", "attention"),
}
SENTENCES: dict[Bound, str] = {
    "data": "The step is data-bound: {share} of it waits for batches.",
    "launch": "The step is launch-bound: {share} of it goes into starting operators, not into carrying them out.",
    "memory": "The step is memory-bound: {share} of it moves tensors through operators that hardly compute.",
    "communication": "The step is communication-bound: {share} of it waits for other devices.",
    "compute": "The step is compute-bound: {share} of it is matrix products and attention.",
}

_Rule = tuple[Suggestion, Callable[[Scenario], bool]]
_LARGER = Suggestion("training.global_batch", "a larger one", "more work an operator; check the steps to target")
_WIDER: _Rule = (
    Suggestion("training.micro_batch", "a larger one", "fewer, larger operators for the same global batch"),
    lambda s: isinstance(s.training.micro_batch, int) and s.training.micro_batch < s.training.global_batch,
)
_HALF: _Rule = (
    Suggestion("precision", "bf16", "half the bytes, and faster products where the device has its arithmetic"),
    lambda s: s.precision in ("fp32", "tf32"),
)
_FUSED: _Rule = (
    Suggestion("training.compile", "default", "fuses operators that move the same tensors"),
    lambda s: s.training.compile == "none",
)
_KERNEL: _Rule = (
    Suggestion("training.attention", "sdpa", "does not write the scores to memory"),
    lambda s: s.training.attention == "eager",
)
_KEPT: _Rule = (
    Suggestion("training.activation_checkpointing", "none", "computes no activation twice, if the memory suffices"),
    lambda s: s.training.activation_checkpointing != "none",
)
_BUCKETS: _Rule = (
    Suggestion("data.batching", "bucket", "less padding to compute"),
    lambda s: s.data.batching == "pad" and s.data.source != "synthetic",
)
_ALWAYS: _Rule = (_LARGER, lambda _: True)
# By what is wrong: what helps most stands first; what a scenario has already is passed over.
_RULES: dict[Bound, tuple[_Rule, ...]] = {
    "data": (
        (Suggestion("data.workers", "2", "make batches in other processes"), lambda s: s.data.workers == 0),
        (Suggestion("data.workers", "more", "make more batches at once"), lambda s: s.data.workers > 0),
        (Suggestion("data.prefetch", "4", "make more of them ahead"), lambda s: s.data.prefetch < 4),
        _ALWAYS,
    ),
    "launch": (
        _WIDER,
        (
            Suggestion("training.compile", "reduce-overhead", "starts many operators as one, where shapes are fixed"),
            lambda s: s.training.compile == "none",
        ),
        _ALWAYS,
        _KERNEL,
    ),
    "memory": (_FUSED, _HALF, _KERNEL, _KEPT, _WIDER, _ALWAYS),
    "communication": (
        (
            Suggestion("parallelism.communication", "bf16", "half the bytes of gradients"),
            lambda s: s.parallelism.communication == "none",
        ),
        (
            Suggestion("parallelism.local_sgd", "8", "average parameters less often; check the steps to target"),
            lambda s: s.parallelism.local_sgd == 1,
        ),
        _ALWAYS,
    ),
    "compute": (_HALF, _KEPT, _BUCKETS, _KERNEL, _FUSED, _ALWAYS),
}


def suggestions(bound: Bound) -> tuple[Suggestion, ...]:
    """Everything that may help against a bound, whatever the scenario."""
    return tuple(suggestion for suggestion, _ in _RULES[bound])


def diagnose(breakdown: Breakdown, scenario: Scenario) -> Diagnosis:
    """What takes most of a step, and what to try.

    Args:
        breakdown: of profiled steps.
        scenario: what was trained: a lever that it pulls already is not suggested.
    """
    shares: Mapping[Bound, float] = {bound: breakdown.share(*parts) for bound, parts in _PARTS.items()}
    bound = max(shares, key=lambda name: shares[name])
    levers = [suggestion for suggestion, applies in _RULES[bound] if applies(scenario)]
    sentence = SENTENCES[bound].format(share=human(shares[bound], "%", 2))
    return Diagnosis(bound, shares[bound], sentence, tuple(levers[:2]))
