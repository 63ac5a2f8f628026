"""The sequence of global batches: the same however it is divided, made ahead or taken up."""

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch

from benchbench import registry
from benchbench.training.failures import kind_of, sentence
from benchbench.workload.batches import Batch
from benchbench.workload.examples import Examples, Ragged
from benchbench.workload.feeding import MicroBatches, Recipe
from benchbench.workload.orders import Shuffled
from benchbench.workload.task import Encoding, Task
from tests.training.small import ENCODING

TEXTS = [[n + 1] * (1 + n % 5) for n in range(40)]
pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on a machine of one core
TASK: Task = registry.load(registry.TASKS, "sequence-classification")


def recipe(micro_batch: int = 12, task: object = TASK) -> Recipe:
    return Recipe(
        split=Examples(columns={"ids": Ragged.of(TEXTS)}, scalars={"label": np.arange(40, dtype=np.int64)}),
        task=task,  # type: ignore[arg-type]
        encoding=ENCODING,
        order=Shuffled(40, 12, 1),
        micro_batch=micro_batch,
    )


def labels(batches: Sequence[Batch]) -> list[int]:
    return [label for b in batches for label in b.labels["label"].tolist()]


class Noisy:
    """A task that draws anew what each row is labelled with."""

    redraws = True

    def afresh(self, examples: Examples, encoding: Encoding, generator: np.random.Generator) -> Examples:
        return Examples(columns=examples.columns, scalars={"label": generator.integers(0, 10**9, size=len(examples))})


@pytest.mark.parametrize("micro_batch", [1, 2, 3, 4, 6, 12])
def test_micro_batches_divide_the_same_global_batches(micro_batch: int) -> None:
    whole, parts = MicroBatches(recipe()), MicroBatches(recipe(micro_batch))
    assert parts.micro_batch == micro_batch
    for _ in range(10):
        one, many = next(whole), next(parts)
        assert len(one) == 1
        assert [b.samples for b in many] == [micro_batch] * (12 // micro_batch)
        assert labels(one) == labels(many)
        assert sum(b.tokens for b in many) == one[0].tokens


def test_the_batches_can_begin_at_any_number() -> None:
    whole = MicroBatches(recipe(4))
    taken = [labels(next(whole)) for _ in range(9)]
    assert whole.number == 9
    later = MicroBatches(recipe(4), start=5)
    assert [labels(next(later)) for _ in range(4)] == taken[5:]


@pytest.mark.parametrize("workers", [0, 1])
def test_the_batches_can_go_on_at_any_number(workers: int) -> None:
    plain, moved = MicroBatches(recipe(4)), MicroBatches(recipe(4), workers=workers)
    taken = [labels(next(plain)) for _ in range(9)]
    next(moved)
    moved.number = 5
    assert [labels(next(moved)) for _ in range(4)] == taken[5:]
    assert moved.number == 9
    moved.close()


def test_what_changes_each_time_depends_on_the_number_of_the_batch_alone() -> None:
    def drawn(micro_batch: int, start: int) -> list[list[int]]:
        batches = MicroBatches(recipe(micro_batch, Noisy()), start=start)
        return [labels(next(batches)) for _ in range(4 - start)]

    assert drawn(12, 0) == drawn(3, 0)
    assert drawn(4, 2) == drawn(12, 0)[2:]
    assert len({tuple(batch) for batch in drawn(12, 0)}) == 4


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    yield
    left = [child for child in multiprocessing.active_children() if child.is_alive()]
    assert not left


def contents(batches: list[Batch]) -> list[dict[str, list[int]]]:
    return [{n: t.tolist() for n, t in {**b.inputs, **b.labels}.items()} | {"rows": b.rows.tolist()} for b in batches]


@pytest.mark.parametrize(("workers", "prefetch"), [(1, 1), (3, 2)])
def test_workers_make_the_same_batches(workers: int, prefetch: int) -> None:
    here = MicroBatches(recipe(4, Noisy()), start=2)
    ahead = MicroBatches(recipe(4, Noisy()), workers=workers, prefetch=prefetch, start=2)
    for _ in range(8):
        plain, made = next(here), next(ahead)
        assert contents(plain) == contents(made)
        assert [(b.counts, b.samples, b.tokens) for b in plain] == [(b.counts, b.samples, b.tokens) for b in made]
        assert {t.dtype for b in made for t in b.inputs.values()} == {torch.int64}
    assert ahead.number == here.number == 10
    ahead.close()


def test_workers_are_other_processes_that_work_ahead_and_end_when_closed(tmp_path: Path) -> None:
    batches = MicroBatches(recipe(12, Logged(tmp_path / "log")), workers=2, prefetch=3)
    next(batches)
    children = multiprocessing.active_children()
    assert len(children) == 2
    give_up = time.monotonic() + 30
    while len(logged := (tmp_path / "log").read_text().split()) < 7 and time.monotonic() < give_up:
        time.sleep(0.01)
    assert len(logged) == 7, "one was taken, and each of two workers has three under way"
    assert set(map(int, logged)) == {child.pid for child in children}
    batches.close()
    assert not any(psutil.pid_exists(int(pid)) for pid in set(logged))


class Logged(Noisy):
    """Writes down which process made each batch."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def afresh(self, examples: Examples, encoding: Encoding, generator: np.random.Generator) -> Examples:
        with self._file.open("a") as file:
            file.write(f"{os.getpid()}\n")
        return examples


def test_closed_batches_go_on_where_they_were() -> None:
    here, ahead = MicroBatches(recipe()), MicroBatches(recipe(), workers=1)
    for number in range(6):
        assert contents(next(here)) == contents(next(ahead))
        if number == 2:
            ahead.close()
    ahead.close()


def test_starting_workers_draws_nothing_from_the_trainings_generator() -> None:
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    batches = MicroBatches(recipe(), workers=1)
    next(batches)
    batches.close()
    assert torch.equal(torch.rand(3), wanted)


class Failing(Noisy):
    """Fails, or is killed, in the third batch."""

    def __init__(self, error: BaseException | None) -> None:
        self._error, self._calls = error, 0

    def afresh(self, examples: Examples, encoding: Encoding, generator: np.random.Generator) -> Examples:
        self._calls += 1
        if self._calls == 3:
            if self._error is None:
                os.kill(os.getpid(), signal.SIGKILL)
            else:
                raise self._error
        return examples


@pytest.mark.parametrize(
    ("error", "kind", "says"),
    [
        (KeyError("a bug"), "crashed", "KeyError"),
        (MemoryError("no room"), "oom", "MemoryError"),
        (None, "crashed", "DataLoader worker"),
    ],
)
def test_what_goes_wrong_in_a_worker_is_the_runs_error(error: BaseException | None, kind: str, says: str) -> None:
    batches = MicroBatches(recipe(12, Failing(error)), workers=1)
    found = None
    try:
        for _ in range(3):
            next(batches)
    except (KeyError, MemoryError, RuntimeError) as caught:
        found = (kind_of(caught), sentence(caught))
    batches.close()
    assert found is not None
    assert found[0] == kind
    assert says in found[1]
