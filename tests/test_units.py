"""Quantities read and written back, and numbers for people."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from benchbench.units import (
    LARGEST_BYTES,
    LONGEST_S,
    Duration,
    Size,
    exact_duration,
    exact_size,
    human,
    parse_duration,
    parse_size,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("100ms", 0.1), ("1s", 1.0), ("1.5s", 1.5), (".5s", 0.5), ("10m", 600.0), ("10min", 600.0), ("2h", 7200.0),
        ("1d", 86400.0), ("1h30m", 5400.0), ("1h 30m", 5400.0), (" 2 h ", 7200.0), ("1e-05s", 1e-5), ("1E3ms", 1.0),
        (5, 5.0), (0.25, 0.25),
    ],
)  # fmt: skip
def test_durations(text: object, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("16GiB", 16 * 2**30), ("16384MiB", 16 * 2**30), ("512MB", 512 * 10**6), ("1kB", 1000), ("1KB", 1000),
        ("1KiB", 1024), ("1TiB", 2**40), ("1TB", 10**12), ("7B", 7), ("1.5GiB", 3 * 2**29), ("1e3B", 1000),
        (" 1 GiB 1 MiB ", 2**30 + 2**20), ("9007199254740993B", 2**53 + 1), (12345, 12345),
    ],
)  # fmt: skip
def test_sizes(text: object, size: int) -> None:
    assert parse_size(text) == size


BAD: list[object] = [
    "", " ", "10", "ten minutes", "10 parsecs", "-5s", "1h-30m", "5s!", "s", "h5", "1,5s", "٣s", "1e999999999999s",
    "1e400s", "9" * 1000 + "s", "x" * 10**6, "1s" * 1000, "\0", "\ud800", None, True, False, [], {}, 0, -1, 0.0, -0.0,
    math.nan, math.inf, -math.inf, 10**400, -(10**400), b"10s",
]  # fmt: skip


@pytest.mark.parametrize("value", BAD)
def test_no_durations(value: object) -> None:
    with pytest.raises(ValueError, match=r"^expected a duration") as caught:
        parse_duration(value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("value", [*BAD, "16gib", "16G", "0GiB", "0.4B", "1e400GB", "99999999999TiB", 1.5, 2**61])
def test_no_sizes(value: object) -> None:
    with pytest.raises(ValueError, match=r"^expected a size") as caught:
        parse_size(value)
    assert len(str(caught.value)) < 250


def test_limits_are_within() -> None:
    assert parse_duration(LONGEST_S) == LONGEST_S
    assert parse_size(LARGEST_BYTES) == LARGEST_BYTES


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.1, "100ms"), (1.0, "1s"), (600.0, "10m"), (5400.0, "90m"), (7200.0, "2h"), (86400.0, "24h"), (0.25, "250ms")],
)
def test_a_duration_is_written_short(seconds: float, text: str) -> None:
    assert exact_duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(16 * 2**30, "16GiB"), (3 * 2**29, "1536MiB"), (1000, "1000B"), (2**40, "1TiB"), (1, "1B")]
)
def test_a_size_is_written_short(size: int, text: str) -> None:
    assert exact_size(size) == text


@given(st.floats(min_value=0, max_value=LONGEST_S, exclude_min=True))
def test_durations_come_back_exactly(seconds: float) -> None:
    assert parse_duration(exact_duration(seconds)) == seconds


@given(st.integers(1, LARGEST_BYTES))
def test_sizes_come_back_exactly(size: int) -> None:
    assert parse_size(exact_size(size)) == size


@given(st.text() | st.integers() | st.floats() | st.none() | st.booleans() | st.binary())
def test_anything_else_is_a_value_error(value: object) -> None:
    for parse in (parse_duration, parse_size):
        try:
            parsed = parse(value)
        except ValueError as error:
            assert str(error).startswith("expected ")  # noqa: PT017 - or no error at all
        else:
            assert parsed > 0


def test_the_types_read_and_write() -> None:
    durations, sizes = TypeAdapter(Duration), TypeAdapter(Size)
    assert durations.validate_python("90s") == 90.0
    assert durations.dump_json(90.0) == b'"90s"'
    assert sizes.validate_python("1GiB") == 2**30
    assert sizes.dump_json(2**30) == b'"1GiB"'
    with pytest.raises(ValidationError, match="expected a size"):
        sizes.validate_python("big")


def test_the_types_tell_editors_what_they_take() -> None:
    for kind, example, number in ((Duration, "1h30m", "number"), (Size, "16GiB", "integer")):
        schema = TypeAdapter(kind).json_schema()
        assert {branch["type"] for branch in schema["anyOf"]} == {"string", number}
        assert example in schema["expects"]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "s", "unknown"), (math.nan, "s", "unknown"), (math.inf, "s", "never"), (math.inf, "W", "unbounded"),
        (0, "s", "0 s"), (5e-8, "s", "50.0 ns"), (1.5e-6, "s", "1.50 µs"), (0.0123456, "s", "12.3 ms"),
        (0.9996, "s", "1.00 s"), (1.5, "s", "1.50 s"), (119.4, "s", "119 s"), (119.96, "s", "2 min 00 s"),
        (3599.7, "s", "1 h 00 min"), (7260, "s", "2 h 01 min"), (-300, "s", "-5 min 00 s"), (1e9, "s", "31.7 years"),
        (1023.9, "bytes", "1.00 KiB"), (512, "bytes", "512 B"), (16 * 2**30, "bytes", "16.0 GiB"),
        (5000 * 2**40, "bytes", "5,000 TiB"), (0.456, "%", "45.6 %"), (0, "%", "0 %"),
        (9999, "samples/s", "9,999 samples/s"), (12345, "samples/s", "12.3 ksamples/s"), (3.0, "J", "3.00 J"),
        (0.00012345, "", "0.000123"), (1e6, "", "1.00 M"), (1e308, "W", "1.00e+296 TW"),
    ],
)  # fmt: skip
def test_numbers_for_people(value: float | None, unit: str, text: str) -> None:
    assert human(value, unit) == text


@given(st.floats(), st.sampled_from(["s", "bytes", "%", "J", "samples/s", ""]), st.integers(1, 6))
def test_any_number_is_written_for_people(value: float, unit: str, digits: int) -> None:
    assert 0 < len(human(value, unit, digits)) < 40


@pytest.mark.parametrize("value", [1.5e306, 1.79e308, -1.79e308])
@pytest.mark.parametrize("unit", ["%", "s", "bytes", ""])
def test_the_largest_numbers_are_written_too(value: float, unit: str) -> None:
    assert 0 < len(human(value, unit, 1)) < 40
