"""A WordPiece vocabulary, trained on the training split only and cached by content."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import WordPieceTrainer

VOCABULARY = 4000
PAD, UNKNOWN, CLS, SEP, MASK = SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
_FORMAT = 1


def cache_folder() -> Path:
    """Where vocabularies are kept: `benchbench` in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "benchbench"


def trained(texts: Sequence[str], limit: int) -> Tokenizer:
    """The vocabulary of some texts, from the cache or trained now; a damaged cache entry is trained again.

    Args:
        texts: the training split.
        limit: the most entries that the model's embedding has room for.
    """
    size = min(VOCABULARY, limit)
    digest = hashlib.sha256(f"{_FORMAT} {version('tokenizers')} {size}\n".encode())
    for text in texts:
        digest.update(text.encode() + b"\n")
    file = cache_folder() / f"wordpiece-{digest.hexdigest()[:32]}.json"
    cached = _read(file)
    if cached is None:
        cached = _train(texts, size).to_str()
        _write(file, cached)
    return Tokenizer.from_str(cached)


def _train(texts: Sequence[str], size: int) -> Tokenizer:
    tokenizer = Tokenizer(WordPiece(unk_token=UNKNOWN))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.train_from_iterator(
        texts, WordPieceTrainer(vocab_size=size, special_tokens=list(SPECIAL), show_progress=False)
    )
    tokenizer.post_processor = TemplateProcessing(
        single=f"{CLS} $A {SEP}",
        pair=f"{CLS} $A {SEP} $B:1 {SEP}:1",
        special_tokens=[(CLS, tokenizer.token_to_id(CLS)), (SEP, tokenizer.token_to_id(SEP))],
    )
    return tokenizer


def _read(file: Path) -> str | None:
    try:
        entry = json.loads(file.read_text(encoding="utf-8"))
        text = str(entry["tokenizer"])
        return text if hashlib.sha256(text.encode()).hexdigest() == entry["sha256"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write(file: Path, text: str) -> None:
    """Beside and renamed, so that two processes that train at once do not collide; without a cache all still works."""
    entry = json.dumps({"sha256": hashlib.sha256(text.encode()).hexdigest(), "tokenizer": text})
    beside = file.with_name(f".{file.name}.{secrets.token_hex(4)}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(entry, encoding="utf-8")
        beside.replace(file)
    except OSError:
        beside.unlink(missing_ok=True)
