"""Builds what a scenario asks for and runs it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from benchbench.scenario.scenario import Scenario
from benchbench.training import assembly, procedures
from benchbench.training.events import Events
from benchbench.training.loop import Parts
from benchbench.workload.batches import held_out
from benchbench.workload.preparing import Prepared


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
    device = assembly.choose_device(scenario.hardware.device)
    if scenario.hardware.threads is not None:
        torch.set_num_threads(scenario.hardware.threads)
    events.emit("phase", name="data")
    prepared = assembly.load_data(scenario)
    events.emit("phase", name="model")
    loop = assembly.assemble(scenario, prepared, device, events)
    events.emit("ready", **_facts(scenario, prepared, loop.parts))
    metrics: dict[str, float] = {}
    if scenario.measure.procedure == "throughput":
        procedures.throughput(loop, scenario, events, limits.timeout_s)
    else:
        validation = held_out(prepared.validation, prepared.encoding, device)
        metrics |= procedures.time_to_target(loop, scenario, events, validation, limits.deadline_s)
    final = {"train_loss": loop.last_loss, **metrics}
    known = {name: value if math.isfinite(value) else None for name, value in final.items()}
    events.emit("done", final_metrics=known, micro_batch=loop.parts.batches.micro_batch, **_memory(device))


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
        "labels": len(prepared.encoding.labels),
        "train_rows": len(prepared.train),
        "validation_rows": len(prepared.validation),
        "test_rows": len(prepared.test),
        "vocabulary": prepared.encoding.vocabulary.size,
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
