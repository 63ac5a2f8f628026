"""Weights that are already trained: found, checked, loaded under the task's head, with their own tokenizer.

Only safetensors are opened: a pickle can run any code when it is. No code from a model's folder is ever run.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from transformers import AutoConfig, AutoTokenizer
from transformers.utils import logging

from benchbench.errors import ScenarioError, UnsupportedError
from benchbench.scenario.types import Model
from benchbench.workload import dimensions, hub, models
from benchbench.workload.vocabulary import Vocabulary

_KEY = "model.pretrained"
_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"
_PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".msgpack")
_TOKENIZERS = (
    "tokenizer.json",
    "vocab.txt",
    "vocab.json",
    "tokenizer.model",
    "spiece.model",
    "sentencepiece.bpe.model",
)
_READ_BYTES = 1 << 22


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A model's folder on this machine.

    Attributes:
        name: as the scenario has it.
        folder: where its files are.
        commit: on the hub; None for a local folder.
    """

    name: str
    folder: Path
    commit: str | None = None

    @property
    def revision(self) -> str:
        """Which weights these are: the commit on the hub, or `sha256:` of the configuration and the weights."""
        if self.commit is not None:
            return self.commit
        digest = hashlib.sha256()
        for file in (self.folder / "config.json", *sorted(self.folder.glob("*.safetensors"))):
            digest.update(f"{file.name}\n".encode())
            with file.open("rb") as opened:
                while block := opened.read(_READ_BYTES):
                    digest.update(block)
        return f"sha256:{digest.hexdigest()}"


def find(model: Model) -> Trained | None:
    """The folder of a scenario's weights; None for random ones. Of a name on the hub, the small files are fetched.

    Raises:
        ScenarioError: there is none, it is of another family, or what it holds cannot be used.
        UnsupportedError: the hub cannot be reached, or the weights are of a kind that cannot be trained here.
    """
    name = model.pretrained
    if name is None:
        return None
    folder = Path(name).expanduser()
    if folder.is_dir():
        if model.revision is not None:
            raise ScenarioError(f"{name} is a local folder, which has no revisions; leave it out", key="model.revision")
        trained = Trained(name=name, folder=folder)
        _check_weights(trained, [file.name for file in folder.iterdir()])
        _check_files(trained)
    else:
        if folder.is_absolute() or name.startswith((".", "~")):
            raise ScenarioError(f"there is no folder {name}", key=_KEY)
        folder = hub.description(name, model.revision)
        trained = Trained(name=name, folder=folder, commit=folder.name)
        _check_weights(trained, hub.files(name, folder))
    _check_description(trained, model)
    return trained


def _check_weights(trained: Trained, names: Collection[str]) -> None:
    if "adapter_config.json" in names:
        raise UnsupportedError(f"{trained.name} holds an adapter, not the weights of a whole model", key=_KEY)
    if _WEIGHTS in names or _INDEX in names:
        return
    pickles = sorted(name for name in names if name.endswith(_PICKLES))
    if pickles:
        raise ScenarioError(
            f"{trained.name} has its weights only as {pickles[0]}, a format that can run code when it is opened and is "
            f"never opened here; save them as {_WEIGHTS} (save_pretrained does)",
            key=_KEY,
        )
    raise ScenarioError(f"{trained.name} has no weights: {_WEIGHTS} is missing", key=_KEY)


def _check_files(trained: Trained) -> None:
    """Opens every file of weights; of each only its list of contents is read."""
    folder = trained.folder
    names = [_WEIGHTS]
    if not (folder / _WEIGHTS).exists():
        names = sorted(set(_json(trained, _INDEX).get("weight_map", {}).values()))
    for name in names:
        if Path(name).name != name or not (folder / name).is_file():
            raise ScenarioError(f"{trained.name} has no file {name}, which {_INDEX} lists", key=_KEY)
        try:
            with safe_open(folder / name, framework="pt"):
                pass
        except (SafetensorError, OSError) as error:
            raise ScenarioError(f"{trained.name}/{name} cannot be read: {error}", key=_KEY) from None


def _check_description(trained: Trained, model: Model) -> None:
    config = _json(trained, "config.json")
    family = config.get("model_type")
    if family != model.family:
        raise ScenarioError(
            f"{trained.name} is of the family {family!r}, not {model.family!r}; set model.family to it",
            key="model.family",
        )
    if "quantization_config" in config:
        raise UnsupportedError(f"{trained.name} holds quantised weights, which cannot be trained on", key=_KEY)


def _json(trained: Trained, name: str) -> dict[str, Any]:
    try:
        found = json.loads((trained.folder / name).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ScenarioError(f"{trained.name} has no {name}, so it is not a model's folder", key=_KEY) from None
    except (OSError, ValueError) as error:
        raise ScenarioError(f"{trained.name}/{name} cannot be read: {error}", key=_KEY) from None
    if not isinstance(found, dict):
        raise ScenarioError(f"{trained.name}/{name} is not a JSON object", key=_KEY)
    return found


def configuration(trained: Trained, model: Model, dropout: float | None, labels: int) -> Any:
    """The weights' own configuration, with the head's classes and the dropout of the scenario.

    Args:
        trained: the weights.
        model: what is asked; dimensions that stand there must be the weights'.
        dropout: sets every dropout probability of the model; None keeps the weights' own.
        labels: classes of the head.

    Raises:
        ScenarioError: a configuration that transformers refuses, or one of other dimensions than asked.
    """
    try:
        with _quiet():
            config = AutoConfig.from_pretrained(
                trained.folder, num_labels=labels, trust_remote_code=False, local_files_only=True
            )
    except models.REFUSALS as error:
        message = f"transformers refuses {trained.name}/config.json: {models.said(error)}"
        raise ScenarioError(message, key=_KEY) from None
    dimensions.check_agreement(model, config, trained.name)
    changes: dict[str, Any] = {**models.dropouts(config, dropout)}
    if hasattr(config, "use_cache"):
        changes["use_cache"] = False  # for generation only
    config.update(changes)
    return config


def vocabulary(trained: Trained, config: Any) -> Vocabulary:
    """The tokenizer that the weights were trained with.

    Args:
        trained: the weights.
        config: their configuration.

    Raises:
        ScenarioError: there is none, or it has ids for which the embedding has no row.
    """
    if not any((trained.folder / name).exists() for name in _TOKENIZERS):
        raise ScenarioError(f"{trained.name} has no tokenizer: tokenizer.json is missing", key=_KEY)
    try:
        with _quiet():
            found = AutoTokenizer.from_pretrained(trained.folder, trust_remote_code=False, local_files_only=True)
    except (*models.REFUSALS, OSError) as error:
        message = f"the tokenizer of {trained.name} cannot be read: {models.said(error)}"
        raise ScenarioError(message, key=_KEY) from None
    tokenizer = getattr(found, "backend_tokenizer", None)
    if tokenizer is None:
        raise UnsupportedError(f"the tokenizer of {trained.name} has no tokenizer.json; save one", key=_KEY)
    tokenizer.no_truncation()
    tokenizer.no_padding()
    size = max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1
    if size > config.vocab_size:
        raise ScenarioError(
            f"the tokenizer of {trained.name} has {size} entries, but the embedding has room for {config.vocab_size}",
            key=_KEY,
        )
    end = _first(found.sep_token_id, found.eos_token_id, found.bos_token_id, found.pad_token_id, 0)
    return Vocabulary(
        tokenizer=tokenizer,
        size=size,
        pad=_first(found.pad_token_id, end),
        unknown=_first(found.unk_token_id, end),
        begin=_first(found.cls_token_id, found.bos_token_id, end),
        end=end,
        mask=_first(found.mask_token_id, -1),
        decoder_start=_first(getattr(config, "decoder_start_token_id", None), found.pad_token_id, end),
        pairs=getattr(config, "type_vocab_size", 0) > 1,
    )


def _first(*ids: int | None) -> int:
    return next(number for number in ids if number is not None)


def load(trained: Trained, config: Any, head: str, attention: str) -> torch.nn.Module:
    """A model with the trained weights, in float32; what its head has anew is drawn from torch's current generator.

    On torch's meta device no weight is read, only whether they fit; of weights on the hub, only what they are.

    Args:
        trained: the weights.
        config: see `configuration`.
        head: the transformers class, such as `AutoModelForSequenceClassification`.
        attention: `auto`, `eager` or `sdpa`.

    Raises:
        ScenarioError: the weights do not fit what their configuration says.
        UnsupportedError: the family has no such attention or head.
    """
    models.check_head(config, head)
    meta = torch.get_default_device().type == "meta"
    if meta and trained.commit is not None:
        return models.build(config, head, attention)
    folder = trained.folder if trained.commit is None else hub.weights(trained.name, trained.commit)
    try:
        with _quiet(), torch.device("cpu"):
            model, report = models.auto_class(head).from_pretrained(
                folder, config=config, dtype=torch.float32, use_safetensors=True, trust_remote_code=False,
                local_files_only=True, ignore_mismatched_sizes=True, output_loading_info=True,
                device_map="meta" if meta else None, **models.attention_setting(attention),
            )  # fmt: skip
    except models.REFUSALS as error:
        message = f"transformers cannot load {trained.name} for {head}: {models.said(error)}"
        raise UnsupportedError(message, key=_KEY) from None
    _check_fit(trained, model, report)
    trained_model: torch.nn.Module = model
    return trained_model


def _check_fit(trained: Trained, model: Any, report: Mapping[str, Any]) -> None:
    """Refuses weights that leave a part of the model below its head untrained, or that are left over there."""
    base = model.base_model
    parts = {name for name, _ in base.named_children()}
    prefix = "" if base is model else f"{model.base_model_prefix}."
    outputs = model.get_output_embeddings()
    heads = {name for name, module in model.named_modules() if outputs is not None and module is outputs}

    def below(key: str) -> bool:
        inside = key.removeprefix(prefix)
        return inside.partition(".")[0] in parts and "pooler" not in inside and key.rpartition(".")[0] not in heads

    misfits = [(key, "is missing") for key in sorted(report["missing_keys"]) if key.startswith(prefix) and below(key)]
    misfits += [(key, "has another shape") for key, *_ in sorted(report["mismatched_keys"]) if below(key)]
    misfits += [(key, "stands there for nothing") for key in sorted(report["unexpected_keys"]) if below(key)]
    if misfits:
        key, what = misfits[0]
        more = f", and {len(misfits) - 1} more do not fit" if len(misfits) > 1 else ""
        raise ScenarioError(
            f"the weights of {trained.name} are not those of its config.json: {key} {what}{more}", key=_KEY
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps transformers' progress bars and advice out of the log."""
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
