"""Puts together what a scenario asks for: the data, the model with its levers, the measured loop."""

from __future__ import annotations

import random
from contextlib import nullcontext
from typing import cast

import numpy as np
import torch

from benchbench import registry
from benchbench.errors import ScenarioError, UnsupportedError
from benchbench.scenario.scenario import Scenario
from benchbench.training import optimizers, precision
from benchbench.training.clock import clock_for
from benchbench.training.events import Events
from benchbench.training.loop import Loop, Parts
from benchbench.workload import models
from benchbench.workload.batches import MicroBatches
from benchbench.workload.orders import Shuffled
from benchbench.workload.preparing import Prepared, prepare
from benchbench.workload.task import Objective, Task


def task_of(scenario: Scenario) -> Task:
    """The task that a scenario names."""
    assert scenario.task is not None
    return cast(Task, registry.load(registry.TASKS, scenario.task))


def load_data(scenario: Scenario) -> Prepared:
    """The rows that a scenario trains on and is judged by.

    Raises:
        ScenarioError: the model has no room for a vocabulary, or is of no known family; rows that cannot be used.
    """
    assert scenario.model is not None
    room = int(models.configuration(scenario.model, None, 2).vocab_size)
    return prepare(scenario.data, task_of(scenario), room)


def assemble(scenario: Scenario, prepared: Prepared, device: torch.device, events: Events) -> Loop:
    """The measured loop of a scenario, its weights drawn and on the device, not yet started.

    Raises:
        ScenarioError: the model is none, or has fewer positions than a row has tokens.
        UnsupportedError: the device or the family lacks what is asked for.
    """
    training = scenario.training
    arithmetic = precision.arithmetic(scenario.precision, device)
    task = task_of(scenario)
    model = build_model(scenario, task, prepared).to(device)
    batches = MicroBatches(
        prepared.train,
        task,
        prepared.encoding,
        Shuffled(len(prepared.train), training.global_batch, training.seed),
        micro_batch=None if training.micro_batch == "auto" else training.micro_batch,
        pin=device.type == "cuda",
    )
    parts = Parts(
        model=model,
        task=task,
        optimizer=optimizers.build(training.optimizer, model, device),
        batches=batches,
        device=device,
        arithmetic=arithmetic,
        training=training,
        objective=Objective(),
        judged=lambda: nullcontext(model),
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
    config = models.configuration(scenario.model, scenario.training.dropout, len(prepared.encoding.labels) or 2)
    model = models.build(config, task.head, scenario.training.attention)
    limit = models.longest_row(model)
    longest = max(int(split.lengths.max(initial=0)) for split in (prepared.train, prepared.validation))
    if limit is not None and longest > limit:
        raise ScenarioError(
            f"a row has {longest} tokens, but the model has {limit} positions; set data.sequence_length to at most "
            f"{limit}",
            key="data.sequence_length",
        )
    return model
