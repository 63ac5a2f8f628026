"""Builds what a scenario asks for and runs it."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch

from benchbench import registry
from benchbench.errors import ScenarioError, UnsupportedError
from benchbench.scenario.scenario import Scenario
from benchbench.training import optimizers, precision, procedures
from benchbench.training.clock import clock_for
from benchbench.training.events import Events
from benchbench.training.loop import Loop, Parts
from benchbench.workload import models
from benchbench.workload.batches import MicroBatches, held_out
from benchbench.workload.source import Prepared, Source
from benchbench.workload.task import Task


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the parent allows, in seconds: `timeout_s` of wall time, `deadline_s` of training time."""

    timeout_s: float
    deadline_s: float


def run(scenario: Scenario, events: Events, limits: Limits) -> None:
    """Carries out a scenario, reporting all of it as events.

    Raises:
        ScenarioError: the scenario asks for what its own parts cannot give.
        UnsupportedError: this machine lacks what it asks for.
        DivergedError: the loss is no longer finite.
    """
    device = choose_device(scenario.hardware.device)
    if scenario.hardware.threads is not None:
        torch.set_num_threads(scenario.hardware.threads)
    events.emit("phase", name="data")
    prepared = load_data(scenario)
    events.emit("phase", name="model")
    loop = assemble(scenario, prepared, device, events)
    events.emit("ready", **_facts(scenario, prepared, loop.parts))
    metrics: dict[str, float] = {}
    if scenario.measure.procedure == "throughput":
        procedures.throughput(loop, scenario, events, limits.timeout_s)
    else:
        validation = held_out(prepared.validation, prepared.pad_id)
        metrics |= procedures.time_to_target(loop, scenario, events, validation, limits.deadline_s)
    final = {"train_loss": loop.last_loss, **metrics}
    known = {name: value if math.isfinite(value) else None for name, value in final.items()}
    events.emit("done", final_metrics=known, micro_batch=loop.parts.batches.micro_batch, **_memory(device))


def load_data(scenario: Scenario) -> Prepared:
    """The rows that a scenario trains on and is judged by.

    Raises:
        ScenarioError: the model has no room for a vocabulary, or is of no known family.
    """
    assert scenario.model is not None
    source = cast(Source, registry.load(registry.SOURCES, scenario.data.source))
    return source.prepare(scenario.data, int(models.configuration(scenario.model, None, 2).vocab_size))


def assemble(scenario: Scenario, prepared: Prepared, device: torch.device, events: Events) -> Loop:
    """The measured loop of a scenario, its weights drawn and on the device, not yet started.

    Raises:
        ScenarioError: the model is none, or has fewer positions than a row has tokens.
        UnsupportedError: the device or the family lacks what is asked for.
    """
    assert scenario.task is not None
    training = scenario.training
    autocast = precision.autocast(scenario.precision, device)
    task = cast(Task, registry.load(registry.TASKS, scenario.task))
    model = build_model(scenario, task, prepared).to(device)
    batches = MicroBatches(
        prepared.train,
        prepared.pad_id,
        global_batch=training.global_batch,
        micro_batch=None if training.micro_batch == "auto" else training.micro_batch,
        seed=training.seed,
        pin=device.type == "cuda",
    )
    parts = Parts(
        model=model,
        task=task,
        optimizer=optimizers.build(training.optimizer, model, device),
        batches=batches,
        device=device,
        autocast=autocast,
        training=training,
    )
    return Loop(parts, clock_for(device), events)


def choose_device(wanted: str) -> torch.device:
    """The device of a scenario; `auto` takes the fastest that is there.

    Raises:
        UnsupportedError: the one that was asked for is not.
    """
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        wanted = next(name for name, here in there.items() if here)
    if not there[wanted]:
        raise UnsupportedError(f"{wanted} is not to be had here; use device: auto or cpu", key="hardware.device")
    return torch.device(wanted)


def build_model(scenario: Scenario, task: Task, prepared: Prepared) -> torch.nn.Module:
    """The model of a scenario, its weights drawn from the scenario's seed, on torch's default device.

    Raises:
        ScenarioError: the model is none, or has fewer positions than a row has tokens.
        UnsupportedError: the family lacks what is asked for.
    """
    seed = scenario.training.seed
    random.seed(seed)
    np.random.seed(seed)  # libraries below may draw from it
    torch.manual_seed(seed)
    assert scenario.model is not None
    config = models.configuration(scenario.model, scenario.training.dropout, len(prepared.labels))
    model = models.build(config, task.head, scenario.training.attention)
    limit = models.longest_row(model)
    longest = max(int(np.diff(split.offsets).max()) for split in (prepared.train, prepared.validation))
    if limit is not None and longest > limit:
        raise ScenarioError(
            f"a row has {longest} tokens, but the model has {limit} positions; set data.sequence_length to at most "
            f"{limit}",
            key="data.sequence_length",
        )
    return model


def _facts(scenario: Scenario, prepared: Prepared, parts: Parts) -> dict[str, str | int | float | bool | None]:
    cuda = parts.device.type == "cuda"
    model, micro_batch = parts.model, parts.batches.micro_batch
    config = getattr(model, "config", None)
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
        "accumulation": scenario.training.global_batch // micro_batch,
        "labels": len(prepared.labels),
        "train_rows": len(prepared.train),
        "validation_rows": len(prepared.validation),
        "test_rows": len(prepared.test),
        "vocabulary": prepared.vocabulary,
        "data_fingerprint": prepared.fingerprint,
        "data_licence": prepared.licence,
    }


def _memory(device: torch.device) -> dict[str, int]:
    if device.type != "cuda":
        return {}
    return {
        "peak_allocated_bytes": torch.cuda.max_memory_allocated(),
        "peak_reserved_bytes": torch.cuda.max_memory_reserved(),
    }
