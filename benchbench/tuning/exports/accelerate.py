"""`accelerate`: the file of `accelerate launch --config_file` (the fields of accelerate's `ClusterConfig`)."""

from __future__ import annotations

from typing import Any, ClassVar

import yaml

from benchbench.tuning.export import Chosen, Written

_PRECISIONS = {"fp32": "no", "bf16": "bf16", "fp16": "fp16", "fp8": "fp8"}


class Accelerate:
    """How processes are started, precision, compilation and sharding; the rest is the script's own matter."""

    comment: ClassVar[str | None] = "#"

    def write(self, chosen: Chosen) -> Written:
        """See `Format`."""
        scenario = chosen.scenario
        sharding, says = _sharding(chosen)
        says |= {"hardware.device", "hardware.devices", "hardware.nodes", "parallelism.data", "training.compile"}
        config: dict[str, Any] = {
            "compute_environment": "LOCAL_MACHINE",
            "distributed_type": _kind(chosen),
            "machine_rank": 0,
            "main_training_function": "main",
            "num_machines": scenario.hardware.nodes,
            "num_processes": chosen.processes,
            "rdzv_backend": "static" if scenario.hardware.nodes == 1 else "c10d",
            "same_network": True,
            "use_cpu": chosen.device == "cpu",
            **sharding,
        }
        if scenario.precision in _PRECISIONS:
            config["mixed_precision"] = _PRECISIONS[scenario.precision]
            says.add("precision")
        if scenario.precision == "fp8":
            config["fp8_config"] = {"backend": "AO"}
        if scenario.training.compile != "none":
            config["dynamo_config"] = {"dynamo_backend": "INDUCTOR", "dynamo_mode": scenario.training.compile}
        return Written(
            text=yaml.safe_dump(config, sort_keys=False),
            says=frozenset(says),
            hints=_hints(chosen),
            notes=_notes(chosen),
        )


def _kind(chosen: Chosen) -> str:
    if chosen.scenario.parallelism.shard == "zero1":
        return "DEEPSPEED"
    if chosen.scenario.parallelism.shard != "none":
        return "FSDP"
    if chosen.processes == 1:
        return "NO"
    return "MULTI_CPU" if chosen.device == "cpu" else "MULTI_GPU"


def _sharding(chosen: Chosen) -> tuple[dict[str, Any], set[str]]:
    """The section of what divides the model's state, and the keys that it says."""
    training, shard = chosen.scenario.training, chosen.scenario.parallelism.shard
    if shard == "none":
        return {}, {"parallelism.shard"}
    if shard == "zero1":
        section: dict[str, Any] = {"zero_stage": 1, "gradient_accumulation_steps": chosen.accumulation}
        if training.gradient_clip is not None:
            section["gradient_clipping"] = training.gradient_clip
        return {"deepspeed_config": section}, {"parallelism.shard", "training.gradient_clip"}
    fsdp = {
        "fsdp_version": 2,
        "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
        "fsdp_reshard_after_forward": shard == "zero3",
        "fsdp_activation_checkpointing": training.activation_checkpointing == "full",
    }
    full = {"training.activation_checkpointing"} if training.activation_checkpointing == "full" else set()
    return {"fsdp_config": fsdp}, {"parallelism.shard", *full}


def _notes(chosen: Chosen) -> tuple[str, ...]:
    if chosen.scenario.hardware.nodes == 1:
        return ()
    return ("on each node give --machine_rank, --main_process_ip and --main_process_port to accelerate launch",)


def _hints(chosen: Chosen) -> dict[str, str]:
    return {
        "training.micro_batch": f"DataLoader(batch_size={chosen.micro_batch}), "
        f"Accelerator(gradient_accumulation_steps={chosen.accumulation})",
        "training.gradient_clip": "accelerator.clip_grad_norm_",
        "training.seed": "accelerate.utils.set_seed",
        "precision": 'torch.backends.cuda.matmul.fp32_precision = "tf32"',
        "hardware.threads": "accelerate launch --num_cpu_threads_per_process",
        "data.workers": "DataLoader(num_workers=...)",
        "training.activation_checkpointing": "model.gradient_checkpointing_enable()",
    }


PLUGIN = Accelerate()
