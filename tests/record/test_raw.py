"""Raw lines are read however a repeat ended."""

from pathlib import Path

import pytest

from benchbench.record import raw


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (b"", 0),
        (b'{"a":1}\n{"a":2}\n', 2),
        (b'{"a":1}\n{"a":', 1),
        (b'{"a":1}\n{"a":2}', 2),
        (b'{"a":1}\nTraceback (most recent call last):\n{"a":2}\n', 2),
        (b'{"a":1}\n\x00\xff\xfe\n[1]\n"text"\n7\nnull\n\n', 1),
        (b"[" * 100_000 + b'\n{"a":1}\n', 1),
    ],
)
def test_every_whole_object_is_read_and_nothing_else(tmp_path: Path, text: bytes, found: int) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(text)
    assert len(list(raw.lines(file))) == found


def test_a_missing_file_has_no_lines(tmp_path: Path) -> None:
    assert list(raw.lines(tmp_path / "none")) == []
    assert list(raw.lines(tmp_path)) == []


def test_the_tail_of_a_log_begins_at_a_line(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    assert raw.log_tail(log) == ""
    log.write_text("one\ntwo\n")
    assert raw.log_tail(log) == "one\ntwo\n"
    log.write_bytes(b"".join(f"line {n} \xe4\n".encode("latin-1") for n in range(2000)))
    tail = raw.log_tail(log)
    assert 3000 < len(tail) < 5000
    assert tail.startswith("line ")
    assert tail.endswith("line 1999 \ufffd\n")
