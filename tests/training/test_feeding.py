"""The settings of `data` that say how rows become batches: each reaches the training."""

import multiprocessing
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from benchbench import registry
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.types import Data
from benchbench.training import program
from benchbench.training.checking import problems
from benchbench.training.loop import Loop
from benchbench.workload import feeding
from benchbench.workload.batches import Batch, held_out
from benchbench.workload.examples import Examples
from benchbench.workload.preparing import Prepared, prepare
from benchbench.workload.task import Task
from tests.training.small import CPU, Recorder, loop_of, prepared, scenario, take

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")


@pytest.mark.parametrize("task", ["sequence-classification", "masked-lm"])
def test_parts_are_the_rows_of_the_whole_batch_and_know_its_counts(task: str) -> None:
    rows = prepared()
    if task == "masked-lm":
        rows = replace(rows, train=Examples(columns=rows.train.columns))
    recipe = loop_of(scenario().model_copy(update={"task": task}), rows)[0].parts.batches.recipe
    (whole,) = recipe.batch(3)
    parts = [replace(recipe, part=feeding.Part(index, 4), micro_batch=1).batch(3) for index in range(4)]
    assert np.concatenate([batch.rows for part in parts for batch in part]).tolist() == whole.rows.tolist()
    for part in parts:
        assert len(part) == 2
        for batch in part:
            assert batch.whole is not None
            assert batch.whole.counts == whole.counts
            assert (batch.whole.samples, batch.whole.tokens) == (whole.samples, whole.tokens)
    ids = [batch.inputs["input_ids"][0] for part in parts for batch in part]
    for row, part_ids in enumerate(ids):
        assert torch.equal(part_ids, whole.inputs["input_ids"][row, : len(part_ids)])


@pytest.fixture(autouse=True)
def cache_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "feeding-cache"))


def rows_of(loop: Loop, batches: int = 20) -> list[list[int]]:
    """The rows of the first global batches."""
    found = [next(loop.parts.batches) for _ in range(batches)]
    loop.parts.batches.close()
    return [np.concatenate([b.rows for b in batch]).tolist() for batch in found]


def test_buckets_hold_rows_of_like_length() -> None:
    many = prepared(400)
    lengths = many.train.lengths
    plain, bucketed = (rows_of(loop_of(scenario(data={"batching": b}), many)[0], 50) for b in ("pad", "bucket"))
    assert Counter(np.concatenate(plain).tolist()) == Counter(np.concatenate(bucketed).tolist())
    spread = [np.mean([np.ptp(lengths[batch]) for batch in found]) for found in (plain, bucketed)]
    assert spread[1] < spread[0] / 4


@pytest.mark.parametrize("batching", ["pad", "bucket", "pack"])
@pytest.mark.parametrize(
    "change",
    [
        {"training": {"micro_batch": 2}},
        {"data": {"workers": 2, "prefetch": 3}},
        {"training": {"dropout": 0.5}},
        {"model": {"layers": 1}},
    ],
)
def test_the_order_depends_on_data_and_seed_alone(batching: str, change: dict[str, Any]) -> None:
    data = {"batching": batching, "sequence_length": 24}
    changed = scenario(**{**change, "data": {**data, **change.get("data", {})}})
    assert rows_of(loop_of(changed)[0]) == rows_of(loop_of(scenario(data=data))[0])


@pytest.mark.parametrize("data", [{"workers": 1}, {"workers": 2, "prefetch": 1}, {"workers": 2, "batching": "pack"}])
def test_workers_change_no_loss(data: dict[str, Any]) -> None:
    sections = {"training": {"dropout": 0.2, "micro_batch": 4}}
    here = {**data, "workers": 0, "sequence_length": 24}
    ahead, plain = (loop_of(scenario(data=d, **sections)) for d in ({**data, "sequence_length": 24}, here))
    for loop, _ in (ahead, plain):
        torch.manual_seed(3)
        loop.start()
        take(loop, 6)
        loop.stop()
        loop.parts.batches.close()
    assert ahead[1].losses == plain[1].losses


def test_workers_are_started_with_the_stretch_and_ended_with_the_run() -> None:
    loop, _ = loop_of(scenario(data={"workers": 2}))
    assert not multiprocessing.active_children()
    loop.start()
    assert len(multiprocessing.active_children()) == 2
    loop.parts.batches.close()
    assert not multiprocessing.active_children()


def test_workers_make_as_many_batches_ahead_as_was_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []

    class Noted(DataLoader[list[Batch]]):
        def __init__(self, rows: Dataset[list[Batch]], **settings: Any) -> None:
            asked.append((settings["num_workers"], settings["prefetch_factor"]))
            super().__init__(rows, **settings)

    monkeypatch.setattr(feeding, "DataLoader", Noted)
    loop, _ = loop_of(scenario(data={"workers": 1, "prefetch": 7}))
    next(loop.parts.batches)
    loop.parts.batches.close()
    assert asked == [(1, 7)]


def _whole(data: dict[str, Any], events: Recorder) -> None:
    wanted = scenario(
        data={"source": "synthetic", "sequence_length": 12, **data},
        measure={"warmup": 1, "steps": 3},
        model={"vocab": 120},
    )
    program.run(wanted, events, program.Limits(timeout_s=600.0, deadline_s=float("inf")))


def test_a_run_leaves_no_process_behind() -> None:
    events = Recorder()
    _whole({"workers": 2}, events)
    assert len(events.of("step")) == 4
    assert not multiprocessing.active_children()


def test_a_run_that_fails_leaves_none_either(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: Loop) -> list[float]:
        assert len(multiprocessing.active_children()) == 2
        raise RuntimeError("a bug")

    monkeypatch.setattr(Loop, "step", fails)
    with pytest.raises(RuntimeError, match="a bug"):
        _whole({"workers": 2}, Recorder())
    assert not multiprocessing.active_children()


def test_class_weights_weigh_the_loss_of_a_plain_formula() -> None:
    rows = _unbalanced_small()
    loop, events = loop_of(scenario(data={"balance": "class-weights"}, training={"micro_batch": 4}), rows)
    twin, _ = loop_of(scenario(), rows)
    batch = next(twin.parts.batches)[0]
    counts = np.bincount(rows.train.scalars["label"])
    weights = torch.tensor(len(rows.train) / (3 * counts), dtype=torch.float32)
    labels = batch.labels["label"]
    with torch.inference_mode():
        logits = twin.parts.model(**batch.inputs).logits
    each = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
    loop.start()
    take(loop, 1)
    assert events.losses[0] == pytest.approx(float((weights[labels] * each).mean()), rel=1e-5)
    assert events.losses[0] != pytest.approx(float(each.mean()), rel=1e-3)


def _unbalanced_small() -> Prepared:
    rows = prepared(200)
    labels = rows.train.scalars["label"]
    kept = np.flatnonzero((labels == 0) | (np.arange(200) % 8 == 0)).astype(np.int64)
    return replace(rows, train=rows.train.take(kept))


def test_the_held_out_loss_is_not_weighed() -> None:
    rows = _unbalanced_small()
    scores = []
    for balance in ("none", "class-weights"):
        loop, _ = loop_of(scenario(data={"balance": balance}), rows)
        loop.parts.model.eval()
        with torch.inference_mode():
            scores.append(loop.parts.task.score(loop.parts.model, held_out(rows.validation, rows.encoding, CPU)))
    assert scores[0] == scores[1]


def test_oversampling_shows_every_class_equally_often() -> None:
    rows = _unbalanced_small()
    labels = rows.train.scalars["label"]
    loop, _ = loop_of(scenario(data={"balance": "oversample"}), rows)
    seen = Counter(labels[np.concatenate(rows_of(loop, 3 * int((labels == 0).sum()) // 8))].tolist())
    assert max(seen.values()) - min(seen.values()) <= 8
    plain, _ = loop_of(scenario(), rows)
    usual = Counter(labels[np.concatenate(rows_of(plain, 20))].tolist())
    assert usual[0] > 2 * usual[1]


@cache
def _rare_digits() -> Prepared:
    """The embedded names of letters and of digits, one digit to fifty letters."""
    task = cast(Task, registry.load(registry.TASKS, "sequence-classification"))
    whole = prepare(Data(source="unicode-names", sequence_length=12), task, 400)
    names = ("Lo", "Nd")
    letter, digit = (whole.encoding.labels.index(name) for name in names)

    def some(split: Examples, letters: int, digits: int) -> Examples:
        labels = split.scalars["label"]
        kept = np.sort([*np.flatnonzero(labels == letter)[:letters], *np.flatnonzero(labels == digit)[:digits]])
        taken = split.take(kept)
        return replace(taken, scalars={"label": (taken.scalars["label"] == digit).astype(np.int64)})

    return replace(
        whole,
        train=some(whole.train, 3000, 60),
        validation=some(whole.validation, 500, 100),
        encoding=replace(whole.encoding, labels=names),
    )


def _scores(balance: str, seed: int) -> Mapping[str, float]:
    rows = _rare_digits()
    wanted = scenario(
        data={"balance": balance, "sequence_length": 12},
        training={"global_batch": 64, "max_steps": 60, "seed": seed, "optimizer": {"learning_rate": 3e-3}},
        model={"layers": 1, "vocab": 400},
    )
    loop, _ = loop_of(wanted, rows)
    loop.start()
    take(loop, 60)
    loop.parts.model.eval()
    with torch.inference_mode():
        return loop.parts.task.score(loop.parts.model, held_out(rows.validation, rows.encoding, CPU))


@pytest.mark.parametrize("balance", ["class-weights", "oversample"])
def test_balancing_raises_macro_f1_where_a_class_is_rare(balance: str) -> None:
    """Five seeds each: unbalanced trainings of this length say `letter` to everything."""
    plain = [_scores("none", seed)["f1_macro"] for seed in range(5)]
    balanced = [_scores(balance, seed)["f1_macro"] for seed in range(5)]
    assert np.median(balanced) > np.median(plain) + 0.15
    assert sum(b > p for b, p in zip(balanced, plain, strict=True)) >= 4


def _problem(**sections: Any) -> tuple[str, str | None] | None:
    data = {"source": "unicode-names", "sequence_length": 16, **sections.pop("data")}
    wanted = Scenario.model_validate({
        "name": "small", "model": {"family": "bert", "layers": 1, "hidden": 32, "heads": 2, "ffn": 48, "vocab": 300},
        "hardware": {"device": "cpu"}, "task": "sequence-classification", "data": data, **sections,
    })  # fmt: skip
    (found,) = problems([wanted])
    return None if found is None else (found["message"], found["key"])


GPT2 = {"family": "gpt2", "layers": 1, "hidden": 32, "heads": 2, "ffn": 48, "vocab": 300}


@pytest.mark.parametrize(
    ("sections", "says", "key"),
    [
        ({"data": {"batching": "pack"}, "model": GPT2}, "looks at the last token", "data.batching"),
        ({"data": {"batching": "pack"}, "task": "bert-pretraining"}, "as a whole", "data.batching"),
        ({"data": {"balance": "oversample"}, "task": "masked-lm"}, "no classes", "data.balance"),
        ({"data": {"balance": "class-weights"}, "task": "causal-lm", "model": GPT2}, "no classes", "data.balance"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_runs(sections: dict[str, Any], says: str, key: str) -> None:
    found = _problem(**sections)
    assert found is not None
    assert says in found[0]
    assert found[1] == key


@pytest.mark.parametrize(
    "data", [{"batching": "pack"}, {"batching": "bucket", "balance": "oversample"}, {"balance": "class-weights"}]
)
def test_what_can_be_passes(data: dict[str, Any]) -> None:
    assert _problem(data=data) is None
