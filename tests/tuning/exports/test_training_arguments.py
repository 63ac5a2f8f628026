"""What TrainingArguments cannot be told is left out, never replaced by something near."""

import json
from typing import Any

import pytest

from benchbench.tuning.export import Chosen
from benchbench.tuning.exports.training_arguments import PLUGIN
from tests.tuning.exports.recommendations import chosen, sharded


def arguments(case: Chosen) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PLUGIN.write(case).text)
    return found


@pytest.mark.parametrize("name", ["adam", "lamb", "adafactor", "muon"])
def test_an_optimizer_without_an_equal_is_left_out(name: str) -> None:
    case = chosen(training__optimizer={"name": name, "weight_decay": 0.01})
    assert "optim" not in arguments(case)
    assert "training.optimizer.name" not in PLUGIN.write(case).says


def test_adam_without_decay_is_adamw_without_decay() -> None:
    case = chosen(training__optimizer={"name": "adam", "weight_decay": 0.0})
    assert (arguments(case)["optim"], arguments(case)["weight_decay"]) == ("adamw_torch_fused", 0.0)


def test_lion_needs_another_package_and_says_so() -> None:
    case = chosen(training__optimizer={"name": "lion"})
    assert (arguments(case)["optim"], arguments(case)["adam_beta2"]) == ("lion_32bit", 0.99)
    assert "its lion needs bitsandbytes" in PLUGIN.write(case).notes


@pytest.mark.parametrize(
    ("case", "key", "argument"),
    [
        (chosen(training__schedule__name="step"), "training.schedule.name", "lr_scheduler_type"),
        (chosen(training__schedule__name="exponential"), "training.schedule.warmup_fraction", "warmup_steps"),
        (chosen("cuda", precision="fp8"), "precision", "bf16"),
        (sharded("zero1"), "parallelism.shard", "fsdp"),
        (
            chosen(training__activation_checkpointing="selective"),
            "training.activation_checkpointing",
            "activation_checkpointing",
        ),
    ],
)
def test_what_it_cannot_say_is_left_out_with_a_hint(case: Chosen, key: str, argument: str) -> None:
    written = PLUGIN.write(case)
    assert argument not in json.loads(written.text)
    assert key not in written.says


def test_tf32_is_set_either_way_on_a_gpu_and_not_on_a_cpu() -> None:
    assert arguments(chosen("cuda", precision="tf32"))["tf32"] is True
    assert arguments(chosen("cuda"))["tf32"] is False
    assert "tf32" not in arguments(chosen("cpu"))
