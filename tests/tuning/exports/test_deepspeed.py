"""DeepSpeed's file against what its documentation says of each field, and by its own parser where that is installed.

Source: https://www.deepspeed.ai/docs/config-json/ (0.19), and the constructors of torch.optim and of
deepspeed.runtime.lr_schedules, which `params` are given to.
"""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from benchbench.tuning.export import Chosen
from benchbench.tuning.exports.deepspeed import PLUGIN
from tests.tuning.exports.recommendations import chosen, sharded

NUMBER, RATE, WHOLE = {"type": "number", "minimum": 0}, {"type": "number", "exclusiveMinimum": 0}, {
    "type": "integer", "minimum": 1,
}  # fmt: skip


def closed(required: str = "", **properties: Any) -> dict[str, Any]:
    return {
        "type": "object", "properties": properties, "required": required.split(), "additionalProperties": False,
    }  # fmt: skip


def typed(name: str, **params: Any) -> dict[str, Any]:
    return closed("type params", type={"const": name}, params=closed(" ".join(params), **params))


BETAS = {"type": "array", "items": NUMBER, "minItems": 2, "maxItems": 2}
ADAM = {"lr": RATE, "betas": BETAS, "eps": RATE, "weight_decay": NUMBER, "adam_w_mode": {"type": "boolean"}}
WARM = {"warmup_num_steps": WHOLE, "warmup_type": {"enum": ["log", "linear"]}}
SCHEMA = closed(
    "train_batch_size train_micro_batch_size_per_gpu",
    train_batch_size=WHOLE,
    train_micro_batch_size_per_gpu=WHOLE,
    gradient_accumulation_steps=WHOLE,
    gradient_clipping=NUMBER,
    zero_optimization=closed("stage", stage={"enum": [0, 1, 2, 3]}),
    optimizer={"anyOf": [
        typed("Adam", **ADAM), typed("AdamW", **ADAM), typed("Lion", lr=RATE, betas=BETAS, weight_decay=NUMBER),
        typed("SGD", lr=RATE, weight_decay=NUMBER), typed("SGD", lr=RATE, weight_decay=NUMBER, momentum=NUMBER),
    ]},
    scheduler={"anyOf": [
        typed("WarmupLR", warmup_min_lr=NUMBER, warmup_max_lr=RATE, **WARM),
        typed("WarmupDecayLR", total_num_steps=WHOLE, warmup_min_lr=NUMBER, warmup_max_lr=RATE, **WARM),
        typed("WarmupCosineLR", total_num_steps=WHOLE, warmup_min_ratio=NUMBER, cos_min_ratio=NUMBER, **WARM),
    ]},
    torch_autocast=closed("enabled dtype", enabled={"type": "boolean"}, dtype={"enum": ["bfloat16", "float16"]}),
    communication_data_type={"enum": ["fp16", "bf16", "fp32"]},
)  # fmt: skip


def documented(file: Path, processes: int) -> None:
    config = json.loads(file.read_text())
    jsonschema.validate(config, SCHEMA)
    micro, steps = config["train_micro_batch_size_per_gpu"], config["gradient_accumulation_steps"]
    assert config["train_batch_size"] == micro * steps * processes


def by_its_own_parser(file: Path, processes: int) -> None:
    program = (
        "import sys, deepspeed.runtime.config as c\n"
        "c.dist.get_rank = lambda: 0\n"
        f"c.dist.get_world_size = lambda: {processes}\n"
        "print(c.DeepSpeedConfig(sys.argv[1]).train_batch_size)"
    )
    answer = subprocess.run([sys.executable, "-c", program, str(file)], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    assert int(answer.stdout.splitlines()[-1]) == json.loads(file.read_text())["train_batch_size"]


READERS: list[Callable[[Path, int], None]] = [documented]
if importlib.util.find_spec("deepspeed") is not None:
    READERS.append(by_its_own_parser)

CASES = {
    "adamw": chosen(),
    "adam": chosen(training__optimizer__name="adam", precision="fp16", training__gradient_clip=None),
    "lion": chosen(training__optimizer={"name": "lion"}, precision="bf16"),
    "sgd": chosen(training__optimizer={"name": "sgd"}, training__schedule__name="constant"),
    "momentum": chosen(training__optimizer={"name": "momentum"}, training__schedule__name="linear"),
    "no-warm-up": chosen(training__schedule={"name": "linear", "warmup_fraction": 0.0}),
    "foreign": chosen(training__optimizer={"name": "lamb"}, training__schedule__name="step"),
    "zero1": sharded("zero1", parallelism__communication="fp16"),
    "zero3": sharded("zero3"),
}


def config(case: Chosen) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PLUGIN.write(case).text)
    return found


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("case", CASES)
def test_deepspeed_reads_its_file(tmp_path: Path, case: str, read: Callable[[Path, int], None]) -> None:
    file = tmp_path / "deepspeed.json"
    file.write_text(PLUGIN.write(CASES[case]).text)
    read(file, CASES[case].processes)


def test_it_says_what_was_recommended() -> None:
    assert config(CASES["adamw"]) == {
        "train_batch_size": 64, "train_micro_batch_size_per_gpu": 8, "gradient_accumulation_steps": 8,
        "gradient_clipping": 1.0, "zero_optimization": {"stage": 0},
        "optimizer": {
            "type": "AdamW",
            "params": {"lr": 1e-3, "weight_decay": 0.02, "betas": [0.9, 0.98], "eps": 1e-8, "adam_w_mode": True},
        },
        "scheduler": {
            "type": "WarmupCosineLR",
            "params": {
                "warmup_num_steps": 20, "warmup_type": "linear", "warmup_min_ratio": 0.0, "cos_min_ratio": 0.0,
                "total_num_steps": 400,
            },
        },
    }  # fmt: skip
    assert config(CASES["adam"])["optimizer"]["params"]["adam_w_mode"] is False
    assert config(CASES["adam"])["torch_autocast"] == {"enabled": True, "dtype": "float16"}
    assert config(CASES["zero3"])["zero_optimization"] == {"stage": 3}
    assert config(CASES["zero3"])["gradient_accumulation_steps"] == 4


def test_a_rule_that_deepspeed_has_in_another_form_is_left_out() -> None:
    written = PLUGIN.write(CASES["foreign"])
    assert {"optimizer", "scheduler"}.isdisjoint(json.loads(written.text))
    assert "training.optimizer.name" not in written.says
    assert "training.optimizer.learning_rate" not in written.says
    assert "training.schedule.name" not in written.says


def test_a_warm_up_that_deepspeed_lengthens_is_said() -> None:
    written = PLUGIN.write(CASES["no-warm-up"])
    assert json.loads(written.text)["scheduler"]["params"]["warmup_num_steps"] == 2
    assert "DeepSpeed warms up over 2 steps at least, the training over 0" in written.notes
