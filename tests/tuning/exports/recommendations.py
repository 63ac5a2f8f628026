"""Recommendations for the tests of exports."""

from typing import Any

from benchbench.scenario.loading import vary
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.export import Chosen

ASKED = Scenario.model_validate({
    "name": "bert", "model": {"family": "bert", "size": "tiny"}, "task": "sequence-classification",
    "training": {
        "global_batch": 64, "micro_batch": 8, "max_steps": 400, "seed": 7,
        "optimizer": {"name": "adamw", "learning_rate": 1e-3, "weight_decay": 0.02, "beta2": 0.98},
        "schedule": {"name": "cosine", "warmup_fraction": 0.05},
    },
})  # fmt: skip


def chosen(device: str = "cpu", **overrides: Any) -> Chosen:
    """A recommendation with some settings changed; a key's dots are written as two underscores."""
    asked = vary(ASKED, {key.replace("__", "."): value for key, value in overrides.items()})
    micro_batch = asked.training.micro_batch
    assert micro_batch != "auto"
    return Chosen(scenario=asked, micro_batch=micro_batch, device=device, origin="bert: recommended by study s")


def sharded(shard: str, device: str = "cuda", **overrides: Any) -> Chosen:
    """Over two devices."""
    both = {"parallelism__data": 2, "hardware__devices": 2}
    return chosen(device, parallelism__shard=shard, **both, **overrides)
