"""Pairs of segments, by their shares and by where they come from."""

import numpy as np
import pytest

from benchbench.workload.sentence_pairs import Pair, sentence_pairs

ROOM = 40


def corpus(documents: int = 200, seed: int = 0) -> list[list[list[int]]]:
    """Sentences of 1 to 30 tokens; a token's number says its document (thousands) and its place in it."""
    generator = np.random.default_rng(seed)
    found = []
    for document in range(documents):
        ends = np.cumsum(generator.integers(1, 31, size=generator.integers(1, 40)))
        places = np.split(np.arange(ends[-1]) + 10_000 * document, ends[:-1])
        found.append([place.tolist() for place in places])
    return found


def pairs_of(documents: list[list[list[int]]], room: int = ROOM, seed: int = 1) -> list[Pair]:
    return list(sentence_pairs(documents, room, np.random.default_rng(seed)))


def document_of(tokens: list[int]) -> int:
    (number,) = {token // 10_000 for token in tokens}
    return number


def test_half_of_the_second_segments_are_of_another_document() -> None:
    pairs = pairs_of(corpus(1000))
    share = np.mean([pair.not_next for pair in pairs])
    assert abs(share - 0.5) < 4 * 0.5 / len(pairs) ** 0.5


def test_a_true_next_follows_and_a_false_one_is_never_of_the_same_document() -> None:
    pairs = pairs_of(corpus())
    assert pairs
    for pair in pairs:
        first, second = list(pair.first), list(pair.second)
        assert first == list(range(first[0], first[-1] + 1)), "what stands together in the text"
        assert second == list(range(second[0], second[-1] + 1))
        assert (document_of(first) != document_of(second)) is pair.not_next
        if not pair.not_next:
            assert second[0] == first[-1] + 1


def test_the_segments_have_room_and_are_never_empty() -> None:
    for room in (2, 3, 17, ROOM):
        assert all(p.first and p.second and len(p.first) + len(p.second) <= room for p in pairs_of(corpus(50), room))


def test_nearly_all_of_the_text_is_read_first_or_second() -> None:
    documents = [document for document in corpus() if len(document) > 5]
    read = {token for pair in pairs_of(documents) for token in [*pair.first, *pair.second]}
    assert len(read) > 0.97 * sum(len(sentence) for document in documents for sentence in document)


def test_false_nexts_are_spread_over_all_other_documents() -> None:
    documents = [[[10_000 * d + 2 * s, 10_000 * d + 2 * s + 1] for s in range(200)] for d in range(4)]
    drawn = [document_of(list(p.second)) for p in pairs_of(documents, 8) if p.not_next]
    counts = np.bincount(drawn, minlength=4)
    assert counts.min() > 0.15 * counts.sum()


def test_the_length_of_the_second_segment_does_not_tell() -> None:
    documents = [[[10_000 * d + s] for s in range(6)] for d in range(2000)]
    pairs = pairs_of(documents, 100)
    after_first = [len(p.second) for p in pairs if p.first[0] % 10_000 == 0 and len(p.first) == 1]
    false = [len(p.second) for p in pairs if p.not_next and p.first[0] % 10_000 == 0 and len(p.first) == 1]
    assert max(false) == max(after_first) == 5


def test_documents_without_sentences_are_passed_over() -> None:
    assert not pairs_of([[[1]], [], [[10_000]]])
    assert {document_of(list(p.first)) for p in pairs_of([[], [[1], [2]], [[10_000]]])} == {0}


def test_the_generator_decides() -> None:
    assert pairs_of(corpus(), seed=3) == pairs_of(corpus(), seed=3) != pairs_of(corpus(), seed=4)


@pytest.mark.parametrize("room", [7, 8])
def test_a_sentence_of_more_than_half_the_room_is_cut(room: int) -> None:
    pairs = pairs_of([[list(range(100))], [list(range(10_000, 10_100))]], room)
    assert len(pairs) > 20
    assert max(len(p.first) + len(p.second) for p in pairs) <= room
