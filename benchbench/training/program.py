"""Builds what a scenario asks for and runs it."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchbench.scenario.scenario import Scenario
from benchbench.training import assembly, attention, effect, precision, procedures, resuming
from benchbench.training.aside import Aside
from benchbench.training.data_news import data_news
from benchbench.training.events import Events
from benchbench.training.examination import examine
from benchbench.training.group import Group, join
from benchbench.training.keeping import Keeper
from benchbench.training.loop import Loop, Parts
from benchbench.training.noise_scale import NoiseScale
from benchbench.training.ranks import Rank, marker
from benchbench.training.shape import peak_resident_bytes
from benchbench.workload import pretrained
from benchbench.workload.batches import EVALUATION_BATCH, held_out, label_counts
from benchbench.workload.preparing import Prepared

_MARGIN_S = 10.0  # before the hard deadline, beyond which nothing is looked at any more


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the parent allows, in seconds: `timeout_s` of wall time, `deadline_s` of training time.

    With `longest_rows` nothing but the longest rows is trained on, to learn what memory the worst batch takes. With
    `test_split` the trained model is scored once on the rows that nothing has looked at, and a claim is confirmed: no
    curve ends it then. Checkpoints, where the
    scenario wants some, go into the folder `checkpoints`. `examine_s` is what steps may take that look into the
    training once it is measured (see `examination`). A probe whose steps take longer than `too_slow_s` is given up.
    """

    timeout_s: float
    deadline_s: float
    longest_rows: bool = False
    test_split: bool = False
    checkpoints: Path | None = None
    examine_s: float = 0.0
    too_slow_s: float = math.inf


def run(scenario: Scenario, events: Events, limits: Limits, rank: Rank | None = None) -> Loop:
    """Carries out a scenario, reporting all of it as events.

    Args:
        scenario: what to carry out.
        events: where they go.
        limits: what the parent allows.
        rank: which of several processes that train together this is; None where it trains alone.

    Returns:
        What trained. A rank holds on to it until it exits: torch's collectives cannot always be taken down in order.

    Raises:
        ScenarioError: the scenario asks for what its own parts cannot give.
        UnsupportedError: this machine lacks what it asks for.
        DivergedError: the loss is no longer finite.
    """
    assert (rank is None) == (scenario.plan.world == 1)
    end_s = time.monotonic() + limits.timeout_s
    device = _device(scenario, rank)
    if scenario.hardware.threads is not None:
        torch.set_num_threads(scenario.hardware.threads)
    group = None if rank is None else join(rank, device, limits.timeout_s)
    events.emit("phase", name="data")
    prepared = _data(scenario, events, group)
    if limits.longest_rows:
        prepared = _longest(prepared, scenario.training.global_batch)
    events.emit("phase", name="model")
    loop = assembly.assemble(scenario, prepared, device, events, group)
    emulation = precision.emulation(scenario.precision, device)
    if emulation is not None:
        events.emit("warning", code="emulated-precision", message=emulation)
    if group is not None:
        assert loop.parts.spread is not None
        loop.parts.spread.marker = marker(group.rank)
    events.emit("ready", **_facts(scenario, prepared, loop.parts), **_of_ranks(loop.parts, events))
    with contextlib.closing(loop.parts.batches):
        _carry_out(scenario, prepared, loop, events, limits, end_s)
    if group is not None:
        group.wait()
    return loop


def _device(scenario: Scenario, rank: Rank | None) -> torch.device:
    device = assembly.choose_device(scenario.hardware.device)
    if rank is not None and device.type == "cuda":
        device = torch.device("cuda", rank.local)
        torch.cuda.set_device(device)
    return device


def _data(scenario: Scenario, events: Events, group: Group | None) -> Prepared:
    """The rows; of several ranks the first prepares them, and the others find them in the cache."""
    first = group is None or group.rank.index == 0
    if not first:
        group.wait()  # type: ignore[union-attr]
    prepared = assembly.load_data(scenario, data_news(events))
    if first and group is not None:
        group.wait()
    return prepared


def _of_ranks(parts: Parts, events: Events) -> dict[str, object]:
    """What an event tells of this rank, and the first word of all of them."""
    spread = parts.spread
    if spread is None:
        return {}
    cuda = parts.device.type == "cuda"
    cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    mine = {
        "rank": spread.group.rank.index,
        "device": str(parts.device),
        "device_uuid": f"GPU-{torch.cuda.get_device_properties().uuid}" if cuda else None,
        "cpus": cpus,
        "threads": torch.get_num_threads(),
    }
    events.emit("rank", **mine)
    uuids = [one["device_uuid"] for one in spread.group.objects(mine)]
    return {"ranks": spread.group.rank.world, **({"device_uuids": uuids} if cuda else {})}


def _carry_out(
    scenario: Scenario, prepared: Prepared, loop: Loop, events: Events, limits: Limits, end_s: float
) -> None:
    """The procedure, and what is known once it is over."""
    device = loop.parts.device
    metrics: dict[str, float] = {}
    validation = None
    if scenario.measure.procedure == "throughput":
        procedures.throughput(loop, scenario, events, limits.timeout_s, limits.too_slow_s)
    else:
        rows = min(EVALUATION_BATCH, 2 * loop.parts.batches.micro_batch)  # no gradients: less than a step's memory
        validation = held_out(prepared.validation, prepared.encoding, device, rows)
        aside = _aside(scenario, prepared, loop, events, limits)
        metrics |= procedures.time_to_target(
            loop, scenario, events, validation, limits.deadline_s, aside, by_curve=not limits.test_split
        )
        if limits.test_split and len(prepared.test):
            test = held_out(prepared.test, prepared.encoding, device, rows)
            metrics |= {f"test_{name}": value for name, value in procedures.on_test_split(loop, events, test).items()}
    memory, seen = _memory(device), _seen(loop.parts)
    if loop.parts.compressor is not None:
        with loop.parts.compiler.plain():
            effect.report(loop, events, prepared, metrics, validation)
    if not limits.longest_rows:
        seen |= examine(scenario, loop, events, min(limits.examine_s, end_s - time.monotonic() - _MARGIN_S))
    final = {"train_loss": loop.last_loss, **metrics}
    known = {name: value if math.isfinite(value) else None for name, value in final.items()}
    events.emit("done", final_metrics=known, micro_batch=loop.parts.batches.micro_batch, **seen, **memory)


def _aside(scenario: Scenario, prepared: Prepared, loop: Loop, events: Events, limits: Limits) -> Aside:
    """What is done beside a training to a target, which goes on from a checkpoint if the scenario names one."""
    training = scenario.training
    earlier: list[Mapping[str, Any]] = []
    if training.resume is not None:
        earlier = resuming.resume(Path(training.resume), loop, scenario, prepared)
        told = (
            f"the training went on from the checkpoint of step {loop.steps_taken}: the training time before it counts, "
            "and so does warming up twice; telemetry and the figures of a step are of the steps after it"
        )
        events.emit("warning", code="resumed", message=told)
    several = training.global_batch > 1 and loop.parts.spread is None
    return Aside(
        noise_scale=NoiseScale(loop, oversample=scenario.data.balance == "oversample") if several else None,
        keeper=Keeper(limits.checkpoints, loop, scenario, prepared)
        if training.checkpoint_every is not None and limits.checkpoints is not None
        else None,
        earlier=tuple(earlier),
    )


def _longest(prepared: Prepared, rows: int) -> Prepared:
    """The training split with its longest rows alone."""
    train = prepared.train
    order = np.argsort(train.lengths, kind="stable")[-rows:]
    return replace(prepared, train=train.take(order.astype(np.int64)))


def _seen(parts: Parts) -> dict[str, str | float]:
    """What is known of the levers once everything is measured, and not before."""
    found: dict[str, str | float] = {}
    reason = parts.compiler.close()
    if reason is not None:
        found["recompile_reason"] = reason
    if parts.arithmetic.scaler is not None:
        found["loss_scale"] = parts.arithmetic.scaler.get_scale()
    with contextlib.suppress(RuntimeError):  # one more forward pass may be one too many for the memory
        found["attention_kernel"] = attention.kernel(parts, parts.batches.recipe.batch(0)[0])
    return found


def _facts(scenario: Scenario, prepared: Prepared, parts: Parts) -> dict[str, str | int | float | bool | None]:
    cuda = parts.device.type == "cuda"
    model, micro_batch = parts.model, parts.batches.micro_batch
    config = getattr(model, "config", None)
    assert scenario.model is not None
    trained = pretrained.find(scenario.model)
    return {
        "device": parts.device.type,
        "device_name": torch.cuda.get_device_name() if cuda else None,
        "device_uuid": f"GPU-{torch.cuda.get_device_properties().uuid}" if cuda else None,
        "cuda": torch.version.cuda,
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "interop_threads": torch.get_num_interop_threads(),
        "parameters": sum(p.numel() for p in model.parameters()),
        "trainable_parameters": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "attention": getattr(config, "_attn_implementation", None),
        "micro_batch": micro_batch,
        "accumulation": scenario.training.global_batch // scenario.plan.data // micro_batch,
        "labels": len(prepared.encoding.labels),
        "train_rows": len(prepared.train),
        "validation_rows": len(prepared.validation),
        "validation_labels": max(label_counts(prepared.validation).values(), default=0),
        "test_rows": len(prepared.test),
        "vocabulary": prepared.encoding.vocabulary.size,
        "model_revision": None if trained is None else trained.revision,
        "data_fingerprint": prepared.fingerprint,
        "data_licence": prepared.licence,
        "data_cached": prepared.cached,
        **{f"data_{part}_s": seconds for part, seconds in prepared.costs.seconds.items()},
        **{f"data_removed_{why}": rows for why, rows in prepared.removed.items()},
    }


def _memory(device: torch.device) -> dict[str, int]:
    resident = {"peak_resident_bytes": peak_resident_bytes()}
    if device.type != "cuda":
        return resident
    return resident | {
        "peak_allocated_bytes": torch.cuda.max_memory_allocated(),
        "peak_reserved_bytes": torch.cuda.max_memory_reserved(),
    }
