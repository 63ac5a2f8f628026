"""Tensor parallel: each rank has some heads of every attention and some columns of every feed-forward layer (DTensor).

Shoeybi et al. 2019, "Megatron-LM": the first matrix of a pair is cut by its outputs, the second by its inputs, so that
each pair costs one sum over the ranks. All else, and every batch, is the same on each rank. Where transformers has a
plan for a family it is followed; BERT and its kin, for which it has none, have theirs here.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from itertools import chain
from typing import Any

import torch
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor.parallel import ColwiseParallel, ParallelStyle, RowwiseParallel, parallelize_module

from benchbench.errors import InputError
from benchbench.scenario.scenario import Scenario
from benchbench.training.group import Group
from benchbench.training.strategies import Divided
from benchbench.training.strategies._clipping import clip
from benchbench.training.strategies._refusals import of_ranks, of_shards, of_tensors
from benchbench.workload import models

_STYLES = {"colwise": ColwiseParallel, "rowwise": RowwiseParallel}
_ENCODER = {
    "encoder.layer.*.attention.self.query": "colwise",
    "encoder.layer.*.attention.self.key": "colwise",
    "encoder.layer.*.attention.self.value": "colwise",
    "encoder.layer.*.attention.output.dense": "rowwise",
    "encoder.layer.*.intermediate.dense": "colwise",
    "encoder.layer.*.output.dense": "rowwise",
}
_OWN = {"bert": _ENCODER, "roberta": _ENCODER}
_HEADS = {"num_attention_heads": "heads", "num_key_value_heads": "kv_heads", "intermediate_size": "ffn"}


class Tensor:
    """See `Strategy`."""

    def refuse(self, scenario: Scenario) -> tuple[str, str] | None:
        """See `Strategy.refuse`."""
        told = next(chain(of_ranks(scenario), of_tensors(scenario), of_shards(scenario)), None)
        return told or _unfit(scenario)

    def apply(self, model: torch.nn.Module, group: Group, scenario: Scenario) -> Divided:
        """See `Strategy.apply`."""
        degree = scenario.plan.tensor
        assert degree == group.rank.world
        device = next(model.parameters()).device
        mesh = init_device_mesh(device.type, (degree,), mesh_dim_names=("tensor",))
        base: Any = getattr(model, "base_model", model)
        plan = _plan(base.config)
        assert plan is not None
        styles: dict[str, ParallelStyle] = {name: _STYLES[style]() for name, style in plan.items()}
        parallelize_module(base, mesh, styles)
        return Divided(
            forward=model, turn=lambda _last: nullcontext(), scale=1.0, whole=False, copies=degree, clip=clip
        )


def _plan(config: Any) -> Mapping[str, str] | None:
    """How the matrices of a family are cut, by their names in its base model; None where nobody knows."""
    found: Mapping[str, str] | None = _OWN.get(config.model_type) or getattr(config, "base_model_tp_plan", None)
    if not found or not set(found.values()) <= set(_STYLES):
        return None
    return found


def _unfit(scenario: Scenario) -> tuple[str, str] | None:
    """What of a model the degree does not divide."""
    assert scenario.model is not None
    try:
        config = models.configuration(scenario.model, None, 2)
    except InputError as error:
        return error.key or "model", error.message
    degree = scenario.plan.tensor
    if _plan(config) is None:
        return (
            "parallelism.tensor",
            f"nobody has a plan of how {scenario.model.family} is cut; use bert, llama or qwen2",
        )
    sizes = {told: int(getattr(config, name)) for name, told in _HEADS.items() if getattr(config, name, None)}
    for told, size in sizes.items():
        if size % degree:
            legal = ", ".join(str(d) for d in range(1, size + 1) if all(s % d == 0 for s in sizes.values()))
            return "parallelism.tensor", f"{degree} does not divide the model's {told} = {size}; legal: {legal}"
    return None


PLUGIN = Tensor()
