"""A running training as a checkpoint, and a training that goes on from one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ValidationError

from benchbench.errors import ScenarioError
from benchbench.record.checkpoint_files import KEY, check_files, manifest
from benchbench.scenario.engines import value_at
from benchbench.scenario.knobs import Factor
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.space import fields_of
from benchbench.scenario.text import shown
from benchbench.training import checkpoints, randomness
from benchbench.training.checkpoints import Checkpoint
from benchbench.training.loop import Loop
from benchbench.workload.preparing import Prepared

_SECTIONS = ("model", "task", "data", "training", "precision", "parallelism")
_FREE = ("training.resume", "training.checkpoint_every")


def captured(
    loop: Loop, scenario: Scenario, prepared: Prepared, history: Sequence[Mapping[str, Any]], *, finished: bool
) -> Checkpoint:
    """A training between two stretches.

    Args:
        loop: between two stretches.
        scenario: what it carries out.
        prepared: its data.
        history: the events from which its course is told.
        finished: whether it is over.
    """
    parts, scaler = loop.parts, loop.parts.arithmetic.scaler
    return Checkpoint(
        step=loop.steps_taken,
        of={"scenario": scenario.document(), "data_fingerprint": prepared.fingerprint},
        finished=finished,
        weights=dict(_weights(parts.model)),
        state={
            "loop": loop.state_dict(),
            "optimizer": parts.optimizer.state_dict(),
            "levers": {name: lever.state_dict() for name, lever in parts.states.items()},
            "scaler": None if scaler is None else scaler.state_dict(),
            "random": randomness.state(),
        },
        history=list(history),
    )


def _weights(model: torch.nn.Module) -> Iterator[tuple[str, torch.Tensor]]:
    """Parameters and persistent buffers by name; those that are tied have the first of their names."""
    seen: set[int] = set()
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in seen:
            seen.add(id(tensor))
            yield name, tensor


def check(folder: Path, scenario: Scenario) -> None:
    """Refuses to go on from a folder that is no whole checkpoint of this very training.

    Settings that change nothing but the seconds of a step may differ.

    Raises:
        ScenarioError: says what differs, is missing or damaged.
    """
    if scenario.measure.procedure != "time-to-target":
        raise ScenarioError("a throughput run begins anew; leave it out, or measure time-to-target", key=KEY)
    if scenario.measure.repeats != 1:
        raise ScenarioError("one training goes on from a checkpoint: set measure.repeats to 1", key=KEY)
    found = manifest(folder)
    check_files(folder, found)
    _check_training(folder, found["of"], scenario, finished=found["finished"])


def _check_training(folder: Path, of: Mapping[str, Any], scenario: Scenario, *, finished: bool) -> None:
    try:
        theirs = Scenario.model_validate_json(json.dumps(of["scenario"]))
    except (ValidationError, KeyError):
        raise ScenarioError(f"{folder} is of a scenario that this version does not know", key=KEY) from None
    for key in _settings_that_matter():
        there, here = value_at(theirs, key), value_at(scenario, key)
        if there != here and not (isinstance(there, BaseModel) and isinstance(here, BaseModel)):
            raise ScenarioError(
                f"{folder} is a checkpoint of another training: {key} is {_told(there)} there and {_told(here)} here",
                key=KEY,
            )
    if finished:
        raise ScenarioError(f"{folder} is of a training that is over; there is nothing to go on with", key=KEY)


def _settings_that_matter() -> Iterator[str]:
    """The keys of a training's settings, but for those that change nothing but seconds."""
    for key, field in fields_of(Scenario):
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        if key.split(".")[0] in _SECTIONS and key not in _FREE and extra.get("moves") != Factor.STEP_S:
            yield key


def _told(value: object) -> str:
    return type(value).__name__.lower() if isinstance(value, BaseModel) else shown(value)


def resume(folder: Path, loop: Loop, scenario: Scenario, prepared: Prepared) -> list[Mapping[str, Any]]:
    """Puts a loop that has taken no step where a checkpoint stands.

    Args:
        folder: the checkpoint's.
        loop: it must draw no random number before its first step.
        scenario: what it carries out.
        prepared: its data.

    Returns:
        The events from which the course so far is told.

    Raises:
        ScenarioError: the checkpoint is of another training, or damaged.
    """
    found, parts = checkpoints.read(folder), loop.parts
    _check_training(folder, found.of, scenario, finished=found.finished)
    if found.of.get("data_fingerprint") != prepared.fingerprint:
        raise ScenarioError(
            f"{folder} is a checkpoint of a training on other rows: data's fingerprint differs", key=KEY
        )
    own = dict(_weights(parts.model))
    if {name: t.shape for name, t in own.items()} != {name: t.shape for name, t in found.weights.items()}:
        raise ScenarioError(f"{folder} is a checkpoint of a model with other weights than this one has here", key=KEY)
    with torch.no_grad():
        for name, tensor in own.items():
            tensor.copy_(found.weights[name])
    parts.optimizer.load_state_dict(found.state["optimizer"])
    for name, lever in parts.states.items():
        lever.load_state_dict(found.state["levers"][name])
    if parts.arithmetic.scaler is not None and found.state["scaler"] is not None:
        parts.arithmetic.scaler.load_state_dict(found.state["scaler"])
    loop.load_state_dict(found.state["loop"])
    randomness.restore(found.state["random"])
    return found.history
