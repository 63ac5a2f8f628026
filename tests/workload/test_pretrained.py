"""Trained weights: which are taken, how they come under a head, and why others are refused."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from benchbench.errors import ScenarioError, UnsupportedError
from benchbench.scenario.types import Model
from benchbench.workload import pretrained
from benchbench.workload.tokenizer import train_bytes
from benchbench.workload.vocabulary import Vocabulary
from tests.workload.folders import MINILM, edit, save, save_tokenizer

CLASSES = "AutoModelForSequenceClassification"


def loaded(
    folder: Path,
    family: str = "bert",
    head: str = CLASSES,
    dropout: float | None = None,
    labels: int = 3,
    seed: int = 0,
) -> Any:
    model = Model(family=family, pretrained=str(folder))
    trained = pretrained.find(model)
    assert trained is not None
    config = pretrained.configuration(trained, model, dropout, labels)
    torch.manual_seed(seed)
    return pretrained.load(trained, config, head, "auto")


def vocabulary(folder: Path, family: str = "bert") -> Vocabulary:
    model = Model(family=family, pretrained=str(folder))
    trained = pretrained.find(model)
    assert trained is not None
    return pretrained.vocabulary(trained, pretrained.configuration(trained, model, None, 2))


def revision(folder: Path) -> str:
    trained = pretrained.find(Model(family="bert", pretrained=str(folder)))
    assert trained is not None
    return trained.revision


def prepared(model: Model) -> torch.nn.Module:
    """All that a check before a run does with a model's weights."""
    with torch.device("meta"):
        trained = pretrained.find(model)
        assert trained is not None
        config = pretrained.configuration(trained, model, None, 3)
        pretrained.vocabulary(trained, config)
        return pretrained.load(trained, config, CLASSES, "auto")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("folders") / "small")


@pytest.fixture
def copy(small: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(small, tmp_path / "copy"))


def test_the_real_minilm_has_the_weights_of_its_file() -> None:
    file = load_file(MINILM / "model.safetensors")
    model = loaded(MINILM, labels=8)
    found = dict(model.bert.named_parameters())
    assert {f"bert.{name}" for name in found} | {"classifier.weight", "classifier.bias"} == {
        name for name, _ in model.named_parameters()
    }
    for name, parameter in found.items():
        assert torch.equal(parameter, file[name]), name
    assert sum(p.numel() for p in found.values()) == 22_713_216  # 6 layers of width 384
    assert model.classifier.weight.shape == (8, 384)


def test_the_real_minilm_knows_which_sentences_mean_the_same() -> None:
    """Mean pooling, as the model was trained; wrong weights, ids or positions would not do."""
    model, words = loaded(MINILM).eval(), vocabulary(MINILM)

    def meaning(text: str) -> torch.Tensor:
        ids = torch.tensor([words.encode([text])[0].ids])
        with torch.inference_mode():
            states = model.bert(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        return torch.nn.functional.normalize(states.mean(1)[0], dim=0)

    one, same, other = map(meaning, ("A man is eating food.", "A man eats something.", "The girl plays a violin."))
    assert one @ same > 0.7
    assert one @ other < 0.3


def test_the_real_minilms_own_tokenizer_is_used() -> None:
    words = vocabulary(MINILM)
    assert (words.size, words.pad, words.unknown, words.begin, words.end, words.mask) == (30_522, 0, 100, 101, 102, 103)
    assert words.pairs
    assert words.encode(["Hello there"])[0].ids == [101, 7592, 2045, 102]
    assert words.encode(["Hello"], ["there"])[0].type_ids == [0, 0, 0, 1, 1]
    assert len(words.encode(["there " * 300])[0].ids) == 302  # its file says that rows end at 128
    assert words.decode([101, 7592, 2045, 102]) == "hello there"


def test_only_what_the_head_has_anew_is_drawn_from_the_seed(small: Path) -> None:
    one, again, other = (dict(loaded(small, seed=seed).named_parameters()) for seed in (1, 1, 2))
    for name, parameter in one.items():
        assert torch.equal(parameter, again[name]), name
        drawn = name in ("classifier.weight", "bert.pooler.dense.weight")  # a masked language model has no pooler
        assert torch.equal(parameter, other[name]) is not drawn, name
    assert one["classifier.weight"].std().item() == pytest.approx(0.02, rel=0.3)


def test_a_head_that_fits_is_taken_and_one_of_other_classes_is_drawn_anew(tmp_path: Path) -> None:
    folder = save(tmp_path / "classifier", "BertForSequenceClassification", num_labels=3)
    file = load_file(folder / "model.safetensors")
    assert torch.equal(loaded(folder, labels=3).classifier.weight, file["classifier.weight"])
    four = loaded(folder, labels=4)
    assert four.classifier.weight.shape == (4, 32)
    assert torch.equal(four.bert.pooler.dense.weight, file["bert.pooler.dense.weight"])


def test_weights_of_half_precision_are_trained_in_float32(tmp_path: Path) -> None:
    folder = save(tmp_path / "half", dtype=torch.bfloat16)
    assert {p.dtype for p in loaded(folder).parameters()} == {torch.float32}


def test_weights_in_several_files_are_one_model(small: Path, tmp_path: Path) -> None:
    folder = save(tmp_path / "shards", shard="20KB")
    assert len(list(folder.glob("*.safetensors"))) > 2
    whole = dict(loaded(small).named_parameters())
    for name, parameter in loaded(folder).named_parameters():
        assert torch.equal(parameter, whole[name]), name


def test_dropout_overrides_the_weights_own(small: Path) -> None:
    for dropout, wanted in ((None, 0.1), (0.4, 0.4)):
        assert {m.p for m in loaded(small, dropout=dropout).modules() if isinstance(m, torch.nn.Dropout)} == {wanted}


def test_training_leaves_the_file_as_it_is(small: Path) -> None:
    before, model = revision(small), loaded(small)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    assert revision(small) == before
    assert before.startswith("sha256:")


def test_the_revision_of_a_folder_is_its_content(small: Path, copy: Path) -> None:
    first = revision(copy)
    assert first == revision(small)
    weights = load_file(copy / "model.safetensors")
    weights["bert.embeddings.LayerNorm.bias"][0] += 1
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    assert revision(copy) != first


GPT2 = {"n_layer": 2, "n_embd": 32, "n_head": 2, "num_hidden_layers": 2}
T5 = {"num_layers": 2, "d_model": 32, "num_heads": 2, "d_kv": 16, "d_ff": 48}


@pytest.mark.parametrize(
    ("family", "architecture", "head", "changes", "body"),
    [
        ("gpt2", "GPT2LMHeadModel", "AutoModelForCausalLM", GPT2, "transformer"),
        ("gpt2", "GPT2LMHeadModel", CLASSES, GPT2, "transformer"),
        ("roberta", "RobertaForMaskedLM", CLASSES, {"pad_token_id": 0}, "roberta"),
        ("distilbert", "DistilBertForMaskedLM", "AutoModelForTokenClassification", {}, "distilbert"),
        ("t5", "T5ForConditionalGeneration", "AutoModelForSeq2SeqLM", T5, "encoder"),
        ("t5", "T5ForConditionalGeneration", CLASSES, T5, "transformer"),
        ("llama", "LlamaForCausalLM", "AutoModelForTokenClassification", {}, "model"),
        ("bert", "BertModel", "AutoModelForPreTraining", {}, "bert"),
        ("bert", "BertForMaskedLM", "AutoModelForMaskedLM", {}, "bert"),
    ],
)
def test_every_family_comes_under_the_heads_of_its_tasks(
    family: str, architecture: str, head: str, changes: dict[str, Any], body: str, tmp_path: Path
) -> None:
    folder = save(tmp_path / "it", architecture, **changes)
    file = load_file(folder / "model.safetensors")
    model = loaded(folder, family, head)
    inside = {name: p for name, p in model.named_parameters() if name.startswith(body) and "pooler" not in name}
    assert len(inside) > 10
    for name, parameter in inside.items():
        assert torch.equal(parameter, file.get(name, file.get(name.removeprefix(f"{body}.")))), name
    with torch.device("meta"):
        bare = loaded(folder, family, head)
    assert {p.device.type for p in bare.parameters()} == {"meta"}
    assert {n: p.shape for n, p in bare.named_parameters()} == {n: p.shape for n, p in model.named_parameters()}


def remove(*names: str) -> Callable[[Path], None]:
    return lambda folder: [(folder / name).unlink() for name in names] and None  # type: ignore[func-returns-value]


def pickled(folder: Path) -> None:
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def truncated(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def shard_lost(folder: Path) -> None:
    shutil.rmtree(folder)
    save(folder, shard="20KB")
    next(folder.glob("model-00002*")).unlink()


def elsewhere(folder: Path) -> None:
    shard_lost(folder)
    text = (folder / "model.safetensors.index.json").read_text()
    (folder / "model.safetensors.index.json").write_text(text.replace("model-00002", "../model-00002"))


def changed(**changes: Any) -> Callable[[Path], None]:
    return lambda folder: edit(folder, **changes)


@pytest.mark.parametrize(
    ("spoil", "fields", "error", "key", "says"),
    [
        (pickled, {}, ScenarioError, "pretrained", r"pytorch_model\.bin, a format that can run code"),
        (remove("model.safetensors"), {}, ScenarioError, "pretrained", "has no weights: model.safetensors is missing"),
        (truncated, {}, ScenarioError, "pretrained", r"model\.safetensors cannot be read"),
        (shard_lost, {}, ScenarioError, "pretrained", "has no file model-00002-of"),
        (elsewhere, {}, ScenarioError, "pretrained", r"has no file \.\./model-00002"),
        (remove("config.json"), {}, ScenarioError, "pretrained", "has no config.json"),
        (lambda f: (f / "config.json").write_text("{"), {}, ScenarioError, "pretrained", "config.json cannot be read"),
        (lambda f: (f / "config.json").write_text("3"), {}, ScenarioError, "pretrained", "is not a JSON object"),
        (changed(), {"family": "roberta"}, ScenarioError, "family", "is of the family 'bert', not 'roberta'"),
        (changed(model_type=None), {}, ScenarioError, "family", "is of the family None"),
        (changed(quantization_config={"bits": 4}), {}, UnsupportedError, "pretrained", "quantised"),
        (lambda f: (f / "adapter_config.json").write_text("{}"), {}, UnsupportedError, "pretrained", "an adapter"),
        (changed(), {"revision": "main"}, ScenarioError, "revision", "a local folder"),
        (changed(), {"layers": 3}, ScenarioError, "layers", "have layers = 2, not 3"),
        (changed(), {"vocab": 90}, ScenarioError, "vocab", "have vocab = 80, not 90"),
        (changed(), {"size": "tiny"}, ScenarioError, "size", "have hidden = 32, not 128"),
        (
            changed(num_hidden_layers=1),
            {},
            ScenarioError,
            "pretrained",
            r"encoder\.layer\.1.* stands there for nothing, and 15 more",
        ),
        (
            changed(num_hidden_layers=3),
            {},
            ScenarioError,
            "pretrained",
            r"bert\.encoder\.layer\.2.* is missing, and 15 more",
        ),
        (changed(intermediate_size=64), {}, ScenarioError, "pretrained", "intermediate.* has another shape"),
        (changed(num_attention_heads=5), {}, UnsupportedError, "pretrained", "32"),
        (changed(hidden_size="wide"), {}, ScenarioError, "pretrained", "hidden_size"),
        (remove("tokenizer.json"), {}, ScenarioError, "pretrained", "has no tokenizer"),
        (lambda f: (f / "tokenizer.json").write_text("{"), {}, ScenarioError, "pretrained", "cannot be read"),
        (lambda f: save_tokenizer(f, 95), {}, ScenarioError, "pretrained", "has 9. entries, .* has room for 80"),
    ],
)
def test_what_cannot_be_used_says_why_before_any_weight_is_read(
    spoil: Callable[[Path], None], fields: dict[str, Any], error: type[ScenarioError], key: str, says: str, copy: Path
) -> None:
    spoil(copy)
    model = Model(**{"family": "bert", "pretrained": str(copy), **fields})
    with pytest.raises(error, match=says) as caught:
        prepared(model)
    assert caught.value.key == f"model.{key}"


def test_code_in_a_folder_is_never_run(copy: Path) -> None:
    edit(copy, auto_map={"AutoConfig": "evil.Config", CLASSES: "evil.Model"})
    edit(copy, "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.Tokenizer", None]})
    (copy / "evil.py").write_text("raise SystemExit('code of the folder was run')\n")
    assert type(loaded(copy)).__name__ == "BertForSequenceClassification"
    assert vocabulary(copy).size <= 80


def test_what_agrees_with_the_weights_may_stand_beside_them(small: Path) -> None:
    model = Model(family="bert", pretrained=str(small), layers=2, hidden=32, heads=2, ffn=48, vocab=80)
    trained = pretrained.find(model)
    assert trained is not None
    assert pretrained.configuration(trained, model, None, 3).num_hidden_layers == 2


def test_a_vocabulary_without_bert_s_special_tokens_has_others_in_their_place(tmp_path: Path) -> None:
    folder = save(tmp_path / "gpt2", "GPT2LMHeadModel", **GPT2)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    tokens = train_bytes(["some text"], 300)
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokens, eos_token="[SEP]").save_pretrained(folder)
    edit(folder, vocab_size=300)
    words = vocabulary(folder, "gpt2")
    assert (words.pad, words.unknown, words.begin, words.end, words.mask) == (3, 3, 3, 3, -1)
    assert not words.pairs


def test_a_width_that_a_configuration_leaves_open_is_four_times_the_hidden_one(tmp_path: Path) -> None:
    folder = save(tmp_path / "gpt2", "GPT2LMHeadModel", n_layer=2, n_embd=32, n_head=2)
    edit(folder, intermediate_size=None)  # no dimension of GPT-2
    assert json.loads((folder / "config.json").read_text()).get("n_inner") is None
    for ffn, fits in ((128, True), (96, False)):
        model = Model(family="gpt2", pretrained=str(folder), ffn=ffn)
        trained = pretrained.find(model)
        assert trained is not None
        if fits:
            pretrained.configuration(trained, model, None, 2)
            continue
        with pytest.raises(ScenarioError, match="have ffn = 128, not 96"):
            pretrained.configuration(trained, model, None, 2)


def test_no_folder_and_no_name() -> None:
    assert pretrained.find(Model(family="bert")) is None
    for name in ("./nowhere", "/no/where", "~/nowhere"):
        with pytest.raises(ScenarioError, match="there is no folder") as caught:
            pretrained.find(Model(family="bert", pretrained=name))
        assert caught.value.key == "model.pretrained"


def test_the_attention_is_the_one_that_was_asked_for(small: Path) -> None:
    model = Model(family="bert", pretrained=str(small))
    trained = pretrained.find(model)
    assert trained is not None
    for attention in ("eager", "sdpa"):
        config = pretrained.configuration(trained, model, None, 2)
        assert pretrained.load(trained, config, CLASSES, attention).config._attn_implementation == attention


def test_loading_says_nothing(small: Path, capfd: pytest.CaptureFixture[str]) -> None:
    loaded(small)
    vocabulary(small)
    assert capfd.readouterr() == ("", "")
