"""Puts together what a scenario asks for: the data, the model with its levers, the measured loop."""

from __future__ import annotations

import random
from typing import cast

import numpy as np
import torch

from benchbench import registry
from benchbench.errors import ScenarioError, UnsupportedError
from benchbench.scenario.scenario import Scenario
from benchbench.training import activation_checkpointing, adapters, attention, levers, optimizers, precision
from benchbench.training.clock import clock_for
from benchbench.training.compiling import Compiler
from benchbench.training.events import Events
from benchbench.training.group import Group
from benchbench.training.loop import Loop, Parts
from benchbench.training.spread import Spread
from benchbench.training.strategies import Strategy
from benchbench.workload import balance, models, orders, packing, pretrained
from benchbench.workload.balance import class_weights
from benchbench.workload.batches import padded
from benchbench.workload.feeding import MicroBatches, Part, Recipe
from benchbench.workload.preparing import Prepared, Progress, prepare
from benchbench.workload.task import Objective, Task
from benchbench.workload.vocabulary import PAD_ID


def task_of(scenario: Scenario) -> Task:
    """The task that a scenario names."""
    assert scenario.task is not None
    return cast(Task, registry.load(registry.TASKS, scenario.task))


def load_data(scenario: Scenario, progress: Progress | None = None) -> Prepared:
    """The rows that a scenario trains on and is judged by.

    Args:
        scenario: what is asked for.
        progress: is told how far it is.

    Raises:
        ScenarioError: the model has no room for a vocabulary, or is of no known family; rows that cannot be used.
    """
    assert scenario.model is not None
    trained = pretrained.find(scenario.model)
    if trained is not None:
        config = pretrained.configuration(trained, scenario.model, None, 2)
        own = pretrained.vocabulary(trained, config)
        return prepare(scenario.data, task_of(scenario), int(config.vocab_size), own, progress=progress)
    config = models.configuration(scenario.model, None, 2)
    pairs = getattr(config, "type_vocab_size", 0) > 1
    start = getattr(config, "decoder_start_token_id", None)
    return prepare(
        scenario.data,
        task_of(scenario),
        int(config.vocab_size),
        pairs=pairs,
        decoder_start=PAD_ID if start is None else start,
        progress=progress,
    )


def assemble(
    scenario: Scenario, prepared: Prepared, device: torch.device, events: Events, group: Group | None = None
) -> Loop:
    """The measured loop of a scenario, its weights drawn and on the device, not yet started.

    Args:
        scenario: what is asked for.
        prepared: its data.
        device: where it is computed.
        events: where what happens goes.
        group: the ranks that it is spread over; None in a process that trains alone.

    Raises:
        ScenarioError: the model is none, or has fewer positions than a row has tokens.
        UnsupportedError: the device or the family lacks what is asked for.
    """
    training = scenario.training
    arithmetic = precision.arithmetic(scenario.precision, device)
    levers.check(scenario, device)
    task = task_of(scenario)
    model = build_model(scenario, task, prepared).to(device)
    attention.check(scenario, model, device)
    spread = None if group is None else _spread(scenario, model, device, group)
    recipe = _recipe(scenario, task, prepared, model, Part() if group is None else _part(group, scenario))
    batches = MicroBatches(
        recipe,
        workers=scenario.data.workers,
        prefetch=scenario.data.prefetch,
        pin=device.type == "cuda",
    )
    around = levers.levers(training, model)
    compiler = Compiler(training.compile, events)
    optimizer = optimizers.build(training.optimizer, model, device)
    parts = Parts(
        model=model,
        task=task,
        optimizer=optimizer if spread is None else spread.divided.optimizer(optimizer),
        batches=batches,
        device=device,
        arithmetic=attention.restricted(arithmetic, training.attention),
        training=training,
        objective=_objective(scenario, prepared, device),
        judged=around.judged,
        before_update=around.before_update,
        after_update=around.after_update if spread is None else (*spread.after_update, *around.after_update),
        compressor=around.compressor,
        states=around.states,
        compiler=compiler,
        spread=spread,
    )
    compiler.compile(model)
    if training.attention == "flash":
        attention.attempt(parts, recipe.batch(0)[0])
    return Loop(parts, clock_for(device, alike=spread is not None), events)


def _spread(scenario: Scenario, model: torch.nn.Module, device: torch.device, group: Group) -> Spread:
    """The training spread over ranks; each replica draws random numbers of its own from now on.

    Raises:
        UnsupportedError: the strategy leaves no way for something that is asked for.
    """
    strategy = strategy_of(scenario)
    replica = _part(group, scenario).number
    if replica:
        torch.manual_seed(int(np.random.SeedSequence([scenario.training.seed, replica]).generate_state(1)[0]))
    return Spread(group=group, divided=strategy.apply(model, group, scenario), device=device)


def strategy_of(scenario: Scenario) -> Strategy:
    """The strategy that a scenario of several ranks names.

    Raises:
        UnsupportedError: it leaves no way for something else that the scenario asks for.
    """
    name = scenario.plan.strategy
    assert name is not None
    strategy = cast(Strategy, registry.load(registry.STRATEGIES, name))
    refused = strategy.refuse(scenario)
    if refused is not None:
        raise UnsupportedError(refused[1], key=refused[0])
    return strategy


def _part(group: Group, scenario: Scenario) -> Part:
    """A rank's part of each batch; those that divide one replica have the same."""
    replicas = scenario.plan.data
    return Part(group.rank.index * replicas // group.rank.world, replicas)


def _recipe(scenario: Scenario, task: Task, prepared: Prepared, model: torch.nn.Module, part: Part) -> Recipe:
    """How the scenario's global batches are made, or a rank's part of them."""
    data, training = scenario.data, scenario.training
    return Recipe(
        split=prepared.train,
        task=task,
        encoding=prepared.encoding,
        order=orders.order(
            prepared.train,
            training.global_batch,
            training.seed,
            oversample=data.balance == "oversample",
            bucket=data.batching == "bucket",
        ),
        micro_batch=training.global_batch // part.of if training.micro_batch == "auto" else training.micro_batch,
        layout=packing.layout(model, data.sequence_length) if data.batching == "pack" else padded,
        part=part,
    )


def _objective(scenario: Scenario, prepared: Prepared, device: torch.device) -> Objective:
    """What is asked of the loss."""
    weights = None
    if scenario.data.balance == "class-weights":
        weights = torch.from_numpy(class_weights(prepared.train, len(prepared.encoding.labels))).to(device)
    return Objective(class_weights=weights, label_smoothing=scenario.training.label_smoothing)


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
    """The model of a scenario, on torch's default device; what is not trained already is drawn from the seed.

    Raises:
        ScenarioError: the model is none, or has fewer positions than a row has tokens.
        UnsupportedError: the family lacks what is asked for.
    """
    seed = scenario.training.seed
    random.seed(seed)
    np.random.seed(seed)  # libraries below may draw from it
    torch.manual_seed(seed)
    model = _plain_model(scenario, task, prepared)
    task.check_model(model)
    balance.check(scenario.data.balance, prepared.train, len(prepared.encoding.labels))
    if scenario.data.batching == "pack":
        model = packing.fitted(model, task)
    adapters.prepare(scenario.training, model)
    levers.prepare(scenario.training, model)
    model = precision.converted(model, scenario.precision)
    activation_checkpointing.apply(model, scenario.training.activation_checkpointing)
    limit = models.longest_row(model)
    longest = max(int(split.lengths.max(initial=0)) for split in (prepared.train, prepared.validation))
    if limit is not None and longest > limit:
        raise ScenarioError(
            f"a row has {longest} tokens, but the model has {limit} positions; set data.sequence_length to at most "
            f"{limit}",
            key="data.sequence_length",
        )
    return model


def _plain_model(scenario: Scenario, task: Task, prepared: Prepared) -> torch.nn.Module:
    """The model with random or trained weights, as its family has it."""
    assert scenario.model is not None
    training, labels = scenario.training, len(prepared.encoding.labels) or 2
    trained = pretrained.find(scenario.model)
    if trained is None:
        config = models.configuration(scenario.model, training.dropout, labels)
        return models.build(config, task.head, attention.implementation(training.attention))
    config = pretrained.configuration(trained, scenario.model, training.dropout, labels)
    if config.pad_token_id is None:
        config.pad_token_id = prepared.encoding.vocabulary.pad
    return pretrained.load(trained, config, task.head, attention.implementation(training.attention))
