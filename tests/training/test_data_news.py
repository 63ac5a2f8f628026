"""How far the data is, and what it cost, as the trainer tells it."""

import time
from pathlib import Path

import pytest

from benchbench.training import program
from benchbench.training.checking import problems
from benchbench.training.data_news import data_news
from tests.training.small import Recorder, scenario


def test_at_most_one_a_second_and_nothing_of_what_is_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 10.0
    monkeypatch.setattr(time, "monotonic", lambda: now_s)
    events = Recorder()
    tell = data_news(events)
    for seconds in (10.5, 11.0, 11.9, 12.1):
        now_s = seconds
        tell("tokenize", int(seconds * 10), 500)
    assert events.lines == [
        {"event": "phase", "name": "data", "part": "tokenize", "done": 110, "total": 500},
        {"event": "phase", "name": "data", "part": "tokenize", "done": 121, "total": 500},
    ]


@pytest.fixture
def fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    lines = [f"Word{n % 30} {n % 3},{'xyz'[n % 3]}" for n in range(90)]
    (tmp_path / "rows.csv").write_text("\n".join(["text,label", *lines]))
    return {"source": "csv", "path": str(tmp_path / "rows.csv"), "clean": ("lowercase", "dedupe")}


def test_the_preflight_fills_the_cache_and_the_record_says_what_the_data_cost(fields: dict[str, object]) -> None:
    wanted = scenario(
        data=fields, model={"vocab": 100}, training={"max_steps": 2, "global_batch": 4},
        measure={"warmup": 1, "steps": 2},
    )  # fmt: skip
    found = []
    for preflight in (False, True):
        if preflight:
            path = Path(str(fields["path"]))
            path.write_text(path.read_text() + "\nb,y\n")  # other rows, so another entry
            assert problems([wanted]) == [None]
        events = Recorder()
        program.run(wanted, events, program.Limits(timeout_s=60.0, deadline_s=60.0))
        found += events.of("ready")
    first, second = found
    assert (first["data_cached"], second["data_cached"]) == (False, True)
    for part in ("storage", "decode", "clean", "tokenize"):
        assert first[f"data_{part}_s"] > 0
    assert second["data_decode_s"] > 0
    assert "data_tokenize_s" not in second
    for ready in found:
        assert (ready["data_removed_duplicates"], ready["data_removed_empty"]) == (60, 0)
        assert (ready["validation_rows"], ready["test_rows"]) == (3, 3)
    assert (first["train_rows"], second["train_rows"]) == (24, 25)


def test_bad_rows_are_a_problem_before_anything_runs(fields: dict[str, object]) -> None:
    path = Path(str(fields["path"]))
    path.write_bytes(path.read_bytes() + b"\ncaf\xe9,x")
    (problem,) = problems([scenario(data=fields, model={"vocab": 100})])
    assert problem is not None
    assert problem["key"] == "data.path"
    assert "rows.csv, line 92: the byte 0xe9 is not UTF-8" in problem["message"]
