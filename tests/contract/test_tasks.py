"""What every task keeps to. A new plug-in is found and tested without an edit."""

import math
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch

from benchbench import registry
from benchbench.scenario.types import Model
from benchbench.workload import models, tokenizer
from benchbench.workload.batches import Batch, held_out, padded
from benchbench.workload.examples import Examples, Longs, Ragged
from benchbench.workload.task import Encoding, Objective, Task
from tests.training.small import CPU, prepared

FAMILIES = {"AutoModelForCausalLM": "gpt2", "AutoModelForSeq2SeqLM": "t5"}  # bert for the others
ROOM = 300
LABELS = ("a", "b", "c")
TEXTS = ["greek small letter alpha", "digit seven", "plus sign", "latin capital letter a with grave"] * 3


@pytest.fixture(params=registry.names(registry.TASKS))
def task(request: pytest.FixtureRequest) -> Task:
    return cast(Task, registry.load(registry.TASKS, request.param))


@pytest.fixture
def encoding(task: Task, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Encoding:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "tasks-cache"))
    vocabulary = tokenizer.trained(TEXTS, ROOM, task.tokenizer)
    return Encoding(vocabulary=vocabulary, labels=LABELS if task.labelled_by else (), sequence_length=16)


@pytest.fixture
def model(task: Task) -> torch.nn.Module:
    torch.manual_seed(0)
    tiny = Model(family=FAMILIES.get(task.head, "bert"), layers=1, hidden=16, heads=2, ffn=32, vocab=ROOM)
    labels = len(LABELS) if task.labelled_by else 2
    return models.build(models.configuration(tiny, 0.0, labels), task.head, "auto")


def rows_of(task: Task, encoding: Encoding, count: int, *, held: bool = False) -> Examples:
    """Random rows of 6 to 16 tokens, as the task makes them for a throughput run."""
    generator = np.random.default_rng(count)
    size = encoding.vocabulary.size
    ids = Ragged.of([generator.integers(5, size, size=n).tolist() for n in generator.integers(6, 17, size=count)])
    encoding = replace(encoding, held_out=held)
    examples = task.synthetic(ids, encoding, np.random.default_rng(0))
    return examples if held else task.afresh(examples, encoding, np.random.default_rng(1))


def batch_of(examples: Examples, rows: Longs) -> Batch:
    return padded(examples.take(rows), rows, 0)


def mean(sums: Mapping[str, torch.Tensor], batches: Sequence[Batch]) -> torch.Tensor:
    """The loss of some micro-batches together."""
    counts: Counter[str] = Counter()
    for batch in batches:
        counts.update(batch.counts)
    return torch.stack([part / counts[name] for name, part in sums.items()]).sum()


def test_the_losses_are_sums_that_add_up_to_those_of_the_whole(
    task: Task, model: torch.nn.Module, encoding: Encoding
) -> None:
    examples = rows_of(task, encoding, 12)
    every = np.arange(len(examples), dtype=np.int64)
    batches = [batch_of(examples, rows) for rows in (every, every[:5], every[5:])]
    model.eval()
    with torch.inference_mode():
        whole, first, rest = (task.loss_sums(model, batch, Objective()) for batch in batches)
    assert set(whole) == set(batches[0].counts)
    for name, total in whole.items():
        assert total.shape == ()
        torch.testing.assert_close(total, first[name] + rest[name], rtol=1e-4, atol=1e-5)
        assert batches[0].counts[name] == batches[1].counts[name] + batches[2].counts[name] > 0


def test_the_loss_is_fp32_under_autocast_and_has_gradients(
    task: Task, model: torch.nn.Module, encoding: Encoding
) -> None:
    examples = rows_of(task, encoding, 12)
    batch = batch_of(examples, np.arange(len(examples), dtype=np.int64))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        sums = task.loss_sums(model, batch, Objective())
    assert {part.dtype for part in sums.values()} == {torch.float32}
    mean(sums, [batch]).backward()
    without = {name for name, p in model.named_parameters() if p.grad is None}
    assert not {name for name in without if "pooler" not in name}, "all but an unused pooler learn"


def test_label_smoothing_reaches_the_loss(task: Task, model: torch.nn.Module, encoding: Encoding) -> None:
    examples = rows_of(task, encoding, 12)
    batch = batch_of(examples, np.arange(len(examples), dtype=np.int64))
    model.eval()
    with torch.inference_mode():
        plain, smooth = (
            mean(task.loss_sums(model, batch, Objective(label_smoothing=s)), [batch]).item() for s in (0.0, 0.5)
        )
    assert plain != smooth


def test_the_scores_have_the_declared_names_and_do_not_depend_on_the_batching(
    task: Task, model: torch.nn.Module, encoding: Encoding
) -> None:
    examples = rows_of(task, encoding, 30, held=True)
    model.eval()
    found = []
    with torch.inference_mode():
        for size in (1, 7, 30):
            found.append(task.score(model, held_out(examples, encoding, CPU, size)))
    names = task.metric_names(encoding.labels)
    assert "loss" in names
    assert all(set(scores) == set(names) for scores in found)
    for name in names:
        assert all(math.isfinite(scores[name]) for scores in found)
        assert found[0][name] == pytest.approx(found[1][name], rel=1e-4) == pytest.approx(found[2][name], rel=1e-4)
        if name not in task.losses:
            assert 0 <= found[0][name] <= task.highest.get(name, 1.0)


def test_the_held_out_loss_is_the_mean_over_the_labelled_positions_of_all_rows(
    task: Task, model: torch.nn.Module, encoding: Encoding
) -> None:
    examples = rows_of(task, encoding, 30, held=True)
    whole = batch_of(examples, np.arange(len(examples), dtype=np.int64))
    model.eval()
    with torch.inference_mode():
        loss = mean(task.loss_sums(model, whole, Objective()), [whole]).item()
        assert task.score(model, held_out(examples, encoding, CPU, 7))["loss"] == pytest.approx(loss, rel=1e-4)


def test_what_is_drawn_afresh_is_the_generators(task: Task, encoding: Encoding) -> None:
    generator = np.random.default_rng(0)
    ids = Ragged.of([generator.integers(5, encoding.vocabulary.size, size=16).tolist() for _ in range(30)])
    examples = task.synthetic(ids, encoding, generator)
    before = columns(examples)
    first, again = (task.afresh(examples, encoding, np.random.default_rng(3)) for _ in range(2))
    assert columns(first) == columns(again)
    assert columns(examples) == before, "the rows themselves stay as they are"
    assert len(first) == len(examples)


def columns(examples: Examples) -> dict[str, list[int]]:
    return {name: column.values.tolist() for name, column in examples.columns.items()} | {
        name: values.tolist() for name, values in examples.scalars.items()
    }


def test_what_is_declared_hangs_together(task: Task) -> None:
    assert task.roles
    assert set(task.losses) <= set(task.metrics)
    assert set(task.highest) <= set(task.metrics)
    assert task.labelled_by is None or task.labelled_by in task.roles
    assert (task.class_metrics is None) or task.labelled_by is not None


def test_the_parent_of_a_run_can_ask_for_the_metrics_without_torch() -> None:
    code = (
        "import sys\nfrom benchbench import registry\n"
        "for name in registry.names(registry.TASKS): assert registry.load(registry.TASKS, name).metric_names(('a',))\n"
        "for name in registry.names(registry.SOURCES): registry.load(registry.SOURCES, name)\n"
        "heavy = {'torch', 'transformers', 'datasets', 'pyarrow', 'peft', 'sacrebleu'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-P", "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_accuracy_and_loss_of_classification_against_a_plain_loop() -> None:
    task = cast(Task, registry.load(registry.TASKS, "sequence-classification"))
    torch.manual_seed(0)
    tiny = Model(family="bert", layers=1, hidden=16, heads=2, ffn=32, vocab=60)
    model = models.build(models.configuration(tiny, 0.0, 3), task.head, "auto").eval()
    rows = prepared().validation
    right, losses = 0, []
    with torch.inference_mode():
        for row in range(len(rows)):
            ids = torch.tensor([rows.columns["ids"][row].tolist()])
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0]
            label = int(rows.scalars["label"][row])
            right += int(logits.argmax()) == label
            losses.append(-float(torch.log_softmax(logits, dim=0)[label]))
        scores = task.score(model, held_out(rows, prepared().encoding, CPU, 8))
    assert scores["accuracy"] == right / len(rows)
    assert scores["loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-5)
