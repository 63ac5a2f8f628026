"""Windows of long contexts: nothing is lost, offsets are those of the raw text, the answer's tokens are found."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from benchbench.errors import ScenarioError
from benchbench.workload.examples import IGNORED
from benchbench.workload.vocabulary import CLS_ID, SEP_ID, Vocabulary
from benchbench.workload.windows import Window, windows
from tests.workload.tasks.curves import byte_level, encoding_of, wordpiece

CONTEXT = "Größe zählt nicht: 😀 Ça va? Die Straße führt, über Łódź, nach İzmir. 東京は大きい。 The end of it all."
LONG = CONTEXT * 3
QUESTION = "Wohin führt die Straße?"
TEXTS = [CONTEXT, QUESTION] * 3
VOCABULARIES = {"wordpiece": wordpiece(TEXTS, 200), "bytes": byte_level(TEXTS, 300)}


@pytest.fixture(params=VOCABULARIES)
def vocabulary(request: pytest.FixtureRequest) -> Vocabulary:
    return VOCABULARIES[request.param]


def cut(vocabulary: Vocabulary, longest: int, question: str = QUESTION, context: str = CONTEXT) -> list[Window]:
    return list(windows([question], [context], encoding_of(vocabulary, longest=longest)))


def inside(window: Window) -> list[int]:
    return [token for token, begin in enumerate(window.begins) if begin != IGNORED]


def test_a_context_that_fits_is_one_window_as_the_tokenizer_has_it(vocabulary: Vocabulary) -> None:
    [window] = cut(vocabulary, 400)
    whole = vocabulary.encode([QUESTION], [CONTEXT])[0]
    assert (window.row, window.ids, window.type_ids) == (0, whole.ids, whole.type_ids)
    question = vocabulary.encode([QUESTION], special=False)[0].ids
    context = vocabulary.encode([CONTEXT], special=False)[0]
    assert window.ids == [CLS_ID, *question, SEP_ID, *context.ids, SEP_ID]
    assert window.type_ids == [0] * (len(question) + 2) + [1] * (len(context.ids) + 1)
    places = [(window.begins[token], window.ends[token]) for token in inside(window)]
    assert places == context.offsets
    assert inside(window) == list(range(len(question) + 2, len(window.ids) - 1))


@pytest.mark.parametrize("longest", [5, 11, 16, 40, 64])
def test_windows_of_a_long_context_overlap_and_hold_all_of_it(vocabulary: Vocabulary, longest: int) -> None:
    found = cut(vocabulary, longest, context=LONG)
    context = vocabulary.encode([LONG], special=False)[0]
    room = longest - 3
    overlap = (room - room // 2) // 2
    tokens: list[int] = []
    for number, window in enumerate(found):
        assert len(window.ids) == longest or number == len(found) - 1
        assert len(window.ids) <= longest
        assert window.ids[0] == CLS_ID
        assert window.ids.count(SEP_ID) == 2
        own = [window.ids[token] for token in inside(window)]
        if number:
            assert own[:overlap] == tokens[len(tokens) - overlap :]
        tokens += own[overlap if number else 0 :]
        places = [(window.begins[token], window.ends[token]) for token in inside(window)]
        assert set(places) <= set(context.offsets), "characters are counted in the whole context"
    assert tokens == context.ids
    assert len(found) > 1


@pytest.mark.parametrize(
    "answer", ["Größe", "😀", "Ça", "Straße", "Łódź", "İzmir", "東京", "大きい", "The end", "all.", CONTEXT]
)
@pytest.mark.parametrize("longest", [24, 64, 400])
def test_the_tokens_of_an_answer_read_as_the_answer(vocabulary: Vocabulary, answer: str, longest: int) -> None:
    begin = CONTEXT.index(answer)
    place = (begin, begin + len(answer))
    found = [(window, *window.tokens(place)) for window in cut(vocabulary, longest)]
    read = [CONTEXT[w.begins[first] : w.ends[last]] for w, first, last in found if last]
    assert all(answer in text and len(text.strip()) <= len(answer) + 3 for text in read), (
        "at most a word's other letters"
    )
    assert read or (longest < 400 and len(answer) > 5), "only what is longer than the overlap can fall between windows"
    if longest == 400:
        assert len(read) == 1
    for window, first, last in found:
        if not last:
            assert first == 0
            own = inside(window)
            assert window.begins[own[0]] > place[0] or window.ends[own[-1]] < place[1]


def test_a_row_without_an_answer_points_at_the_first_token(vocabulary: Vocabulary) -> None:
    assert {window.tokens(None) for window in cut(vocabulary, 24)} == {(0, 0)}
    [window] = cut(vocabulary, 24, context="")
    assert inside(window) == []
    assert window.tokens((0, 1)) == (0, 0)


@settings(deadline=None, max_examples=60)
@given(
    question=st.text(max_size=60),
    context=st.text(max_size=200),
    longest=st.integers(5, 60),
    kind=st.sampled_from(sorted(VOCABULARIES)),
)
def test_any_text_is_cut(question: str, context: str, longest: int, kind: str) -> None:
    vocabulary = VOCABULARIES[kind]
    found = cut(vocabulary, longest, question, context)
    whole = vocabulary.encode([context], special=False)[0]
    assert all(len(window.ids) <= longest for window in found)
    seen = {(window.begins[token], window.ends[token]) for window in found for token in inside(window)}
    assert seen == set(whole.offsets)


def test_a_long_question_leaves_half_of_the_room_to_the_context(vocabulary: Vocabulary) -> None:
    long = cut(vocabulary, 23, question=QUESTION * 9)
    assert all(len(inside(window)) == 10 for window in long[:-1])
    question = vocabulary.encode([QUESTION * 9], special=False)[0].ids
    assert list(long[0].ids[1:11]) == question[:10]


def test_several_rows_keep_their_numbers() -> None:
    vocabulary = VOCABULARIES["bytes"]
    texts = ["short", CONTEXT, "", CONTEXT]
    found = list(windows([QUESTION] * 4, texts, encoding_of(vocabulary, longest=64)))
    rows = [window.row for window in found]
    assert rows == sorted(rows)
    assert set(rows) == {0, 1, 2, 3}
    assert rows.count(1) == rows.count(3) > 1 == rows.count(0)


def test_other_special_tokens_than_berts_are_kept() -> None:
    own = VOCABULARIES["bytes"]
    assert own.tokenizer is not None
    tokenizer = Tokenizer.from_str(own.tokenizer.to_str())
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] [SEP] $B [SEP]",
        special_tokens=[("[CLS]", CLS_ID), ("[SEP]", SEP_ID)],
    )
    vocabulary = Vocabulary(tokenizer=tokenizer, size=own.size, pairs=False)
    found = cut(vocabulary, 40)
    assert len(found) > 1
    assert all(window.ids.count(SEP_ID) == 3 and len(window.ids) <= 40 for window in found)


def test_no_room_for_a_context_is_refused(vocabulary: Vocabulary) -> None:
    with pytest.raises(ScenarioError, match=r"set data\.sequence_length to 5 at the very least") as caught:
        cut(vocabulary, 4)
    assert caught.value.key == "data.sequence_length"
    assert cut(vocabulary, 5)


def test_the_vocabulary_itself_is_left_as_it_was(vocabulary: Vocabulary) -> None:
    cut(vocabulary, 16)
    assert vocabulary.tokenizer is not None
    assert vocabulary.tokenizer.truncation is None
