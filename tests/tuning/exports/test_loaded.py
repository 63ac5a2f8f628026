"""Every export is loaded by the library that it is for."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

from benchbench import registry
from benchbench.scenario.loading import load
from benchbench.training.schedules import factor
from benchbench.tuning.export import Chosen, Format, commented, remarks
from tests.tuning.exports.recommendations import chosen, sharded

CASES = {
    "cpu": chosen(training__max_steps=40),
    "gpu": chosen(
        "cuda", precision="bf16", training__compile="max-autotune", training__activation_checkpointing="full",
        data__workers=2,
    ),
    "constant": chosen(training__schedule__name="constant", training__max_steps=40),
    "linear": chosen(training__schedule__name="linear", training__max_steps=40),
    "inverse-sqrt": chosen(training__schedule__name="inverse-sqrt", training__max_steps=40),
    "no-warm-up": chosen(
        training__schedule={"name": "inverse-sqrt", "warmup_fraction": 0.0}, training__max_steps=40,
        training__gradient_clip=None,
    ),
    "momentum": chosen(training__optimizer={"name": "momentum", "learning_rate": 0.1, "momentum": 0.8}),
    "zero1": sharded("zero1"),
    "zero2": sharded("zero2"),
    "zero3": sharded("zero3", training__activation_checkpointing="full"),
    "ddp": sharded("none", precision="tf32"),
    "nodes": chosen(hardware__nodes=2, parallelism__data=2, hardware__threads=3),
}  # fmt: skip
ENDINGS = {"accelerate": "yaml", "training-arguments": "json", "torchrun": "sh", "yaml": "yaml"}


def export(name: str, case: Chosen, folder: Path, stem: str) -> Path:
    writer = cast(Format, registry.load(registry.EXPORTS, name))
    written = writer.write(case)
    file = folder / f"{name}.{stem}.{ENDINGS[name]}"
    text = written.text
    file.write_text(commented(text, remarks(case, written), writer.comment) if writer.comment else text)
    return file


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("exports")
    for name in ("accelerate", "training-arguments", "torchrun"):
        for stem, case in CASES.items():
            if not (name == "training-arguments" and case.scenario.precision == "tf32"):  # needs a GPU that has it
                export(name, case, folder, stem)
    program = Path(__file__).with_name("load_them.py")
    answer = subprocess.run(
        [sys.executable, "-W", "error", str(program), str(folder)], capture_output=True, text=True, check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    found: dict[str, dict[str, Any]] = json.loads(answer.stdout.splitlines()[-1])
    return found


def test_accelerate_reads_its_file(loaded: dict[str, dict[str, Any]]) -> None:
    def read(case: str, *names: str) -> list[Any]:
        return [loaded[f"accelerate.{case}.yaml"][name] for name in names]

    plain = ("distributed_type", "num_processes", "num_machines", "use_cpu", "mixed_precision", "dynamo_backend")
    assert read("cpu", *plain) == ["NO", 1, 1, True, "no", "no"]
    assert read("gpu", *plain) == ["NO", 1, 1, False, "bf16", "INDUCTOR"]
    assert read("gpu", "dynamo_mode") == ["max-autotune"]
    assert read("ddp", *plain) == ["MULTI_GPU", 2, 1, False, "no", "no"]
    assert read("nodes", *plain) == ["MULTI_CPU", 2, 2, True, "no", "no"]
    fsdp = ("use_fsdp", "fsdp_version", "fsdp_reshard_after_forward", "fsdp_activation_checkpointing")
    assert read("zero2", *fsdp) == [True, 2, False, False]
    assert read("zero3", *fsdp) == [True, 2, True, True]
    zero1 = ("use_deepspeed", "zero_stage", "gradient_accumulation_steps", "gradient_clipping")
    assert read("zero1", *zero1) == [True, 1, 4, 1.0]


def test_transformers_reads_its_file(loaded: dict[str, dict[str, Any]]) -> None:
    cpu = loaded["training-arguments.cpu.json"]
    asked = {
        "per_device_train_batch_size": 8, "gradient_accumulation_steps": 8, "max_steps": 40, "max_grad_norm": 1.0,
        "seed": 7, "learning_rate": 1e-3, "weight_decay": 0.02, "optim": "adamw_torch_fused", "adam_beta1": 0.9,
        "adam_beta2": 0.98, "adam_epsilon": 1e-8, "lr_scheduler_type": "cosine", "warmup_steps": 2, "bf16": False,
        "fp16": False, "use_cpu": True, "torch_compile": False, "dataloader_num_workers": 0,
    }  # fmt: skip
    assert {key: cpu[key] for key in asked} == asked
    gpu = loaded["training-arguments.gpu.json"]
    assert (gpu["bf16"], gpu["use_cpu"], gpu["torch_compile"]) == (True, False, True)
    assert gpu["torch_compile_mode"] == "max-autotune"
    assert gpu["activation_checkpointing"] is True
    assert (gpu["dataloader_num_workers"], gpu["dataloader_prefetch_factor"]) == (2, 2)
    assert loaded["training-arguments.no-warm-up.json"]["max_grad_norm"] == 0.0
    assert loaded["training-arguments.momentum.json"]["optim_args"] == "momentum=0.8"
    zero3 = loaded["training-arguments.zero3.json"]
    assert zero3["fsdp"] is True
    assert zero3["fsdp_config"]["reshard_after_forward"] is True
    assert loaded["training-arguments.zero2.json"]["fsdp_config"]["reshard_after_forward"] is False


@pytest.mark.parametrize("case", ["cpu", "constant", "linear", "inverse-sqrt", "no-warm-up"])
def test_transformers_follows_the_same_schedule(loaded: dict[str, dict[str, Any]], case: str) -> None:
    training = CASES[case].scenario.training
    steps = range(1, training.max_steps + 1)
    ours = [training.optimizer.learning_rate * factor(training.schedule, step, training.max_steps) for step in steps]
    theirs = loaded[f"training-arguments.{case}.json"]["rates"]
    warmup = CASES[case].warmup_steps
    assert theirs[warmup:] == pytest.approx(ours[warmup:])
    assert theirs[1:warmup] == pytest.approx(ours[: warmup - 1] if warmup else [])


def test_torchrun_reads_the_command_of_its_script(loaded: dict[str, dict[str, Any]]) -> None:
    for case, expected in {
        "cpu": ("1:1", "1", True, ""),
        "ddp": ("1:1", "2", True, ""),
        "nodes": ("2", "1", False, "3"),
    }.items():
        found = loaded[f"torchrun.{case}.sh"]
        assert (found["nnodes"], found["nproc_per_node"], found["standalone"], found["OMP_NUM_THREADS"]) == expected
        assert (found["training_script"], found["training_script_args"]) == ("train.py", ["--lr", "0.1 and more"])
    assert loaded["torchrun.nodes.sh"]["rdzv_endpoint"] == "node0:29500"


@pytest.mark.parametrize("case", CASES)
def test_benchbench_reads_its_own_file(tmp_path: Path, case: str) -> None:
    (read,) = load(export("yaml", CASES[case], tmp_path, case))
    assert read == CASES[case].scenario
