"""Builds what a scenario asks for and runs it."""

from __future__ import annotations

import random
from collections.abc import Iterator
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
from benchbench.workload.batches import Batch, collate, global_batches, held_out
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
    autocast = precision.autocast(scenario.precision, device)
    assert scenario.task is not None
    task = cast(Task, registry.load(registry.TASKS, scenario.task))
    events.emit("phase", name="data")
    prepared = _data(scenario)
    events.emit("phase", name="model")
    model = _model(scenario, task, prepared).to(device)
    micro_batch = _micro_batch(scenario)
    loop = Loop(
        Parts(
            model=model,
            task=task,
            optimizer=optimizers.build(scenario.training.optimizer, model, device),
            batches=_micro_batches(scenario, prepared, micro_batch, device),
            device=device,
            autocast=autocast,
            training=scenario.training,
        ),
        clock_for(device),
        events,
    )
    events.emit("ready", **_facts(scenario, prepared, model, device, micro_batch))
    metrics: dict[str, float] = {}
    if scenario.measure.procedure == "throughput":
        procedures.throughput(loop, scenario, events, limits.timeout_s)
    else:
        validation = held_out(prepared.validation, prepared.pad_id)
        metrics |= procedures.time_to_target(loop, scenario, events, validation, limits.deadline_s)
    events.emit("done", final_metrics={"train_loss": loop.last_loss, **metrics}, **_memory(device))


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


def _model_vocabulary(scenario: Scenario) -> int:
    assert scenario.model is not None
    return int(models.configuration(scenario.model, None, 2).vocab_size)


def _data(scenario: Scenario) -> Prepared:
    source = cast(Source, registry.load(registry.SOURCES, scenario.data.source))
    return source.prepare(scenario.data, _model_vocabulary(scenario))


def _model(scenario: Scenario, task: Task, prepared: Prepared) -> torch.nn.Module:
    seed = scenario.training.seed
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - libraries below may draw from it
    torch.manual_seed(seed)
    assert scenario.model is not None
    config = models.configuration(scenario.model, scenario.training.dropout, len(prepared.labels))
    if getattr(config, "pad_token_id", None) is None:
        config.pad_token_id = prepared.pad_id
    positions = getattr(config, "max_position_embeddings", None)
    longest = max(int(np.diff(split.offsets).max()) for split in (prepared.train, prepared.validation))
    if positions is not None and longest > positions:
        raise ScenarioError(
            f"a row has {longest} tokens, but the model has {positions} positions; set data.sequence_length to at most "
            f"{positions}",
            key="data.sequence_length",
        )
    return models.build(config, task.head, scenario.training.attention)


def _micro_batch(scenario: Scenario) -> int:
    training = scenario.training
    return training.global_batch if training.micro_batch == "auto" else training.micro_batch


def _micro_batches(
    scenario: Scenario, prepared: Prepared, micro_batch: int, device: torch.device
) -> Iterator[list[Batch]]:
    pin = device.type == "cuda"
    for rows in global_batches(len(prepared.train), scenario.training.global_batch, scenario.training.seed):
        parts = [rows[i : i + micro_batch] for i in range(0, len(rows), micro_batch)]
        yield [collate(prepared.train, part, prepared.pad_id, pin) for part in parts]


def _facts(
    scenario: Scenario, prepared: Prepared, model: torch.nn.Module, device: torch.device, micro_batch: int
) -> dict[str, str | int | float | bool | None]:
    cuda = device.type == "cuda"
    config = getattr(model, "config", None)
    return {
        "device": device.type,
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
