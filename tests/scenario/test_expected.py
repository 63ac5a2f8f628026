"""One message for whatever is wrong in a file: line, key, what was expected, the nearest known name."""

from __future__ import annotations

import pytest

from tests.scenario.refusing import WHOLE, Write, check, edited, line_with, refusal

GB, MB, LR, NAME = "global_batch: 32", "micro_batch: 8", "learning_rate: 5e-5", "name: a question"
MODEL, TASK, PRECISION = "{family: bert, size: tiny}", "task: sequence-classification", "\nprecision: fp32"
TARGET = "target: {metric: accuracy, at_least: 0.85}\n"


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        (PRECISION, "\nprecison: fp32", "precison", "unknown key: did you mean 'precision'?"),
        (GB, "global_bach: 32", "training.global_bach", "unknown key: did you mean 'training.global_batch'?"),
        (LR, "learning_rat: 1", "training.optimizer.learning_rat", "did you mean 'training.optimizer.learning_rate'?"),
        (GB, "learning_rate: 1", "training.learning_rate", "did you mean 'training.optimizer.learning_rate'?"),
        (GB, "zzz: 1", "training.zzz", "unknown key: known: activation_checkpointing, adapter"),
        (PRECISION, "\noptimizer: {}", "optimizer", "did you mean 'training.optimizer'?"),
        (PRECISION, "\ntraining.seed: 1", "training.seed", "write it as nested keys, training: {seed: ...}"),
        (PRECISION, "\nschema_version: 1", "schema_version", "did you mean 'schema'?"),
        (PRECISION, "\n1: x", "1", "unknown key: known: data, hardware"),
        (PRECISION, "\nnull: x", "null", "unknown key: known: data"),
        (PRECISION, "\n? \n: x", "the whole", "unknown key"),
        (PRECISION, "\nprеcision: fp32", "prеcision", "yours has cyrillic small letter ie in it"),  # noqa: RUF001
        (MODEL, "{family: bert, layer: 2}", "model.layer", "did you mean 'model.layers'?"),
        (GB, "adapter: {name: lora, rnk: 1}", "training.adapter.rnk", "did you mean 'training.adapter.rank'?"),
    ],
)  # fmt: skip
def test_an_unknown_key(text: str, write: Write, old: str, new: str, key: str, words: str) -> None:
    check(text, write, old, new, key, words)


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        (GB, 'global_batch: "32"', "training.global_batch", WHOLE + "'32'; leave the quotes out"),
        (GB, "global_batch: 3.2e1", "training.global_batch", WHOLE + "32.0; write 32"),
        (GB, "global_batch: true", "training.global_batch", WHOLE + "true"),
        (GB, "global_batch:", "training.global_batch", WHOLE + "null"),
        (GB, "global_batch: [32]", "training.global_batch", WHOLE + "a list"),
        (GB, "global_batch: {a: 1}", "training.global_batch", WHOLE + "a mapping"),
        (GB, "global_batch: .nan", "training.global_batch", WHOLE + ".nan"),
        (GB, "global_batch: .inf", "training.global_batch", WHOLE + ".inf"),
        (GB, "global_batch: 0", "training.global_batch", WHOLE + "0"),
        (GB, "global_batch: -1", "training.global_batch", WHOLE + "-1"),
        (GB, "global_batch: 1e999", "training.global_batch", "too large"),
        (MB, "micro_batch: 0", "training.micro_batch", "expected auto or a whole number of at least 1, not 0"),
        (MB, "micro_batch: atuo", "training.micro_batch", "not 'atuo': did you mean 'auto'?"),
        (MB, "micro_batch: true", "training.micro_batch", "expected auto or a whole number of at least 1, not true"),
        (LR, "learning_rate: 0", "training.optimizer.learning_rate", "expected a number above 0, not 0"),
        (LR, "learning_rate: -0.0", "training.optimizer.learning_rate", "expected a number above 0, not -0.0"),
        (LR, "learning_rate: .nan", "training.optimizer.learning_rate", "expected a number above 0, not .nan"),
        (LR, "learning_rate: .inf", "training.optimizer.learning_rate", "expected a number above 0, not .inf"),
        (LR, 'learning_rate: "5e-5"', "training.optimizer.learning_rate", "not '5e-5'; leave the quotes out"),
        (LR, "learning_rate: true", "training.optimizer.learning_rate", "expected a number above 0, not true"),
        (GB, "dropout: 1.0", "training.dropout", "expected a number of at least 0 and below 1 or null, not 1.0"),
        (GB, "gradient_clip: 0", "training.gradient_clip", "expected a number above 0 or null, not 0"),
        (GB, "seed: 2147483648", "training.seed", "of at least 0 and below 2147483648, not 2147483648"),
        (GB, "seed: -1", "training.seed", "a whole number of at least 0"),
        (GB, "compression: 5", "training.compression", "expected a section of keys and values, not 5"),
        (GB, "adapter: lorra", "training.adapter", "expected one of none, lora or an adapter such as {name: lora"),
        (GB, "adapter: {rank: 8}", "training.adapter.name", "required, and not there; expected lora"),
        (PRECISION, "\nprecision: fp23", "precision", "tf32, bf16, fp16, fp8, not 'fp23': did you mean 'fp32'?"),
        (PRECISION, "\nprecision: BF16", "precision", "did you mean 'bf16'?"),
        (PRECISION, "\nprecision: 16", "precision", "expected one of fp32, tf32, bf16, fp16, fp8, not 16"),
        (PRECISION, "\nprecision: ", "precision", "not null"),
        ("schema: 1", "schema: 2", "schema", "expected 1, the one format that this version reads, not 2"),
        ("schema: 1", "schema: true", "schema", "not true"),
        ("schema: 1", "schema: 1.0", "schema", "not 1.0"),
        (NAME, "name: 2024", "name", "expected a text of 1 to 200 characters, not 2024; put it in quotes"),
        (NAME, "name: true", "name", "not true; put it in quotes"),
        (NAME, "name:", "name", "expected a text of 1 to 200 characters, not null"),
        (NAME, "name: ''", "name", "expected a text of 1 to 200 characters, not ''"),
        (NAME, "name: ' '", "name", "expected a name, not blanks"),
        (NAME, "name: " + "x" * 201, "name", "expected a text of 1 to 200 characters"),
        (NAME, "name: a/b", "name", "a name is not a path: leave the slashes out"),
        (NAME, "name: a\\b", "name", "a name is not a path"),
        (NAME, "name: /etc/passwd", "name", "a name is not a path"),
        (NAME, "name: ..", "name", "does not begin with a dot"),
        (NAME, "name: .hidden", "name", "does not begin with a dot"),
        (NAME, 'name: "a\\nb"', "name", "no control characters or line breaks"),
        (NAME, 'name: "a\\0b"', "name", "no control characters"),
        (NAME, 'name: "a\\u2028b"', "name", "no control characters"),
        ("question: How fast?", "question: 5", "question", "expected a text or null, not 5; put it in quotes"),
        (MODEL, "bert", "model", "expected a section of keys and values or null, not 'bert'"),
        (MODEL, "{size: tiny}", "model.family", "required, and not there; expected a family that transformers knows"),
        (MODEL, "{family: BERT}", "model.family", "in lower case, such as bert, gpt2 or llama, not 'BERT'"),
        (MODEL, '{family: "be/rt"}', "model.family", "expected a family that transformers knows"),
        (MODEL, "{family: bert, size: ''}", "model.size", "expected a text (not empty) or null, not ''"),
        (MODEL, '{family: bert, size: "a\\0"}', "model.size", "a text without control characters"),
        (TASK, "task: sequence_classification", "task", "did you mean 'sequence-classification'?"),
        (TASK, "task: 7", "task", "expected one of bert-pretraining, causal-lm"),
        ("unicode-names", "unicode_names", "data.source", "did you mean 'unicode-names'?"),
        ("unicode-names", "unicode-names\n  clean: html", "data.clean", "expected a list, each item one of unicode"),
        ("unicode-names", "unicode-names\n  clean: [htm]", "data.clean.0", "did you mean 'html'?"),
        ("unicode-names", "unicode-names\n  workers: 257", "data.workers", "a whole number from 0 to 256, not 257"),
        ("unicode-names", "unicode-names\n  split: {train: a}", "data.split.validation", "required, and not there"),
        ("16GiB", "16gib", "hardware.memory_limit", "expected a size such as 16GiB or 512MB, not '16gib'"),
        ("16GiB", "0", "hardware.memory_limit", "expected a size above zero"),
        ("16GiB", "1e400GB", "hardware.memory_limit", "expected a size above zero"),
        ("16GiB", "1.5", "hardware.memory_limit", "expected a size such as 16GiB or 512MB, not 1.5"),
        ("100ms", "1ms", "measure.sample_interval", "expected a duration of at least 10ms, not 1ms"),
        ("100ms", "fast", "measure.sample_interval", "expected a duration such as 100ms, 30s, 10m, 2h or 1h30m"),
        ("sample_interval: 100ms", "timeout: soon", "measure.timeout", "expected auto or a duration such as 100ms"),
        ("sample_interval: 100ms", "timeout: .nan", "measure.timeout", "expected auto or a duration"),
        ("sample_interval: 100ms", "confidence: 1", "measure.confidence", "above 0.5 and below 1, not 1"),
        ("time-to-target", "time_to_target", "measure.procedure", "did you mean 'time-to-target'?"),
        ("at_least: 0.85", "at_least: high", "target.at_least", "expected a number or null, not 'high'"),
        ("at_least: 0.85", "at_least: .nan", "target.at_least", "expected a number or null, not .nan"),
    ],
)  # fmt: skip
def test_a_value_of_the_wrong_kind(text: str, write: Write, old: str, new: str, key: str, words: str) -> None:
    check(text, write, old, new, key, words)


@pytest.mark.parametrize(
    ("old", "new", "key", "words"),
    [
        (MB, "micro_batch: 64", "training.micro_batch", "64 is above global_batch / data degree = 32 / 1 = 32"),
        (MB, "micro_batch: 5", "training.micro_batch", "legal: 1, 2, 4, 8, 16, 32"),
        (GB, "global_batch: 1000000007", "training.micro_batch", "legal: its divisors, and auto"),
        ("memory_limit: 16GiB", "devices: 2", "parallelism.data", "devices 2 x nodes 1 = 2; 2 or auto would"),
        (PRECISION, "\nparallelism: {tensor: 3}", "parallelism.tensor", "tensor 3 x pipeline 1 = 3 does not divide"),
        (PRECISION, "\nparallelism: {pipeline: 2}", "parallelism.pipeline", "does not divide devices 1 x nodes 1 = 1"),
        (MODEL, "{family: bert, hidden: 12, heads: 5}", "model.heads", "hidden = 12 is not divisible by heads = 5"),
        (MODEL, "{family: bert, heads: 4, kv_heads: 3}", "model.kv_heads", "not divisible by kv_heads = 3"),
        (MODEL, "{family: bert, revision: x}", "model.revision", "name the hub id that it belongs to"),
        (TARGET, "", "measure.procedure", "time-to-target needs a target, such as"),
        ("at_least: 0.85", "at_least: 1, at_most: 1", "target.at_most", "exactly one of at_least (scores) and at_most"),
        (", at_least: 0.85", "", "target.at_least", "exactly one of"),
        ("unicode-names", "synthetic", "data.source", "no target can be reached; measure throughput"),
        ("unicode-names", "unicode-names\n  test_fraction: 0.95", "data.validation_fraction", "keep their sum below 1"),
        (TASK, TASK + "\ntrainer: {command: [x]}", "trainer", "leave those two out"),
    ],
)  # fmt: skip
def test_an_impossible_combination(text: str, write: Write, old: str, new: str, key: str, words: str) -> None:
    check(text, write, old, new, key, words)


def test_the_line_is_the_key_s_own(text: str, write: Write) -> None:
    for part, wrong, key in (
        ("learning_rate: 5e-5", "learning_rate: x", "training.optimizer.learning_rate"),
        ("size: tiny", "size: 5", "model.size"),
        ("sample_interval: 100ms", "sample_interval: x", "measure.sample_interval"),
        ("at_least: 0.85", "at_least: x", "target.at_least"),
        ("micro_batch: 8", "micro_batch: 64", "training.micro_batch"),
        ("precision: [fp32, bf16]", "precision: [fp31]", "search.space.precision"),
        ("log: true}", "log: x}", "search.space.training.optimizer.learning_rate.log"),
    ):
        changed = edited(text, part, wrong)
        error = refusal(write(changed))
        assert (error.key, error.line) == (key, line_with(changed, wrong)), part


@pytest.mark.parametrize(("key", "line"), [("name", 2), ("model", 2), ("task", 2)])
def test_what_is_required_and_missing(text: str, write: Write, key: str, line: int) -> None:
    kept = "".join(row for row in text.splitlines(keepends=True) if not row.startswith(f"{key}:"))
    error = refusal(write(kept))
    assert (error.key, error.line) == (key, line)
    assert "required" in error.message


def test_model_and_task_are_missed_together(write: Write) -> None:
    error = refusal(write("name: a\n"))
    assert error.key == "model"
    assert "model and task (or a trainer" in error.message


def test_the_first_problem_leads_and_the_next_follow(text: str, write: Write) -> None:
    changed = edited(edited(text, NAME, "name: a/b"), PRECISION, "\nprecison: fp32\nx1: 1\nx2: 1\nx3: 1\nx4: 1\nx5: 1")
    error = refusal(write(changed))
    assert error.key == "name"
    rows = str(error).splitlines()
    assert rows[1].startswith(f"  also on line {line_with(changed, 'precison')}: precison: unknown key")
    assert rows[-1] == "  and 2 more"


def test_thousands_of_problems_are_one_short_message(text: str, write: Write) -> None:
    error = refusal(write(text + "".join(f"k{i}: 1\n" for i in range(4000))))
    assert str(error).endswith("and 3995 more")
