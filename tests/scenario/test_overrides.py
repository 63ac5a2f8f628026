"""`--set`: values are YAML 1.2, checked as in a file, and a key given twice makes variants."""

from __future__ import annotations

import pytest

from benchbench.errors import ScenarioError
from benchbench.scenario.loading import KEYS, VARIANT_LIMIT, line_of, load, parse_override, vary, with_overrides
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.text import parse
from tests.scenario.refusing import WHOLE, Write, edited, line_with, refusal


@pytest.mark.parametrize(
    ("override", "key", "value"),
    [
        ("training.optimizer.learning_rate=1e-3", "training.optimizer.learning_rate", 1e-3),
        ("precision=bf16", "precision", "bf16"),
        (" precision = bf16 ", "precision", "bf16"),
        ("training.global_batch=0x10", "training.global_batch", 16),
        ("training.dropout=null", "training.dropout", None),
        ("training.dropout=~", "training.dropout", None),
        ("question=a=b", "question", "a=b"),
        ("question=''", "question", ""),
        ("question=yes", "question", "yes"),
        ("question=1:30", "question", "1:30"),
        ("name='5'", "name", "5"),
        ("training.optimizer={name: sgd}", "training.optimizer", {"name": "sgd"}),
        ("data.clean=[html, unicode]", "data.clean", ("html", "unicode")),
    ],
)
def test_an_override_is_yaml_1_2(override: str, key: str, value: object) -> None:
    assert parse_override(override) == (key, value)


@pytest.mark.parametrize(
    ("override", "key", "words"),
    [
        ("training.global_batch", None, "expected KEY=VALUE, such as precision=bf16, not 'training.global_batch'"),
        ("", None, "expected KEY=VALUE"),
        ("=3", None, "expected KEY=VALUE"),
        ("training.global_batch=", "training.global_batch", "no value stands after the equals sign; write null"),
        ("training.global_batch= # 8", "training.global_batch", "no value stands after"),
        ("training.global_batch=[", "training.global_batch", "not valid YAML"),
        ("training.global_batch=!!python/object/apply:os.system [ls]", "training.global_batch", "not allowed"),
        ("training.global_batch=&a [*a]", "training.global_batch", "contains itself"),
        ("training.global_batch=1e999", "training.global_batch", "too large"),
        ("question=a\nb: c", "question", "not valid YAML"),
        ("question=a\n---\nb", "question", "second document"),
        ("training.global_batch=0", "training.global_batch", WHOLE + "0"),
        ("training.global_batch='8'", "training.global_batch", "leave the quotes out"),
        ("training.global_bach=8", "training.global_bach", "did you mean 'training.global_batch'?"),
        ("learning_rate=8", "learning_rate", "did you mean 'training.optimizer.learning_rate'?"),
        ("training.zzz=8", "training.zzz", "unknown key: known: activation_checkpointing"),
        ("zzz=8", "zzz", "unknown key: known: data, hardware"),
        ("precision.x=8", "precision.x", "precision holds a value, not keys"),
        ("training..global_batch=8", "training..global_batch", "unknown key"),
        ("search.spce.precision=[fp32]", "search.spce.precision", "unknown key"),
        ("search.space.precison=[fp32]", "search.space.precison", "did you mean 'precision'?"),
        ("search.space.precision=[fp31]", "search.space.precision", "did you mean 'fp32'?"),
        ("training.micro_batch=64", "training.micro_batch", "64 is above"),
        ("model.heads=3", "model.heads", "hidden = 128 is not divisible"),
        ("training=5", "training", "expected a section of keys and values, not 5"),
        ("training={zzz: 1}", "training.zzz", "unknown key"),
        ("name=a/b", "name", "a name is not a path"),
    ],
)
def test_what_an_override_is_refused_for(text: str, write: Write, override: str, key: str | None, words: str) -> None:
    path = write(edited(text, "size: tiny", "hidden: 128"))
    error = refusal(path, override)
    assert (error.key, error.line, error.via) == (key, None, "--set")
    assert words in error.message
    assert str(error).startswith(f"{path}: {key} (--set): " if key else f"{path}: (--set): ")


def test_a_combination_that_overrides_spoil_names_them(text: str, write: Write) -> None:
    error = refusal(write(text), "training.global_batch=4", "precision=bf16")
    assert error.key == "training.micro_batch"
    assert error.via == "with --set training.global_batch, precision"
    assert "8 is above global_batch / data degree = 4 / 1 = 4" in error.message


def test_overrides_apply_together(text: str, write: Write) -> None:
    (scenario,) = load(write(text), ["training.global_batch=4", "training.micro_batch=2", "hardware.memory_limit=1GiB"])
    assert (scenario.training.global_batch, scenario.training.micro_batch) == (4, 2)
    assert scenario.hardware.memory_limit == 2**30


def test_a_whole_section_and_one_of_its_settings(text: str, write: Write) -> None:
    (scenario,) = load(write(text), ["training.optimizer={name: sgd}", "training.optimizer.weight_decay=0"])
    assert scenario.training.optimizer.model_dump(exclude_none=True) == {
        "name": "sgd", "learning_rate": 5e-5, "weight_decay": 0.0, "l1": 0.0,
    }  # fmt: skip


def test_a_trainer_takes_the_place_of_model_and_task(text: str, write: Write) -> None:
    (scenario,) = load(write(text), ["model=null", "task=null", "trainer={command: [python, train.py]}"])
    assert scenario.trainer is not None
    assert scenario.trainer.command == ("python", "train.py")


def test_the_search_may_be_overridden(text: str, write: Write) -> None:
    path = write(text)
    (one,) = load(path, ["search.space.training.optimizer.name=[sgd, adamw]"])
    assert list(one.search.space)[-1] == "training.optimizer.name"
    (none,) = load(path, ["search.space={}", "search.baseline={}"])
    assert not none.search.space
    error = refusal(path, "search.baseline={training.micro_batch: 64}")
    assert (error.key, error.via) == ("search.baseline.training.micro_batch", "--set")


def test_a_key_given_twice_makes_variants_in_the_order_written(text: str, write: Write) -> None:
    variants = load(
        write(text), ["precision=fp32", "training.global_batch=16", "precision=bf16", "training.global_batch=64"]
    )
    found = [(v.precision, v.training.global_batch) for v in variants]
    assert found == [("fp32", 16), ("fp32", 64), ("bf16", 16), ("bf16", 64)]


def test_one_bad_variant_refuses_all(text: str, write: Write) -> None:
    assert refusal(write(text), "precision=bf16", "precision=fp31").key == "precision"


def test_too_many_variants(text: str, write: Write) -> None:
    overrides = [
        f"{key}={value}" for key in ("training.seed", "data.workers", "training.max_steps") for value in range(1, 40)
    ]
    assert f"at most {VARIANT_LIMIT:,} are allowed" in refusal(write(text), *overrides).message


def test_a_file_must_be_legal_by_itself(text: str, write: Write) -> None:
    error = refusal(write(edited(text, "\nprecision: fp32", "\nprecision: fp31")), "precision=fp32")
    assert (error.key, error.via) == ("precision", None)
    assert error.line is not None


def test_vary_is_an_override_without_a_file(scenario: Scenario) -> None:
    varied = vary(scenario, {"precision": "bf16", "training.optimizer.learning_rate": 1, "data.clean": ["html"]})
    assert (varied.precision, varied.training.optimizer.learning_rate) == ("bf16", 1.0)
    assert varied.data.clean == ("html",)
    assert scenario.precision == "fp32"
    assert vary(scenario, {}) == scenario
    with pytest.raises(ScenarioError) as caught:
        vary(scenario, {"precision": "fp31"})
    assert (caught.value.file, caught.value.via, caught.value.key) == (None, None, "precision")


@pytest.mark.parametrize("value", [object(), b"x", {1, 2}, 10**400, -(10**400), float("nan"), {"a": {1: 2}}, [[[]]]])
@pytest.mark.parametrize(
    "key", ["training.optimizer.learning_rate", "training.global_batch", "name", "data.clean", "model"]
)
def test_vary_takes_anything_and_refuses_it(scenario: Scenario, key: str, value: object) -> None:
    with pytest.raises(ScenarioError):
        vary(scenario, {key: value})


@pytest.mark.parametrize("key", ["training.global_batch", "data.sequence_length", "measure.warmup", "model.layers"])
def test_a_number_that_no_file_could_hold(scenario: Scenario, key: str) -> None:
    vary(scenario, {key: 2**62} | ({"training.micro_batch": "auto"}))
    with pytest.raises(ScenarioError):
        vary(scenario, {key: 2**63})


def test_overrides_leave_the_document_as_it_was(text: str) -> None:
    document = parse(text)
    before = repr(document.data)
    with_overrides(document, {"training.optimizer.name": "sgd", "search.space.training.optimizer.name": ("sgd",)})
    assert repr(document.data) == before


def test_where_a_key_stands(text: str, write: Write) -> None:
    path = write(text)
    assert line_of(path, "training.optimizer.learning_rate") == line_with(text, "learning_rate: 5e-5")
    assert line_of(path, "search.space.training.global_batch") == line_with(text, "training.global_batch")
    assert line_of(path, "training.compile") is None


def test_sections_and_settings_are_known_keys() -> None:
    assert {"training", "training.optimizer", "training.optimizer.learning_rate", "schema", "search.space"} <= set(KEYS)
    assert "schema_version" not in KEYS
