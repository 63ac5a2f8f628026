"""A vocabulary that is the same in every process, keeps to its size, and lives in a cache that may fail."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from benchbench.errors import ScenarioError
from benchbench.workload import tokenizer
from benchbench.workload.sources.unicode_names import rows
from benchbench.workload.vocabulary import CLS_ID, MASK_ID, PAD_ID, SEP_ID, SPECIAL, UNKNOWN_ID, Vocabulary

TEXTS = tuple(rows().texts("text")[::7])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "benchbench"


def digest(trained: Tokenizer) -> str:
    return hashlib.sha256(json.dumps(sorted(trained.get_vocab().items())).encode()).hexdigest()


def inside(vocabulary: Vocabulary) -> Tokenizer:
    assert vocabulary.tokenizer is not None
    return vocabulary.tokenizer


def test_the_special_tokens_have_their_numbers() -> None:
    trained = tokenizer.train_wordpiece(TEXTS, 300)
    assert [trained.token_to_id(name) for name in SPECIAL] == [PAD_ID, UNKNOWN_ID, CLS_ID, SEP_ID, MASK_ID]
    encoded = trained.encode("greek small letter alpha")
    assert (encoded.ids[0], encoded.ids[-1]) == (CLS_ID, SEP_ID)
    assert trained.decode(encoded.ids, skip_special_tokens=True) == "greek small letter alpha"
    assert trained.encode("GREEK Small").ids == trained.encode("greek small").ids


_IN_A_PROCESS = """
import hashlib, json
from benchbench.workload import tokenizer
from benchbench.workload.sources.unicode_names import rows
for size in (4000, 300):
    vocabulary = tokenizer.train_wordpiece(tuple(rows().texts("text")[::7]), size).get_vocab()
    print(hashlib.sha256(json.dumps(sorted(vocabulary.items())).encode()).hexdigest())
"""


def test_the_same_texts_give_the_same_vocabulary_in_every_process() -> None:
    here = [digest(tokenizer.train_wordpiece(TEXTS, size)) for size in (4000, 300)]
    assert here == [digest(tokenizer.train_wordpiece(TEXTS, size)) for size in (4000, 300)]
    for hash_seed, parallel in (("0", "false"), ("1", "true"), ("random", "true")):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "TOKENIZERS_PARALLELISM": parallel}
        answer = subprocess.run(
            [sys.executable, "-P", "-c", _IN_A_PROCESS], env=environment, capture_output=True, text=True, check=True
        )
        assert answer.stdout.split() == here


@pytest.mark.parametrize("limit", [7, 12, 40, 79, 80, 300, 1000, 3999, 4000, 30522])
def test_no_vocabulary_is_larger_than_the_model_has_room_for(limit: int) -> None:
    learned = tokenizer.trained(TEXTS, limit)
    inner = inside(learned)
    assert learned.size == inner.get_vocab_size() <= min(limit, tokenizer.VOCABULARY)
    assert sorted(inner.get_vocab().values()) == list(range(learned.size))
    assert all(i < learned.size for text in TEXTS[:50] for i in inner.encode(text).ids)


@pytest.mark.parametrize("limit", [261, 300, 30522])
def test_bytes_lose_nothing_and_keep_to_their_room(limit: int) -> None:
    learned = tokenizer.trained(TEXTS, limit, "bytes")
    assert learned.size <= min(limit, tokenizer.VOCABULARY)
    for text in ("def f(x):\n\treturn  x", "日本 ünï"):
        ids = learned.encode([text])[0].ids
        assert (ids[0], ids[-1]) == (CLS_ID, SEP_ID)
        assert UNKNOWN_ID not in ids
        assert learned.decode(ids) == text


def test_a_vocabulary_of_a_usual_size_is_filled() -> None:
    assert tokenizer.trained(TEXTS, 1000).size == 1000
    assert tokenizer.trained(TEXTS, 300).size == 300


def test_too_small_a_model_is_refused_by_name() -> None:
    with pytest.raises(ScenarioError) as caught:
        tokenizer.trained(TEXTS, 6)
    assert caught.value.key == "model.vocab"
    with pytest.raises(ScenarioError, match="at least 261"):
        tokenizer.trained(TEXTS, 260, "bytes")


def test_no_letter_of_the_texts_is_unknown() -> None:
    trained = tokenizer.train_wordpiece(TEXTS, 300)
    assert all(UNKNOWN_ID not in e.ids for e in trained.encode_batch(list(TEXTS)))
    assert UNKNOWN_ID in trained.encode("日").ids


def test_more_letters_than_there_is_room_for_keep_the_commonest() -> None:
    texts = ["".join(chr(0x4E00 + (n * k) % 3000) for k in range(1, 40)) for n in range(200)]
    trained = tokenizer.train_wordpiece(texts, 4000)
    assert trained.get_vocab_size() <= 4000
    assert digest(trained) == digest(tokenizer.train_wordpiece(texts, 4000))


def test_the_cache_is_read_the_second_time(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = tokenizer.trained(TEXTS, 300)
    (file,) = cache.iterdir()
    monkeypatch.setitem(tokenizer._TRAIN, "wordpiece", lambda *_: pytest.fail("trained again"))
    second = tokenizer.trained(TEXTS, 300)
    assert inside(first).to_str() == inside(second).to_str()
    assert list(cache.iterdir()) == [file]


def test_other_texts_or_sizes_have_entries_of_their_own(cache: Path) -> None:
    for texts, limit in ((TEXTS, 300), (TEXTS, 301), (TEXTS[1:], 300), (TEXTS[::-1], 300)):
        tokenizer.trained(texts, limit)
    tokenizer.trained(TEXTS, 300, "bytes")
    assert len(list(cache.iterdir())) == 5


@pytest.mark.parametrize("damage", [b"", b"{", b"\xff\xfe", b"[]", b'{"tokenizer": "x"}', b'"text"', None])
def test_a_damaged_entry_is_trained_again(cache: Path, damage: bytes | None) -> None:
    first = tokenizer.trained(TEXTS, 300)
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole.replace(b"letter", b"lettre", 1) if damage is None else damage)
    assert inside(tokenizer.trained(TEXTS, 300)).to_str() == inside(first).to_str()
    assert file.read_bytes() == whole


def test_an_entry_that_is_a_folder_does_no_harm(cache: Path) -> None:
    first = tokenizer.trained(TEXTS, 300)
    (file,) = cache.iterdir()
    file.unlink()
    file.mkdir()
    assert inside(tokenizer.trained(TEXTS, 300)).to_str() == inside(first).to_str()
    assert [f for f in cache.iterdir() if f != file] == []


def test_a_cache_that_cannot_be_made_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert tokenizer.trained(TEXTS, 300).size == 300


def test_a_full_disk_does_no_harm(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, *_args: object, **_kwargs: object) -> int:
        self.touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    assert tokenizer.trained(TEXTS, 300).size == 300
    assert list(cache.iterdir()) == [], "no half-written file is left"


def test_a_user_without_a_home_has_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)
    assert tokenizer.cache_folder() is None
    assert tokenizer.trained(TEXTS, 300).size == 300


def test_processes_that_train_at_once_do_not_collide(cache: Path) -> None:
    code = (
        "from benchbench.workload import tokenizer\n"
        "from benchbench.workload.sources.unicode_names import rows\n"
        "texts = tuple(rows().texts('text')[::7])\n"
        "for size in range(300, 306): print(tokenizer.trained(texts, size).size)\n"
    )
    command = [sys.executable, "-P", "-c", code]
    many = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    answers = [process.communicate(timeout=100) for process in many]
    assert [out.split() for out, _ in answers] == [[str(n) for n in range(300, 306)]] * 3, answers
    files = list(cache.iterdir())
    assert len(files) == 6
    assert all(json.loads(file.read_text())["tokenizer"] for file in files)
