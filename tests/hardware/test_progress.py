"""Events as they are written, rates, and a channel whose reader may be slow or gone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from benchbench.hardware.probe import Reading, Seen
from benchbench.hardware.progress import Channel, EventTail, Gauges, StepRates


def test_events_are_read_once_and_whole(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    tail = EventTail(path)
    assert list(tail.read()) == []
    path.write_text('{"event": "ready"}\n{"event": "st')
    assert list(tail.read()) == [{"event": "ready"}]
    with path.open("a") as file:
        file.write('ep", "step": 1}\nnonsense\n[1]\n{"no": "event"}\n{"event": 3}\n\xff\n{"event": "done"}\n')
    assert list(tail.read()) == [{"event": "step", "step": 1}, {"event": "done"}]
    assert list(tail.read()) == []
    tail.close()
    tail.close()


def test_a_line_without_an_end_is_not_kept_for_ever(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("x" * (3 << 20))
    tail = EventTail(path)
    assert list(tail.read()) == []
    assert len(tail._rest) <= 1 << 20
    tail.close()


def steps(*events: dict[str, Any]) -> dict[str, float | None]:
    rates = StepRates()
    for event in events:
        rates.add(event, seen_s=event.get("seen", 0.0))
    return rates.figures()


def test_rates_are_the_last_seconds() -> None:
    slow = [{"step": n, "t": float(n), "step_s": 1.0, "samples": 1, "tokens": 10, "loss": 2.0} for n in range(5)]
    fast = [
        {"step": 5 + n, "t": 4.1 + n / 10, "step_s": 0.1, "samples": 8, "tokens": 100, "loss": 0.5} for n in range(20)
    ]
    assert steps(*slow) == {"step": 4, "loss": 2.0, "samples_per_s": 1.0, "tokens_per_s": 10.0}
    newest = steps(*slow, *fast)
    assert newest == {"step": 24, "loss": 0.5, "samples_per_s": pytest.approx(80), "tokens_per_s": pytest.approx(1000)}


def test_what_lies_between_steps_is_no_part_of_the_rate() -> None:
    before = {"step": 1, "t": 10.0, "step_s": 0.5, "samples": 4}
    after = {"step": 2, "t": 60.0, "step_s": 0.5, "samples": 4}  # fifty seconds of evaluation
    assert steps(before, after)["samples_per_s"] == 8.0


def test_a_foreign_trainers_steps_are_timed_by_their_arrival() -> None:
    events = [{"step": n, "samples": 5, "seen": n * 0.25} for n in range(9)]
    assert steps(*events) == {"step": 8, "loss": None, "samples_per_s": 20.0, "tokens_per_s": None}
    assert steps(events[0])["samples_per_s"] is None


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), "0.5", True, None])
def test_what_is_no_number_is_unknown(loss: object) -> None:
    assert steps({"step": 1, "t": 1.0, "step_s": 0.1, "samples": "x", "loss": loss}) == {
        "step": 1,
        "loss": None,
        "samples_per_s": None,
        "tokens_per_s": None,
    }
    assert steps() == {"step": None, "loss": None, "samples_per_s": None, "tokens_per_s": None}


def _rest(fd: int) -> bytes:
    return b"".join(iter(lambda: os.read(fd, 1 << 16), b""))


def test_a_reader_that_is_behind_gets_whole_lines_later() -> None:
    readable, writable = os.pipe()
    channel = Channel(writable)
    for n in range(900):
        channel.send({"n": n, "text": "x" * 500})
    some = b""
    while channel._waiting or channel._begun:
        some += os.read(readable, 1 << 16)
        channel.flush()
    os.close(writable)
    some += _rest(readable)
    assert [json.loads(line)["n"] for line in some.splitlines()] == list(range(900))
    os.close(readable)


def test_the_oldest_lines_are_given_up_for_a_reader_that_never_reads() -> None:
    readable, writable = os.pipe()
    channel = Channel(writable)
    for n in range(5000):
        channel.send({"n": n, "text": "x" * 500})
    assert len(channel._waiting) == 1000
    some = os.read(readable, 1 << 20)
    channel.flush()
    os.close(writable)
    numbers = [message["n"] for message in map(json.loads, (some + _rest(readable)).splitlines())]
    assert numbers == sorted(numbers)
    os.close(readable)


def test_a_reader_that_left_is_no_error() -> None:
    readable, writable = os.pipe()
    channel = Channel(writable)
    os.close(readable)
    channel.send({"n": 1})
    channel.send({"n": 2})
    os.close(writable)
    Channel(writable).send({"n": 3})  # not even open


def seen(device: str, *metrics: str, in_use: bool = True) -> Seen:
    return Seen(device, device, None, in_use, metrics, ())


def test_gauges_show_the_gpus_in_use() -> None:
    gauges = Gauges(
        [seen("cpu"), *(seen(f"cuda:{n}", "utilization") for n in (0, 1)), seen("nvml:2", "utilization", in_use=False)]
    )
    for low in (0.2, 0.4):
        gauges.take(
            [
                Reading("cpu", {"process_utilization": 0.9, "process_memory_bytes": 9.0}),
                Reading("cuda:0", {"utilization": low, "memory_used_bytes": 100.0}),
                Reading("cuda:1", {"utilization": low + 0.2, "memory_used_bytes": 300.0}),
                Reading("nvml:2", {"utilization": 1.0, "memory_used_bytes": 999.0}),
            ]
        )
    assert gauges.figures() == {"utilization": pytest.approx(0.4), "memory_bytes": 300.0}
    assert gauges.figures() == {"utilization": None, "memory_bytes": 300.0}


def test_gauges_show_the_run_on_the_cpus_where_no_gpu_is_in_use() -> None:
    for others in ([], [seen("cuda:0", "utilization", in_use=False)], [seen("cuda:0", "power")]):
        gauges = Gauges([seen("cpu", "process_utilization"), *others])
        gauges.take([Reading("cpu", {"utilization": 1.0, "process_utilization": 0.5, "process_memory_bytes": 7.0})])
        gauges.take([Reading("cpu", {})])
        assert gauges.figures() == {"utilization": 0.5, "memory_bytes": 7.0}
