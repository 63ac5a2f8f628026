"""YAML 1.2 in, plain data out: every scalar as it should be, and nothing that runs, grows or hides."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchbench.errors import ScenarioError
from benchbench.scenario.text import DEPTH_LIMIT, VALUE_LIMIT, Document, dotted, parse, parse_scalar, shown

KIB = 1024
FULL = 256 * KIB


def refusal(text: str) -> ScenarioError:
    """The error of a text, which must come quickly."""
    started = time.process_time()
    with pytest.raises(ScenarioError) as caught:
        parse(text, "f.yaml")
    assert time.process_time() - started < 1, "pathological input must be refused at once"
    assert caught.value.file == "f.yaml"
    assert len(str(caught.value)) < 400
    return caught.value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5e-05", 5e-05), ("1e-3", 1e-3), ("1E3", 1000.0), ("1e+3", 1000.0), ("1.", 1.0), (".5", 0.5), ("-.5e1", -5.0),
        ("6.02e23", 6.02e23), ("0.0", 0.0), ("-0.0", 0.0), ("1_000.0", "1_000.0"), ("1.2.3", "1.2.3"), ("e5", "e5"),
        ("12", 12), ("+12", 12), ("-12", -12), ("012", 12), ("-0", 0), ("1_000", "1_000"), ("1,000", "1,000"),
        ("0o17", 15), ("0x1F", 31), ("0b11", "0b11"), ("-0x1F", "-0x1F"), ("0o18", "0o18"), ("0x", "0x"), ("017", 17),
        ("1:30", "1:30"), ("190:20:30", "190:20:30"), ("2024-01-01", "2024-01-01"), ("1 2", "1 2"), ("١٢", "١٢"),
        ("true", True), ("True", True), ("FALSE", False), ("tRue", "tRue"), ("yes", "yes"), ("no", "no"), ("on", "on"),
        ("off", "off"), ("y", "y"), ("null", None), ("~", None), ("Null", None), ("none", "none"), ("nil", "nil"),
        (".inf", math.inf), ("-.INF", -math.inf), ("inf", "inf"), ("nan", "nan"), (".", "."), ("-", "-"), ("+", "+"),
        ("", None), ("=", "="), ("<<", "<<"), ("12 ", "12 "), ("1e", "1e"), ("0x1G", "0x1G"),
    ],
)  # fmt: skip
def test_plain_scalars_follow_yaml_1_2(text: str, value: object) -> None:
    found = parse_scalar(text)
    assert found == value
    assert type(found) is type(value)


def test_nan_is_a_number() -> None:
    assert math.isnan(parse_scalar(".nan"))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["9" * 10**6, "-" + "9" * 10**6, "1e999", "-1e999", "1e" + "9" * 10**5, "9" * 400])
def test_a_number_beyond_every_float_is_infinite(text: str) -> None:
    assert math.isinf(parse_scalar(text))  # type: ignore[arg-type]


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_as_python_writes_it_is_that_float(value: float) -> None:
    assert parse_scalar(repr(value)) == value
    assert isinstance(parse_scalar(repr(value)), float)


@given(st.integers())
def test_every_integer_is_that_integer(value: int) -> None:
    assert parse_scalar(str(value)) == value


@given(st.text())
def test_any_scalar_is_something_plain(text: str) -> None:
    assert isinstance(parse_scalar(text), (bool, int, float, str, type(None)))


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", None), ("# nothing", None), ("---\n", None), ("~", None), ("a: 1", {"a": 1}), ("a:", {"a": None}),
        ("[1, 1.0, '1', true, ~, 5e-05]", (1, 1.0, "1", True, None, 5e-05)),
        ("a: {b: [c, {}]}", {"a": {"b": ("c", {})}}), ("a: 1\n...\n", {"a": 1}), ("1: x", {"1": "x"}),
        ('"5e-05"', "5e-05"), ("'yes'", "yes"), ("|\n 12", "12"), (">\n a\n b\n", "a b\n"),
        ("%YAML 1.2\n---\n1e-3", 1e-3),
        ("a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}), ("\ufeffa: 1", {"a": 1}), ("a: b#c", {"a": "b#c"}),
        ("null: x", {"null": "x"}), ("x: &a [1]\ny: *a", {"x": (1,), "y": (1,)}), ('"\\0"', "\0"), ("é: ü", {"é": "ü"}),
        ("a: 'it''s'", {"a": "it's"}), ("- a\n-  b", ("a", "b")), ("a: 🤗", {"a": "🤗"}),
    ],
)  # fmt: skip
def test_documents(text: str, data: object) -> None:
    assert parse(text).data == data


def test_every_key_has_its_line() -> None:
    document = parse("a:\n  b: 1\n  c:\n    - x\n    - y\nd: {e: 2}\n")
    assert document.lines[("a",)] == 1
    assert document.lines[("a", "b")] == 2
    assert document.lines[("a", "c", 1)] == 5
    assert document.lines[("d", "e")] == 6
    assert document.line_of(("a", "c", "unknown", "deep")) == 3
    assert document.line_of(("unknown",)) == 1


def test_a_document_without_lines_knows_none() -> None:
    assert Document({"a": 1}).line_of(("a",)) is None


@pytest.mark.parametrize(
    ("text", "line", "key", "words"),
    [
        ("a: 1\na: 2", 2, "a", "stands twice (first on line 1)"),
        ("a:\n  b:\n    c: 1\n    d: 2\n    c: 3", 5, "a.b.c", "stands twice (first on line 3)"),
        ("a: {b: 1, b: 1}", 1, "a.b", "stands twice"),
        ("x: 1\na: !!python/object/apply:os.system [ls]", 2, "a", "!!python/object/apply:os.system' is not allowed"),
        ("a: !!python/name:os.system x", 1, "a", "not allowed"),
        ("!!python/object:x.Y {a: 1}", 1, None, "not allowed"),
        ("a: !!str 12", 1, "a", "'!!str' is not allowed"),
        ("a: !!binary eA==", 1, "a", "not allowed"),
        ("a: !!set {x, y}", 1, "a", "not allowed"),
        ("a: ! 12", 1, "a", "not allowed"),
        ("!!str a: 1", 1, "a", "not allowed"),
        ("a: !custom 1", 1, "a", "not allowed"),
        ("a: !e!x 1", 1, None, "not valid YAML"),
        ("a: &a {x: 1}\nb:\n  <<: *a", 3, "b", "merge keys (<<) are not allowed"),
        ("a: &a [*a]", 1, "a.0", "contains itself"),
        ("a: &a {b: {c: *a}}", 1, "a.b.c", "contains itself"),
        ("a: *b", 1, "a", "no anchor 'b'"),
        ("? [a]\n: 1", 1, None, "not a plain text"),
        ("? {a: 1}\n: 1", 1, None, "not a plain text"),
        ("x: &a b\n*a : 1", 2, None, "not a plain text"),
        ("a: 1\n---\nb: 2", 2, None, "a second document begins here"),
        ("a: 1\n...\n---\nb: 2", 3, None, "a second document begins here"),
        ("a:\n\tb: 1", 2, None, "spaces, not tabs"),
        ("a: b: c", 1, None, "not valid YAML"),
        ("a: [1, 2", 1, None, "not valid YAML"),
        ("a: 'x", 1, None, "not valid YAML"),
        ("a: @x", 1, None, "not valid YAML"),
        ("%YAML 2.0\n---\na: 1", 1, None, "not valid YAML"),
        ("x: 1\na: \x07", 2, None, "cannot stand in YAML"),
        ("x: 1\na: \0", 2, None, "cannot stand in YAML"),
        ('a: "\\ud800"', 1, "a", "lone surrogate"),
        ('"\\ud800": 1', 1, None, "lone surrogate"),
        ("x:\na: 1e999", 2, "a", "too large"),
        ("a: -1e999", 1, "a", "too large"),
        ("a: 9223372036854775808", 1, "a", "too large"),
        ("a: 0x8000000000000000", 1, "a", "too large"),
        ("a:\n- " + "9" * 100_000, 2, "a.0", "too large"),
        ("a: 0x" + "f" * 100_000, 1, "a", "too large"),
        ("a: 1e" + "9" * 100_000, 1, "a", "too large"),
        ("a: " + "9" * 100_000 + ".0", 1, "a", "too large"),
    ],
)  # fmt: skip
def test_what_is_refused_and_where(text: str, line: int, key: str | None, words: str) -> None:
    error = refusal(text)
    assert (error.line, error.key) == (line, key)
    assert words in error.message


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 12)
)
CHAIN = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 5000))


@pytest.mark.parametrize(
    "text",
    [
        BOMB, CHAIN, "[" * 10_000, "{a: " * 10_000, "- " * 10_000, "? " * 10_000, "[" * FULL, "- " * (FULL // 2),
        "\n".join(" " * i + "a:" for i in range(700)), "[" + "1," * (FULL // 2 - 1) + "]",
        "[" + ",".join(f"&a{i} 1" for i in range(20_000)) + "]", "{" + ",".join(f"k{i}" for i in range(30_000)) + "}",
        "\n".join(f"k{i}: 1" for i in range(20_000)), "a: " + "!" * FULL, "%FOO x\n" * 20_000, "%TAG ! tag:\n" * 10_000,
        "k" * 2000 + ": 1", "[" * 39 + "1,2" * 5000, "'" * (FULL - 1), "a: " + "&" * 10_000, "*" + "a" * FULL,
        "!" + "a" * 10_000 + "!x y",
    ],
    ids=lambda text: f"{text[:12]!r}...{len(text)}",
)  # fmt: skip
def test_pathological_texts_are_refused_at_once(text: str) -> None:
    refusal(text)


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "x" * FULL, "a: " + "x " * (FULL // 2), 'a: "' + "x\n " * (FULL // 3) + '"',
        "a: |\n" + " x\n" * (FULL // 3),
        "#x\n" * (FULL // 3), "\n" * FULL, "a\n" * (FULL // 2), 'a: "' + "\\x41" * (FULL // 4) + '"', " " * FULL,
        "? " + "k" * 100_000 + "\n: 1", "[" + "1," * (VALUE_LIMIT - 2) + "]",
    ],
    ids=lambda text: f"{text[:12]!r}...{len(text)}",
)  # fmt: skip
def test_long_texts_are_read_in_a_moment(text: str) -> None:
    started = time.process_time()
    parse(text)
    assert time.process_time() - started < 1


def test_the_limits_are_where_they_say() -> None:
    assert len(parse("[" + "1," * (VALUE_LIMIT - 1) + "]").data) == VALUE_LIMIT - 1
    assert f"more than {VALUE_LIMIT:,} values" in refusal("[" + "1," * VALUE_LIMIT + "]").message
    parse("[" * DEPTH_LIMIT + "1" + "]" * DEPTH_LIMIT)
    deeper = "[" * (DEPTH_LIMIT + 1) + "1" + "]" * (DEPTH_LIMIT + 1)
    assert f"deeper than {DEPTH_LIMIT} levels" in refusal(deeper).message


def test_aliases_count_as_what_they_stand_for() -> None:
    anchor = "a: &a [" + "1," * 999 + "]\n"
    parse(anchor + "b: [*a, *a, *a]")
    assert "with aliases written out" in refusal(anchor + "b: [*a, *a, *a, *a]").message


@given(st.text())
def test_any_text_is_data_or_a_scenario_error(text: str) -> None:
    try:
        data = parse(text).data
    except ScenarioError as error:
        assert str(error).isprintable() or "\n" not in str(error)  # noqa: PT017 - or no error at all
    else:
        assert isinstance(data, (bool, int, float, str, tuple, dict, type(None)))


@given(st.text(alphabet="ab:-[]{}&*!|>'\"%@#,?\n\t 01.e~<", max_size=60))
def test_any_heap_of_yaml_s_own_characters_too(text: str) -> None:
    try:
        parse(text)
    except ScenarioError as error:
        assert error.message  # noqa: PT017 - or no error at all


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"), (True, "true"), (False, "false"), (1, "1"), (1.0, "1.0"), ("32", "'32'"), (math.inf, ".inf"),
        (-math.inf, "-.inf"), (math.nan, ".nan"), ({"a": 1}, "a mapping"), ({}, "an empty mapping"), ((1,), "a list"),
        ((), "an empty list"), (10**400, "a number that large"), ("a\nb\0", "'a\\nb\\x00'"),
        ("x" * 100, "'" + "x" * 56 + "..."),
    ],
)  # fmt: skip
def test_a_value_is_shown_on_one_line(value: Any, text: str) -> None:
    assert shown(value) == text


@pytest.mark.parametrize(
    ("path", "text"),
    [((), None), (("a", "b", 0), "a.b.0"), (("a\nb",), "a\\nb"), (("x" * 500,), "x" * 117 + "..."), (("é",), "é")],
)
def test_a_path_is_shown_on_one_line(path: tuple[str | int, ...], text: str | None) -> None:
    assert dotted(path) == text
