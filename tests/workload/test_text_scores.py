"""Metrics of written texts against values worked out by hand."""

import math

import pytest

from benchbench.workload.text_scores import TEXT_METRICS, text_scores


def test_texts_that_are_right_have_the_highest_scores() -> None:
    texts = ["the quick brown fox jumps", "einundzwanzig"]
    assert text_scores(texts, [f" {text}\n" for text in texts]) == pytest.approx(
        {"exact_match": 1.0, "bleu": 100.0, "rouge1": 1.0, "rouge2": 0.5, "rougeL": 1.0}
    ), "a text of one word has no pair of words"


def test_bleu_is_the_geometric_mean_of_the_corpus_precisions_with_a_penalty_for_brevity() -> None:
    true = ["the cat sat on the mat", "it is a dog"]
    written = ["the cat sat on a mat", "it is"]
    # n-grams found of those written: 1: 5 + 2 of 6 + 2; 2: 3 + 1 of 5 + 1; 3: 2 of 4; 4: 1 of 3. 10 words against 8.
    by_hand = math.exp(1 - 10 / 8) * (7 / 8 * 4 / 6 * 2 / 4 * 1 / 3) ** (1 / 4)
    assert text_scores(true, written)["bleu"] == pytest.approx(100 * by_hand)


def test_bleu_of_single_words_is_the_share_of_the_right_ones() -> None:
    assert text_scores(["eins", "zwei", "drei", "vier"], ["eins", "zwei", "drei", "acht"])["bleu"] == pytest.approx(75)


def test_rouge_is_the_mean_f_measure_of_shared_words_pairs_and_longest_common_subsequence() -> None:
    scores = text_scores(["The cat sat down.", "a b"], ["the cat lay down low", "x y"])
    # Words: 3 shared of 4 and 5; pairs: 1 of 3 and 4; the longest common subsequence: the cat down.
    assert scores["rouge1"] == pytest.approx(2 * 3 / (4 + 5) / 2)
    assert scores["rouge2"] == pytest.approx(2 * 1 / (3 + 4) / 2)
    assert scores["rougeL"] == pytest.approx(2 * 3 / (4 + 5) / 2)
    assert scores["exact_match"] == 0.0


def test_words_of_any_script_count() -> None:
    assert text_scores(["Fünf große Vögel"], ["fünf grosse vögel"])["rouge1"] == pytest.approx(2 * 2 / (3 + 3))
    assert text_scores(["пять птиц"], ["пять кошек"])["rouge1"] == pytest.approx(0.5)
    assert text_scores(["fünf"], ["fuenf"])["rouge1"] == 0.0


def test_nothing_written_is_worth_nothing() -> None:
    assert text_scores(["a b c"], [""]) == dict.fromkeys(TEXT_METRICS, 0.0)
    assert all(math.isnan(value) for value in text_scores([], []).values())
