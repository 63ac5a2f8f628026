"""The search space of a scenario that gives none: what is worth trying here, and why."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from benchbench.errors import InputError
from benchbench.executors.memory_room import on_gpu
from benchbench.record.machine import Machine
from benchbench.scenario.engines import value_at
from benchbench.scenario.knobs import Factor, knobs_of
from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.search_types import Range
from benchbench.tuning.legal import Judge, impossible, usable
from benchbench.tuning.space import Scalar, plain, space_of

_BATCHES = (0.25, 0.5, 1.0, 2.0, 4.0)  # times the scenario's own
_RATES = 10.0  # times the scenario's own learning rate, up and down
_BY_THE_BATCH = ("sgd", "momentum")  # their best rate grows with the batch, that of the others with its root
_COMPILERS = ("g++", "c++", "clang++", "cl")
_MANY_CPUS = 8


class Derived(NamedTuple):
    """One axis: its key, its values, why they are worth trying, and what they move."""

    key: str
    values: tuple[Scalar, ...] | Range
    why: str
    moves: Factor


def derived(
    scenario: Scenario,
    machine: Machine,
    admit: Callable[[Scenario], None],
    judge: Judge | None = None,
    *,
    trains: bool,
) -> tuple[Derived, ...]:
    """The axes worth searching for a scenario on a machine; each begins with what is run today.

    Args:
        scenario: with a model and no `search.space`.
        machine: where it runs.
        admit: raises InputError for a scenario that cannot run here; what it refuses of a value alone is left out.
        judge: what the trainer's libraries say of scenarios; a value that they refuse in every way is left out.
        trains: whether a target is trained for; else what moves only the steps to it is left out.

    Raises:
        InputError: nothing can be varied here.
    """
    today = vary(scenario, dict(scenario.search.baseline))
    factors = {knob.key: knob.moves for knob in knobs_of(Scenario)}
    found: list[Derived] = []
    for key, values, why in _offers(today, machine):
        if factors[key] is Factor.STEPS and not trains:
            continue
        kept = values if isinstance(values, Range) else _possible(today, key, values, admit)
        if isinstance(kept, Range) or len(kept) > 1:
            found.append(Derived(key, kept, why, factors[key]))
    if judge is not None and found:
        space = space_of(with_space(scenario, found))
        left = usable(space, impossible(scenario, space, admit, judge))
        found = [axis._replace(values=left.get(axis.key, axis.values)) for axis in found]
        found = [axis for axis in found if isinstance(axis.values, Range) or len(axis.values) > 1]
    if not found:
        raise InputError(
            "the scenario has no search.space, and nothing that could be varied here was found; write one",
            key="search.space",
        )
    return tuple(found)


def with_space(scenario: Scenario, axes: Sequence[Derived]) -> Scenario:
    """The scenario with a derived space."""
    space = {a.key: a.values.model_dump() if isinstance(a.values, Range) else a.values for a in axes}
    return vary(scenario, {"search.space": space})


def _offers(today: Scenario, machine: Machine) -> Iterator[tuple[str, tuple[Scalar, ...] | Range, str]]:
    """Keys with their values and the reason for them, whether or not they can be had."""
    gpu, training = on_gpu(today, machine), today.training
    precisions = ("fp32", "tf32", "bf16", "fp16", "fp8") if gpu else ("fp32", "bf16")
    yield "precision", precisions, "narrower numbers are computed and moved faster where the device has them"
    batch = training.global_batch
    batches = tuple(round(batch * factor) for factor in _BATCHES if (batch * factor).is_integer())
    yield "training.global_batch", batches, "larger fills the device, smaller takes fewer samples to the target"
    micro = tuple(size for size in (batch // 4, batch // 2) if size)
    yield "training.micro_batch", ("auto", *micro), "auto is the largest that fits; a smaller one may suit the caches"
    modes = ("none", "default", "reduce-overhead") if gpu else ("none", "default")
    if gpu or any(shutil.which(name) for name in _COMPILERS):
        yield "training.compile", modes, "a compiled model moves less memory, once it has paid for its compilation"
    yield (
        "training.attention",
        ("auto", "eager", "flash"),
        "auto is the family's own; which is fastest depends on length",
    )
    ways = ("none", "selective", "full")
    yield "training.activation_checkpointing", ways, "less memory for more computation, so that larger batches fit"
    if today.data.source != "synthetic" or today.data.lengths is not None:
        yield "data.batching", ("pad", "bucket", "pack"), "rows of unlike length: less padding is computed"
    cpus = machine.cpus_usable
    if cpus > 1:
        workers = (0, 2, 4) if cpus >= _MANY_CPUS else (0, 1)
        yield "data.workers", workers, f"batches made beside the training, on one of {cpus} CPUs"
    if not gpu:
        threads = (None, *sorted({1, cpus // 2, cpus} - {0}))
        yield "hardware.threads", threads, f"of {cpus} CPUs; small products do not pay for more threads"
    yield "training.optimizer.learning_rate", _rates(today, batches), _rates_why(today)
    yield (
        "training.schedule.name",
        ("linear", "cosine", "constant"),
        "how much is learned early, and how late it settles",
    )
    if today.model is not None and today.model.pretrained is not None:
        yield "training.adapter", ("none", "lora"), "trained weights need small changes alone (Hu et al. 2021)"
    yield from _offers_of_ranks(today)


def _offers_of_ranks(today: Scenario) -> Iterator[tuple[str, tuple[Scalar, ...], str]]:
    """What several devices can divide, and how they talk; nothing where there is one."""
    world = today.hardware.devices * today.hardware.nodes
    if world == 1:
        return
    shards = ("none", "zero1", "zero2", "zero3")
    yield "parallelism.shard", shards, "what the devices divide, so that larger batches fit"
    if today.parallelism.data == "auto":  # then it gives way
        degrees = tuple(degree for degree in range(1, today.hardware.devices + 1) if world % degree == 0)
        yield "parallelism.tensor", degrees, "devices that divide each matrix, where a replica is slow or does not fit"
    hooks = ("none", "bf16", "powersgd")
    yield "parallelism.communication", hooks, "fewer bytes on the way, where the devices wait for each other"
    yield "parallelism.bucket_mib", (25.0, 1.0, 100.0), "small buckets leave early, large ones cost fewer messages"


def _rates(today: Scenario, batches: tuple[int, ...]) -> Range:
    """Around the scenario's own rate, as far as its best moves with the batches.

    It grows with the batch for plain gradients (Goyal et al. 2017), with its root for Adam and its kin (Malladi et al.
    2022, "On the SDEs and Scaling Rules for Adaptive Gradient Algorithms").
    """
    rate, power = today.training.optimizer.learning_rate, _power(today)
    factors = [(size / today.training.global_batch) ** power for size in batches]
    low, high = rate / _RATES * min(factors), rate * _RATES * max(factors)
    return Range(low=_rounded(low), high=_rounded(high), log=True)


def _power(today: Scenario) -> float:
    return 1.0 if today.training.optimizer.name in _BY_THE_BATCH else 0.5


def _rates_why(today: Scenario) -> str:
    grows = "the batch" if _power(today) == 1.0 else "the root of the batch"
    return f"ten times around today's; the best grows with {grows}, so the range is as much wider as the batches are"


def _rounded(value: float) -> float:
    """To two digits."""
    return float(f"{value:.1e}") if math.isfinite(value) else value


def _possible(
    today: Scenario, key: str, values: tuple[Scalar, ...], admit: Callable[[Scenario], None]
) -> tuple[Scalar, ...]:
    """Today's value, then those that can be had, each once."""
    own = plain(value_at(today, key))
    others = (value for value in values if value != own and _admitted(today, {key: value}, admit))
    return (own, *others)


def _admitted(today: Scenario, change: dict[str, Any], admit: Callable[[Scenario], None]) -> bool:
    """Whether a value can be had; a batch is, whatever micro-batch today's has."""
    if "training.global_batch" in change:
        change = {**change, "training.micro_batch": "auto"}
    try:
        admit(vary(today, change))
    except InputError:
        return False
    return True
