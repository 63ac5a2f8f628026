"""Tensor parallel ranks take the steps of one process, each with some of the heads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from torch.distributed.tensor import DTensor

from benchbench import registry
from benchbench.scenario.scenario import Scenario
from benchbench.training.group import Group
from tests.training.strategies.crew import Crew
from tests.training.strategies.trainings import asked, course, loop_of

DIVIDED = {"bert": ("query", "dense"), "llama": ("q_proj", "down_proj")}


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    ranks = Crew(2, tmp_path_factory.mktemp("crew"))
    yield ranks
    ranks.close()


def wanted(family: str, degree: int, **more: Any) -> Scenario:
    model = {"kv_heads": 2} if family == "llama" else {}
    return asked(family, degree, parallelism={"tensor": degree, "data": 1}, model=model, **more)


def divided(group: Group, asked_for: Scenario, family: str) -> dict[str, tuple[int, int]]:
    """Numbers of every divided weight: here, and in all."""
    model = loop_of(asked_for, family, group)[0].parts.model
    found = {n: p for n, p in model.named_parameters() if isinstance(p, DTensor)}
    return {name: (p.to_local().numel(), p.numel()) for name, p in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["sgd", "momentum"])
@pytest.mark.parametrize("family", DIVIDED)
def test_each_rank_has_some_heads_and_the_steps_are_those_of_one_process(
    crew: Crew, family: str, optimizer: str
) -> None:
    training = {"optimizer": {"name": optimizer, "learning_rate": 0.05, "weight_decay": 0.01}}
    plain = course(None, wanted(family, 1, training=training), family)
    for found in crew.do(course, wanted(family, 2, training=training), family):
        assert found.losses == pytest.approx(plain.losses, rel=1e-4)
        assert found.norms == pytest.approx(plain.norms, rel=1e-4, abs=1e-7)
        assert (found.samples, found.tokens) == (plain.samples, plain.tokens)
    for one in crew.do(divided, wanted(family, 2), family):
        weights = {name: sizes for name, sizes in one.items() if name.endswith("weight")}
        assert all(here * 2 == whole for here, whole in weights.values())
        for module in DIVIDED[family]:
            assert any(f".{module}." in name for name in weights)


@pytest.mark.parametrize(
    ("family", "change", "key", "says"),
    [
        ("gpt2", {}, "parallelism.tensor", "nobody has a plan of how gpt2 is cut"),
        ("t5", {}, "parallelism.tensor", "nobody has a plan of how t5 is cut"),
        ("bert", {"model": {"heads": 1}}, "parallelism.tensor", "does not divide the model's heads = 1; legal: 1"),
        ("llama", {"model": {"kv_heads": 1}}, "parallelism.tensor", "kv_heads = 1; legal: 1"),
        ("bert", {"training": {"optimizer": {"l1": 0.1}}}, "training.optimizer.l1", "leave it out"),
        ("bert", {"data": {"batching": "pack"}}, "data.batching", "use pad or bucket"),
        ("bert", {"parallelism": {"tensor": 2, "shard": "zero1"}}, "parallelism.shard", "use none"),
        ("bert", {"parallelism": {"tensor": 2, "local_sgd": 2}}, "parallelism.local_sgd", "leave it out"),
    ],
)
def test_what_cannot_be_cut_is_refused_with_what_would_be_legal(
    family: str, change: dict[str, Any], key: str, says: str
) -> None:
    plugin: Any = registry.load(registry.STRATEGIES, "tensor")
    refused = plugin.refuse(asked(family, 2, **{"parallelism": {"tensor": 2}, **change}))
    assert refused is not None
    assert refused[0] == key
    assert says in refused[1]


def test_replicas_of_divided_matrices_are_refused() -> None:
    plugin: Any = registry.load(registry.STRATEGIES, "tensor")
    assert plugin.refuse(asked("bert", 4, parallelism={"tensor": 2}))[0] == "parallelism.data"
    assert plugin.refuse(asked("bert", 2, parallelism={"tensor": 2})) is None
