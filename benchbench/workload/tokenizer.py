"""A vocabulary, learned from the training split only and cached by content."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.decoders import WordPiece as WordPieceDecoder
from tokenizers.models import BPE, WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer, ByteLevel
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer, WordPieceTrainer

from benchbench.errors import ScenarioError
from benchbench.workload.vocabulary import CLS_ID, SEP_ID, SPECIAL, UNKNOWN_ID, Vocabulary

VOCABULARY = 4000
# One letter, as a word's beginning and inside one; every byte.
_SMALLEST = {"wordpiece": len(SPECIAL) + 2, "bytes": len(SPECIAL) + 256}
# Of the vocabulary, the most that single letters may take: Chinese alone has thousands that are common.
_LETTERS = 0.75
_INSIDE = "##"
_FORMAT = 4  # 4: as many letters as there is room for

Texts = Sequence[str] | Callable[[], Iterable[str]]
"""Texts, or what gives them anew, one at a time, whenever it is called."""


def cache_folder() -> Path | None:
    """Where vocabularies are kept: `benchbench` in the user's cache; None for a user who has no home."""
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "benchbench"
    except RuntimeError:
        return None


def trained(texts: Texts, limit: int, kind: str = "wordpiece") -> Vocabulary:
    """The vocabulary of some texts, from the cache or trained now; a damaged cache entry is trained again.

    Args:
        texts: of the training split; they are read two or three times.
        limit: the most entries that the model's embedding has room for.
        kind: `wordpiece` or `bytes` (see `Task.tokenizer`).

    Raises:
        ScenarioError: the limit leaves no room for a vocabulary.
    """
    smallest = _SMALLEST[kind]
    if limit < smallest:
        raise ScenarioError(f"a vocabulary of {kind} has at least {smallest} entries, not {limit}", key="model.vocab")
    size = min(VOCABULARY, limit)
    folder = cache_folder()
    if folder is None:
        return _vocabulary(_TRAIN[kind](texts, size))
    digest = hashlib.sha256(f"{_FORMAT} {version('tokenizers')} {kind} {size}\n".encode())
    for text in _each(texts):
        digest.update(text.encode() + b"\n")
    file = folder / f"{kind}-{digest.hexdigest()[:32]}.json"
    cached = _read(file)
    if cached is None:
        cached = _TRAIN[kind](texts, size).to_str()
        _write(file, cached)
    return _vocabulary(Tokenizer.from_str(cached))


def _vocabulary(tokenizer: Tokenizer) -> Vocabulary:
    return Vocabulary(tokenizer=tokenizer, size=tokenizer.get_vocab_size())


def _each(texts: Texts) -> Iterable[str]:
    return texts() if callable(texts) else texts


def train_wordpiece(texts: Texts, size: int) -> Tokenizer:
    """Trains a vocabulary: the same texts and size give the same one, in every process.

    The library's trainer numbers the letters inside of words in the order of a hash table that differs from process
    to process, and breaks ties between equally common pairs by these numbers. Here every letter has its number
    before it begins: as special tokens, which is what the trainer takes as given; the finished vocabulary is taken
    over into a tokenizer in which they are ordinary ones.
    """
    learner = _tokenizer({name: index for index, name in enumerate(SPECIAL)})
    letters, inside = _letters(texts, learner.normalizer, size)
    learner.train_from_iterator(
        _each(texts),
        WordPieceTrainer(
            vocab_size=size,
            special_tokens=[*SPECIAL, *(_INSIDE + letter for letter in inside)],
            initial_alphabet=letters,
            limit_alphabet=len(letters),
            show_progress=False,
        ),
    )
    tokenizer = _tokenizer(learner.get_vocab())
    return _with_ends(tokenizer)


def train_bytes(texts: Texts, size: int) -> Tokenizer:
    """Trains a byte-level BPE vocabulary, in which every text can be written and read back as it was."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.decoder = ByteLevelDecoder()
    tokenizer.train_from_iterator(
        _each(texts),
        BpeTrainer(
            vocab_size=size,
            special_tokens=list(SPECIAL),
            initial_alphabet=sorted(ByteLevel.alphabet()),
            show_progress=False,
        ),
    )
    return _with_ends(tokenizer)


def _with_ends(tokenizer: Tokenizer) -> Tokenizer:
    """With the special tokens, and a row's own at its ends."""
    tokenizer.add_special_tokens(list(SPECIAL))
    cls, sep = SPECIAL[CLS_ID], SPECIAL[SEP_ID]
    tokenizer.post_processor = TemplateProcessing(
        single=f"{cls} $A {sep}",
        pair=f"{cls} $A {sep} $B:1 {sep}:1",
        special_tokens=[(cls, CLS_ID), (sep, SEP_ID)],
    )
    return tokenizer


_TRAIN = {"wordpiece": train_wordpiece, "bytes": train_bytes}


def _tokenizer(vocabulary: dict[str, int]) -> Tokenizer:
    tokenizer = Tokenizer(WordPiece(vocabulary, unk_token=SPECIAL[UNKNOWN_ID]))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.decoder = WordPieceDecoder()
    return tokenizer


def _letters(texts: Texts, normalizer: BertNormalizer, size: int) -> tuple[list[str], list[str]]:
    """The commonest letters that have room, and those of them that stand inside of words too, by their code points.

    A letter takes two entries of the vocabulary: as a word's beginning and inside one. An ideograph, which the
    normalizer puts blanks around, takes one.
    """
    counts: Counter[str] = Counter()
    for text in _each(texts):
        counts.update(normalizer.normalize_str(text))
    commonest = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    room = max(2, int((size - len(SPECIAL)) * _LETTERS))
    letters, inside = [], []
    for letter in (letter for letter, _ in commonest if not letter.isspace()):
        alone = normalizer.normalize_str(letter) != letter
        room -= 1 if alone else 2
        if room < 0:
            break
        letters.append(letter)
        inside += [] if alone else [letter]
    return sorted(letters), sorted(inside)


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
    with contextlib.suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_text(entry, encoding="utf-8")
            beside.replace(file)
        finally:
            beside.unlink(missing_ok=True)
