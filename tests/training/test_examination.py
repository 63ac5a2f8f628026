"""What is looked at after the measured steps, and what is left out where it would take too long."""

from __future__ import annotations

import pytest

from benchbench.training import counting, memory_phases
from benchbench.training.examination import examine
from benchbench.training.loop import Loop
from tests.training.small import Recorder, loop_of, scenario, take

LOOKS = ("memory-phases", "work", "profile")


def measured() -> tuple[Loop, Recorder]:
    loop, events = loop_of(scenario())
    loop.start()
    take(loop, 2)
    return loop, events


def test_every_look_is_reported_and_no_step_is() -> None:
    loop, events = measured()
    facts = examine(scenario(), loop, events, 60.0)
    assert {look: len(events.of(look)) for look in LOOKS} == dict.fromkeys(LOOKS, 1)
    assert events.of("phase")[-1]["name"] == "examine"
    assert len(events.of("step")) == 2
    assert facts.keys() == {"flops_per_step", "model_flops_per_step"}


def test_the_work_of_a_step_is_that_of_its_batch() -> None:
    loop, events = measured()
    examine(scenario(), loop, events, 60.0)
    (work,) = events.of("work")
    again, _ = loop_of(scenario())
    again.parts.batches.number = 3  # two were measured, and one served for the memory
    with counting.counter(recomputing=True) as counter:
        again.accumulate(next(again.parts.batches))
    assert work["flops"] == counter.get_total_flops()
    weights = sum(p.numel() for p in loop.parts.model.parameters())
    assert work["moved_bytes"] > 4 * 8 * weights  # the optimizer alone


def test_without_time_the_flops_are_counted_and_nothing_else() -> None:
    loop, events = measured()
    facts = examine(scenario(), loop, events, 0.0)
    assert facts["model_flops_per_step"] == counting.step_flops(loop).model_flops
    assert not any(events.of(look) for look in LOOKS)


def test_slow_steps_are_left_alone_and_the_record_says_so() -> None:
    loop, events = measured()
    loop.training_s = 20.0  # of two steps
    facts = examine(scenario(), loop, events, 60.0)
    assert facts["profile_left_out"] == "6 more steps could take 120 s"
    assert not any(events.of(look) for look in LOOKS)


def test_a_look_that_fails_costs_nothing_but_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_memory(*_: object) -> None:
        raise RuntimeError("CUDA out of memory\nand much more")

    loop, events = measured()
    monkeypatch.setattr(memory_phases, "report", out_of_memory)
    facts = examine(scenario(), loop, events, 60.0)
    assert facts["profile_left_out"] == "RuntimeError: CUDA out of memory"
    assert facts["flops_per_step"]


def test_packed_rows_are_counted_as_they_lie() -> None:
    packed = scenario(data={"batching": "pack", "sequence_length": 32})
    loop, events = loop_of(packed)
    loop.start()
    take(loop, 1)
    facts = examine(packed, loop, events, 0.0)
    with counting.counter(recomputing=True) as counter:
        for number in range(counting.WHOLE_BATCHES):
            loop.accumulate(loop.parts.batches.recipe.batch(number))
    assert facts["flops_per_step"] == counter.get_total_flops() / counting.WHOLE_BATCHES
