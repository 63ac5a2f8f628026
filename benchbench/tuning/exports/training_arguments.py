"""`training-arguments`: a JSON file for `HfArgumentParser.parse_json_file`, or `TrainingArguments(**json.load(file))`.

The names are those of transformers 5.24.
"""

from __future__ import annotations

import json
from typing import Any, ClassVar

from benchbench.scenario.scenario import Scenario
from benchbench.tuning.export import Chosen, Written

Part = tuple[dict[str, Any], set[str]]
"""Arguments, and the keys of the settings that they say."""

_SCHEDULES = {
    "constant": "constant_with_warmup",
    "linear": "linear",
    "cosine": "cosine",
    "inverse-sqrt": "inverse_sqrt",
}
_OPTIMIZER = "training.optimizer."


class TrainingArguments:
    """What transformers' Trainer is told; the model, the data and the launch are its user's matter."""

    comment: ClassVar[str | None] = None

    def write(self, chosen: Chosen) -> Written:
        """See `Format`."""
        arguments: dict[str, Any] = {}
        says: set[str] = set()
        parts = (
            _batch(chosen), _optimizer(chosen.scenario), _schedule(chosen), _precision(chosen), _device(chosen),
            _memory(chosen.scenario), _data(chosen.scenario),
        )  # fmt: skip
        for values, keys in parts:
            arguments |= values
            says |= keys
        return Written(
            text=json.dumps(arguments, indent=2) + "\n",
            says=frozenset(says),
            hints=_hints(chosen),
            notes=tuple(_notes(arguments)),
        )


def _batch(chosen: Chosen) -> Part:
    training = chosen.scenario.training
    arguments: dict[str, Any] = {
        "per_device_train_batch_size": chosen.micro_batch,
        "gradient_accumulation_steps": chosen.accumulation,
        "max_steps": training.max_steps,
        "max_grad_norm": training.gradient_clip or 0.0,
        "seed": training.seed,
    }
    if training.label_smoothing:
        arguments["label_smoothing_factor"] = training.label_smoothing
    keys = ("global_batch", "micro_batch", "max_steps", "gradient_clip", "seed", "label_smoothing")
    return arguments, {f"training.{key}" for key in keys}


def _optimizer(scenario: Scenario) -> Part:
    """Adam is AdamW where nothing decays; a rule that Trainer has in another form is not its equal."""
    asked = scenario.training.optimizer
    arguments: dict[str, Any] = {"learning_rate": asked.learning_rate, "weight_decay": asked.weight_decay}
    says = {_OPTIMIZER + "learning_rate", _OPTIMIZER + "weight_decay"}
    names = {"adamw": "adamw_torch_fused", "sgd": "sgd", "momentum": "sgd", "lion": "lion_32bit"}
    if asked.weight_decay == 0:
        names["adam"] = "adamw_torch_fused"
    if asked.name not in names:
        return arguments, says
    arguments["optim"] = names[asked.name]
    says.add(_OPTIMIZER + "name")
    if asked.name == "momentum":
        arguments["optim_args"] = f"momentum={asked.constant('momentum')}"
        says.add(_OPTIMIZER + "momentum")
    for name in ("beta1", "beta2", "epsilon"):
        if asked.name in ("adam", "adamw") or (asked.name == "lion" and name != "epsilon"):
            arguments[f"adam_{name}"] = asked.constant(name)
            says.add(_OPTIMIZER + name)
    return arguments, says


def _schedule(chosen: Chosen) -> Part:
    schedule = chosen.scenario.training.schedule
    if schedule.name not in _SCHEDULES:
        return {}, set()
    arguments: dict[str, Any] = {
        "lr_scheduler_type": _SCHEDULES[schedule.name],
        "warmup_steps": chosen.warmup_steps,
    }
    if schedule.name == "inverse-sqrt":
        arguments["lr_scheduler_kwargs"] = {"timescale": max(1, chosen.warmup_steps)}
    return arguments, {"training.schedule.name", "training.schedule.warmup_fraction"}


def _precision(chosen: Chosen) -> Part:
    precision = chosen.scenario.precision
    if precision == "fp8":
        return {}, set()
    arguments: dict[str, Any] = {"bf16": precision == "bf16", "fp16": precision == "fp16"}
    if chosen.device == "cuda" and precision in ("fp32", "tf32"):
        arguments["tf32"] = precision == "tf32"
    return arguments, {"precision"}


def _device(chosen: Chosen) -> Part:
    compile_mode = chosen.scenario.training.compile
    arguments: dict[str, Any] = {"use_cpu": chosen.device == "cpu", "torch_compile": compile_mode != "none"}
    if compile_mode != "none":
        arguments["torch_compile_mode"] = compile_mode
    return arguments, {"hardware.device", "training.compile"}


def _memory(scenario: Scenario) -> Part:
    checkpointing, shard = scenario.training.activation_checkpointing, scenario.parallelism.shard
    full, fsdp = checkpointing == "full", shard in ("zero2", "zero3")
    arguments: dict[str, Any] = {}
    if fsdp:
        arguments["fsdp"] = True
        arguments["fsdp_config"] = {"reshard_after_forward": shard == "zero3", "activation_checkpointing": full}
    elif full:
        arguments["activation_checkpointing"] = True
        arguments["activation_checkpointing_kwargs"] = {"use_reentrant": False}
    says = {key for key, said in (("parallelism.shard", fsdp), ("training.activation_checkpointing", full)) if said}
    return arguments, says


def _data(scenario: Scenario) -> Part:
    arguments: dict[str, Any] = {"dataloader_num_workers": scenario.data.workers}
    if scenario.data.workers:
        arguments["dataloader_prefetch_factor"] = scenario.data.prefetch
    return arguments, {"data.workers", "data.prefetch"}


def _notes(arguments: dict[str, Any]) -> list[str]:
    notes = []
    if arguments.get("warmup_steps"):
        notes.append("transformers warms up one step late: its first step has a learning rate of 0")
    if arguments.get("optim") == "lion_32bit":
        notes.append("its lion needs bitsandbytes")
    if "activation_checkpointing" in arguments:
        notes.append("earlier transformers than 5.24 may know activation_checkpointing as gradient_checkpointing alone")
    return notes


def _hints(chosen: Chosen) -> dict[str, str]:
    launch = f"torchrun --nproc-per-node={chosen.scenario.hardware.devices}"
    own = "Trainer has no equal: give it yours as optimizers=(optimizer, scheduler)"
    model = "set it on the model or its config, before Trainer has it"
    return {
        _OPTIMIZER + "name": own,
        "training.schedule.name": own,
        "training.schedule.warmup_fraction": own,
        "precision": "accelerate launch --mixed_precision fp8",
        "hardware.devices": launch,
        "hardware.nodes": "torchrun --nnodes",
        "parallelism.data": launch,
        "parallelism.shard": "use the deepspeed export, as TrainingArguments(deepspeed=FILE)",
        "hardware.threads": "OMP_NUM_THREADS",
        "data.batching": "train_sampling_strategy: group_by_length is near to bucket",
        "data.sequence_length": "of your tokenizer: max_length",
        "training.dropout": model,
        "training.attention": "from_pretrained(attn_implementation=...)",
        "training.adapter": "peft.get_peft_model",
        "training.frozen_layers": model,
    }


PLUGIN = TrainingArguments()
