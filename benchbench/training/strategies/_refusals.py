"""What no strategy, or none that divides the weights, carries out yet."""

from __future__ import annotations

from collections.abc import Iterator

from benchbench.scenario.scenario import Scenario
from benchbench.scenario.training_types import Parallelism

_ELEMENTWISE = ("sgd", "momentum", "adam", "adamw", "lion")


def of_ranks(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """What several ranks cannot do here, whatever they divide."""
    training = scenario.training
    if scenario.hardware.device == "mps":
        yield "hardware.device", "torch has no collectives for mps: set hardware.devices to 1, or use cpu or cuda"
    if training.compile != "none":
        yield "training.compile", "is not carried out on several ranks yet; use none"
    if training.compression.prune or training.compression.quantize != "none":
        key = "prune" if training.compression.prune else "quantize"
        yield f"training.compression.{key}", "is not carried out on several ranks yet; leave training.compression out"
    if scenario.precision == "fp8":
        yield "precision", "fp8 is not carried out on several ranks yet; use bf16"
    if training.checkpoint_every is not None:
        yield "training.checkpoint_every", "checkpoints of several ranks are not carried out yet; leave it out"
    if training.resume is not None:
        yield "training.resume", "several ranks cannot go on from a checkpoint yet; leave it out"


def of_tensors(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """What ranks that divide each matrix cannot do beside."""
    asked, plan = scenario.parallelism, scenario.plan
    if plan.data > 1:
        told = f"replicas of divided matrices are not carried out yet; use data: 1 with tensor: {plan.tensor}"
        yield "parallelism.data", told
    if asked.shard != "none":
        yield "parallelism.shard", "divides over replicas, and tensor leaves one; use none"
    if asked.local_sgd > 1:
        yield "parallelism.local_sgd", "averages replicas, and tensor leaves one; leave it out"
    if scenario.data.batching == "pack":
        yield "data.batching", "packed rows are not carried out with tensor yet; use pad or bucket"
    if scenario.training.optimizer.l1:
        yield "training.optimizer.l1", "the penalty of divided matrices is not carried out yet; leave it out"


def of_shards(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """What ranks that divide the weights cannot do beside."""
    training = scenario.training
    shard = scenario.parallelism.shard if scenario.parallelism.shard != "none" else "tensor"
    if training.optimizer.name not in _ELEMENTWISE:
        legal = ", ".join(_ELEMENTWISE)
        yield (
            "training.optimizer.name",
            f"{training.optimizer.name} looks at whole matrices, of which {shard} leaves each rank a part; use {legal}",
        )
    if scenario.parallelism.bucket_mib != Parallelism().bucket_mib:
        yield "parallelism.bucket_mib", f"{shard} sends layer by layer and has no buckets; leave it out"
    if scenario.parallelism.communication != "none":
        yield "parallelism.communication", f"{shard} has no buckets to compress; use none"
    if training.ema is not None:
        yield "training.ema", f"the average of divided weights is not carried out yet; leave it out with {shard}"
    if training.adapter != "none" or training.frozen_layers:
        key = "adapter" if training.adapter != "none" else "frozen_layers"
        yield f"training.{key}", f"is not carried out with {shard} yet; use parallelism.shard: none or zero1"
    if scenario.precision == "fp16":
        yield "precision", f"the loss scale of fp16 is not carried out with {shard} yet; use bf16"


def of_local_steps(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """What replicas that differ between two averages cannot do beside."""
    asked = scenario.parallelism
    if asked.shard != "none":
        yield (
            "parallelism.shard",
            f"{asked.shard} divides one model, and local_sgd has one a rank: leave one of them out",
        )
    if asked.communication != "none":
        yield "parallelism.communication", "local_sgd sends weights, no gradients to compress: leave one of them out"
    if asked.bucket_mib != Parallelism().bucket_mib:
        yield "parallelism.bucket_mib", "local_sgd sends all weights at once; leave it out"
    if scenario.training.ema is not None:
        yield "training.ema", "the average of replicas that differ is not carried out yet; leave it out with local_sgd"
    if scenario.precision == "fp16":
        yield "precision", "each replica would have its own loss scale; use bf16 with local_sgd"


def of_parameter_servers(scenario: Scenario) -> Iterator[tuple[str, str]]:
    """What ranks cannot do beside whose weights one of them keeps."""
    asked, training, kind = scenario.parallelism, scenario.training, scenario.parallelism.parameter_server
    for key in ("tensor", "pipeline", "context"):
        if getattr(asked, key) > 1:
            yield f"parallelism.{key}", f"divides a model that a parameter server keeps whole; use {key}: 1"
    if asked.shard != "none":
        yield "parallelism.shard", f"{asked.shard} divides what a parameter server keeps whole; use none"
    if asked.local_sgd > 1:
        yield "parallelism.local_sgd", "averages replicas, and a parameter server has one; leave one of them out"
    if asked.communication != "none":
        yield "parallelism.communication", "a parameter server gets gradients uncompressed; use none"
    if asked.bucket_mib != Parallelism().bucket_mib:
        yield "parallelism.bucket_mib", "a parameter server gets all gradients at once; leave it out"
    if scenario.precision == "fp16":
        yield "precision", "the loss scale of fp16 is each rank's own; use bf16 with a parameter server"
    if kind == "async" and training.ema is not None:
        yield (
            "training.ema",
            "the average of weights that move at any time is not carried out; leave it out, or use sync",
        )
