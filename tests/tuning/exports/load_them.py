"""A program of its own: loads exports by the libraries that they are for, which change a process as they do.

`python load_them.py FOLDER` prints a JSON object: what each library understood of each file, by the file's name.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any


def accelerate(file: Path) -> dict[str, Any]:
    """What `accelerate launch --config_file` makes of it."""
    from accelerate.commands.config.config_args import load_config_from_file
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser

    config = load_config_from_file(str(file))
    parsed = launch_command_parser().parse_args(["--config_file", str(file), "train.py"])
    args, _, _ = _validate_launch_command(parsed)
    names = (
        "num_processes", "num_machines", "mixed_precision", "use_cpu", "use_fsdp", "use_deepspeed", "multi_gpu",
        "fsdp_version", "fsdp_reshard_after_forward", "fsdp_activation_checkpointing", "dynamo_backend", "dynamo_mode",
        "zero_stage", "gradient_accumulation_steps", "gradient_clipping",
    )  # fmt: skip
    return {"distributed_type": str(config.distributed_type.value), **{n: getattr(args, n, None) for n in names}}


def training_arguments(file: Path) -> dict[str, Any]:
    """What transformers makes of it, by both ways; a GPU is taken to be there."""
    from transformers import HfArgumentParser, TrainingArguments, training_args

    training_args.is_torch_bf16_gpu_available = lambda: True
    training_args.is_torch_tf32_available = lambda: False
    asked = json.loads(file.read_text())
    direct = TrainingArguments(**asked)
    (parsed,) = HfArgumentParser(TrainingArguments).parse_json_file(str(file))
    assert {k: v for k, v in parsed.to_dict().items() if k in asked} == {
        k: v for k, v in direct.to_dict().items() if k in asked
    }
    return {**{k: v for k, v in parsed.to_dict().items() if k in asked}, "rates": _rates(parsed)}


def _rates(args: Any) -> list[float]:
    """The learning rate of every step, as Trainer makes its scheduler."""
    import torch
    from transformers import get_scheduler

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=args.learning_rate)
    scheduler = get_scheduler(
        args.lr_scheduler_type,
        optimizer,
        num_warmup_steps=args.get_warmup_steps(args.max_steps),
        num_training_steps=args.max_steps,
        scheduler_specific_kwargs=args.lr_scheduler_kwargs,
    )
    rates = []
    for _ in range(args.max_steps):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        scheduler.step()
    return rates


def torchrun(file: Path) -> dict[str, Any]:
    """What torchrun's own parser makes of the command that the script runs."""
    from torch.distributed.run import get_args_parser

    stub = file.with_suffix("") / "torchrun"
    stub.parent.mkdir()
    stub.write_text('#!/bin/sh\necho "$OMP_NUM_THREADS"\nprintf "%s\\n" "$@"\n')
    stub.chmod(0o755)
    environment = {"PATH": f"{stub.parent}:/usr/bin:/bin", "RENDEZVOUS": "node0:29500"}
    command = ["/bin/sh", str(file), "train.py", "--lr", "0.1 and more"]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    threads, *arguments = said.splitlines()
    args = get_args_parser().parse_args(arguments)
    names = (
        "nnodes", "nproc_per_node", "standalone", "rdzv_backend", "rdzv_endpoint", "training_script",
        "training_script_args",
    )  # fmt: skip
    return {"OMP_NUM_THREADS": threads, **{name: getattr(args, name) for name in names}}


LOADERS = {"accelerate": accelerate, "training-arguments": training_arguments, "torchrun": torchrun}

if __name__ == "__main__":
    files = sorted(file for file in Path(sys.argv[1]).iterdir() if file.is_file())
    loaded = {file.name: LOADERS[file.name.partition(".")[0]](file) for file in files}
    print("\n" + json.dumps(loaded))  # noqa: T201
