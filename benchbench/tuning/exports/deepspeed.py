"""`deepspeed`: the JSON file of DeepSpeed (https://www.deepspeed.ai/docs/config-json/)."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from benchbench.scenario.scenario import Scenario
from benchbench.tuning.export import Chosen, Written

Section = tuple[dict[str, Any] | None, set[str]]
"""A section, or None, and the keys of the settings that it says."""

_STAGES = {"none": 0, "zero1": 1, "zero2": 2, "zero3": 3}
_AUTOCAST = {"bf16": "bfloat16", "fp16": "float16"}
_SCHEDULERS = {"constant": "WarmupLR", "linear": "WarmupDecayLR", "cosine": "WarmupCosineLR"}
_OPTIMIZER = "training.optimizer."
_SHORTEST_WARMUP = 2  # DeepSpeed's own lower bound


class DeepSpeed:
    """Batch, optimizer, schedule, precision, clipping and ZeRO; the rest is the script's own matter."""

    comment: ClassVar[str | None] = None

    def write(self, chosen: Chosen) -> Written:
        """See `Format`."""
        scenario = chosen.scenario
        config: dict[str, Any] = {
            "train_batch_size": scenario.training.global_batch,
            "train_micro_batch_size_per_gpu": chosen.micro_batch,
            "gradient_accumulation_steps": chosen.accumulation,
            "gradient_clipping": scenario.training.gradient_clip or 0.0,
            "zero_optimization": {"stage": _STAGES[scenario.parallelism.shard]},
        }
        says = {
            "training.global_batch", "training.micro_batch", "training.gradient_clip", "parallelism.shard",
        }  # fmt: skip
        sections = {
            "optimizer": _optimizer(scenario),
            "scheduler": _scheduler(chosen),
            "torch_autocast": _autocast(scenario),
            "communication_data_type": _communication(scenario),
        }
        for name, (section, keys) in sections.items():
            config |= {} if section is None else {name: section}
            says |= keys
        return Written(
            text=json.dumps(config, indent=2) + "\n",
            says=frozenset(says),
            hints=_hints(chosen),
            notes=tuple(_notes(chosen, config)),
        )


def _optimizer(scenario: Scenario) -> Section:
    """A rule that DeepSpeed has in another form (its Lamb clamps, its Muon scales otherwise) is not its equal."""
    asked = scenario.training.optimizer
    params: dict[str, Any] = {"lr": asked.learning_rate, "weight_decay": asked.weight_decay}
    names = {"adamw": "AdamW", "adam": "Adam", "sgd": "SGD", "momentum": "SGD", "lion": "Lion"}
    if asked.name not in names:
        return None, set()
    says = {"name", "learning_rate", "weight_decay"}
    if asked.name == "momentum":
        params["momentum"] = asked.constant("momentum")
        says.add("momentum")
    if asked.name in ("adam", "adamw", "lion"):
        params["betas"] = [asked.constant("beta1"), asked.constant("beta2")]
        says |= {"beta1", "beta2"}
    if asked.name in ("adam", "adamw"):
        params |= {"eps": asked.constant("epsilon"), "adam_w_mode": asked.name == "adamw"}
        says.add("epsilon")
    return {"type": names[asked.name], "params": params}, {_OPTIMIZER + key for key in says}


def _scheduler(chosen: Chosen) -> Section:
    training = chosen.scenario.training
    name, says = training.schedule.name, {"training.schedule.name", "training.schedule.warmup_fraction"}
    if name not in _SCHEDULERS:
        return None, set()
    if name == "constant" and chosen.warmup_steps == 0:
        return None, says
    params: dict[str, Any] = {"warmup_num_steps": max(_SHORTEST_WARMUP, chosen.warmup_steps), "warmup_type": "linear"}
    if name == "cosine":
        params |= {"warmup_min_ratio": 0.0, "cos_min_ratio": 0.0}
    else:
        params |= {"warmup_min_lr": 0.0, "warmup_max_lr": training.optimizer.learning_rate}
    if name != "constant":
        params["total_num_steps"] = training.max_steps
    return {"type": _SCHEDULERS[name], "params": params}, says


def _autocast(scenario: Scenario) -> Section:
    """`torch_autocast` keeps the weights in float32, as the measured training did; DeepSpeed's `bf16` does not."""
    if scenario.precision == "fp32":
        return None, {"precision"}
    if scenario.precision not in _AUTOCAST:
        return None, set()
    return {"enabled": True, "dtype": _AUTOCAST[scenario.precision]}, {"precision"}


def _communication(scenario: Scenario) -> tuple[Any, set[str]]:
    asked = scenario.parallelism.communication
    if asked == "powersgd":
        return None, set()
    return (None if asked == "none" else asked), {"parallelism.communication"}


def _notes(chosen: Chosen, config: dict[str, Any]) -> list[str]:
    notes = []
    if config.get("optimizer"):
        notes.append("DeepSpeed decays every parameter it is given; the measured training left biases and norms alone")
    if "scheduler" in config and chosen.warmup_steps < _SHORTEST_WARMUP:
        notes.append(
            f"DeepSpeed warms up over {_SHORTEST_WARMUP} steps at least, the training over {chosen.warmup_steps}"
        )
    return notes


def _hints(chosen: Chosen) -> dict[str, str]:
    own = "DeepSpeed has no equal: give yours to deepspeed.initialize"
    launch = f"deepspeed --num_gpus {chosen.scenario.hardware.devices}"
    return {
        _OPTIMIZER + "name": own,
        "training.schedule.name": own,
        "precision": "a setting of torch or of the model, in your script",
        "training.max_steps": "your loop's",
        "training.seed": "torch.manual_seed",
        "training.compile": "engine.compile(compile_kwargs={'mode': ...})",
        "training.activation_checkpointing": "model.gradient_checkpointing_enable()",
        "data.workers": "deepspeed.initialize makes no workers: your DataLoader's",
        "hardware.devices": launch,
        "hardware.nodes": "deepspeed --hostfile",
        "parallelism.data": launch,
        "hardware.threads": "OMP_NUM_THREADS",
    }


PLUGIN = DeepSpeed()
