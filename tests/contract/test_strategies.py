"""One suite over every strategy: ranks compute what one process computes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest

from benchbench import registry
from benchbench.scenario.scenario import Scenario
from benchbench.training.group import Group
from tests.training.strategies.crew import Crew
from tests.training.strategies.trainings import FAMILIES, Course, asked, course, gone, loop_of

STRATEGIES: dict[str, dict[str, Any]] = {
    "replicas": {},
    "zero1": {"shard": "zero1"},
    "zero2": {"shard": "zero2"},
    "zero3": {"shard": "zero3"},
    "parameter-server": {"parameter_server": "sync"},
}
ELSEWHERE = ("local-sgd", "tensor")  # held to the same in tests/training/strategies/
TOLERANCE = 1e-4


@pytest.fixture(scope="module", params=[2, 4])
def crew(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    ranks = Crew(request.param, tmp_path_factory.mktemp("crew"))
    yield ranks
    ranks.close()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    ranks = Crew(2, tmp_path_factory.mktemp("pair"))
    yield ranks
    ranks.close()


@cache
def alone(wanted: Scenario, family: str) -> Course:
    return course(None, wanted, family)


def compare(found: Course, plain: Course, without: str = "none") -> None:
    """Raises AssertionError where two trainings are not the same, weights left out whose names hold a text."""
    np.testing.assert_allclose(found.losses, plain.losses, rtol=TOLERANCE)
    assert found.norms.keys() == plain.norms.keys()
    for name, norm in ((name, norm) for name, norm in plain.norms.items() if without not in name):
        assert found.norms[name] == pytest.approx(norm, rel=TOLERANCE, abs=1e-7), name
    assert (found.samples, found.tokens) == (plain.samples, plain.tokens)
    assert plain.losses[0] != plain.losses[-1]


def check(crew: Crew, family: str, strategy: str, *, without: str = "none", **sections: Any) -> None:
    parallelism = {**STRATEGIES[strategy], **sections.pop("parallelism", {})}
    wanted = asked(family, crew.world, parallelism=parallelism, **sections)
    plain = alone(asked(family, 1, **sections), family)
    for found in crew.do(course, wanted, family):
        compare(found, plain, without)


def test_every_strategy_is_under_contract() -> None:
    assert registry.names(registry.STRATEGIES) == tuple(sorted((*STRATEGIES, *ELSEWHERE)))


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_ranks_take_the_steps_of_one_process(crew: Crew, strategy: str, family: str) -> None:
    check(crew, family, strategy)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_accumulated_micro_batches_are_one_batch(pair: Crew, strategy: str) -> None:
    check(pair, "gpt2", strategy, training={"micro_batch": 2})
    check(pair, "bert", strategy, training={"micro_batch": 1, "gradient_clip": None})


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["momentum", "lion"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_rule_with_a_state_moves_divided_weights_as_whole_ones(pair: Crew, strategy: str, optimizer: str) -> None:
    rule = {"name": optimizer, "learning_rate": 1e-2 if optimizer == "momentum" else 1e-3, "weight_decay": 0.1}
    # A key's bias has no gradient but rounding (softmax leaves shifts alone), of which Lion takes the sign.
    check(pair, "bert", strategy, without="key.bias" if optimizer == "lion" else "none", training={"optimizer": rule})


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_other_levers_act_as_in_one_process(pair: Crew, strategy: str) -> None:
    check(pair, "bert", strategy, training={"activation_checkpointing": "full", "label_smoothing": 0.1})
    check(pair, "llama", strategy, training={"optimizer": {"name": "sgd", "learning_rate": 0.1, "l1": 1e-3}})


def buckets_of(group: Group, wanted: Scenario) -> int:
    """How many times gradients are handed over in the fourth step."""
    loop, _ = loop_of(wanted, "bert", group)
    assert loop.parts.spread is not None
    meter = loop.parts.spread.divided.meter
    assert meter is not None
    calls: list[None] = []
    begun = meter.begun
    meter.begun = lambda: (calls.append(None), begun())[1]  # type: ignore[method-assign]
    loop.start()
    for _ in range(3):
        loop.step()
    before = len(calls)
    loop.step()
    loop.stop()
    return len(calls) - before


@pytest.mark.slow
def test_a_small_bucket_is_sent_alone(pair: Crew) -> None:
    large, small = (asked("bert", 2, parallelism={"bucket_mib": size}) for size in (25.0, 0.01))
    assert pair.do(buckets_of, large) == [1, 1]
    first, second = pair.do(buckets_of, small)
    assert first == second > 2
    check(pair, "bert", "replicas", parallelism={"bucket_mib": 0.01})


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["replicas", "zero1"])
@pytest.mark.parametrize(("communication", "bound"), [("fp16", 1e-3), ("bf16", 1e-2), ("powersgd", 0.2)])
def test_a_lossy_hook_stays_near_the_exact_mean(pair: Crew, communication: str, bound: float, strategy: str) -> None:
    parallelism = {**STRATEGIES[strategy], "communication": communication}
    exact = alone(asked("bert", 1), "bert").losses
    first, second = pair.do(course, asked("bert", 2, parallelism=parallelism), "bert")
    assert first.losses == second.losses
    assert first.norms == second.norms
    assert first.losses == pytest.approx(exact, rel=bound)
    assert first.losses != pytest.approx(exact, rel=1e-7), "nothing was compressed"


def without_the_last_part(group: Group, wanted: Scenario, family: str) -> Course:
    """A training in which one collective of one step's gradients goes wrong: what the last rank sends is lost."""
    loop, events = loop_of(wanted, family, group)
    spread = loop.parts.spread
    assert spread is not None
    whole, calls = spread.weighed, []

    def weighed(loss: Any) -> Any:
        calls.append(None)
        lost = group.rank.index == group.rank.world - 1 and len(calls) == 3
        return whole(loss) * (0.0 if lost else 1.0)

    spread.weighed = weighed  # type: ignore[method-assign]
    return gone(loop, events)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one_lost_gradient_is_noticed(pair: Crew, strategy: str) -> None:
    wanted = asked("bert", 2, parallelism=STRATEGIES[strategy])
    plain = alone(asked("bert", 1), "bert")
    for found in pair.do(without_the_last_part, wanted, "bert"):
        assert found.losses[:3] == pytest.approx(plain.losses[:3], rel=TOLERANCE)
        with pytest.raises(AssertionError):
            compare(found, plain)


@pytest.mark.parametrize(
    ("strategy", "change", "key"),
    [
        ("replicas", {"training": {"compile": "default"}}, "training.compile"),
        ("zero1", {"training": {"optimizer": {"name": "muon"}}}, "training.optimizer.name"),
        ("zero3", {"training": {"optimizer": {"name": "lamb"}}}, "training.optimizer.name"),
        ("zero2", {"training": {"ema": 0.9}}, "training.ema"),
        ("zero2", {"training": {"adapter": "lora"}}, "training.adapter"),
        ("zero2", {"training": {"frozen_layers": 1}}, "training.frozen_layers"),
        ("zero3", {"precision": "fp16"}, "precision"),
        ("zero2", {"parallelism": {"bucket_mib": 1.0}}, "parallelism.bucket_mib"),
        ("replicas", {"precision": "fp8"}, "precision"),
        ("replicas", {"training": {"compression": {"prune": 0.5}}}, "training.compression.prune"),
        ("replicas", {"training": {"compression": {"quantize": "int8-qat"}}}, "training.compression.quantize"),
        ("parameter-server", {"parallelism": {"shard": "zero1"}}, "parallelism.shard"),
        ("parameter-server", {"parallelism": {"local_sgd": 4}}, "parallelism.local_sgd"),
        ("parameter-server", {"parallelism": {"communication": "bf16"}}, "parallelism.communication"),
        ("parameter-server", {"parallelism": {"bucket_mib": 1.0}}, "parallelism.bucket_mib"),
        ("parameter-server", {"parallelism": {"data": 1, "tensor": 2}}, "parallelism.tensor"),
        ("parameter-server", {"parallelism": {"data": 1, "pipeline": 2}}, "parallelism.pipeline"),
        ("parameter-server", {"precision": "fp16"}, "precision"),
        ("zero1", {"training": {"checkpoint_every": 5}}, "training.checkpoint_every"),
        ("replicas", {"training": {"resume": "x"}}, "training.resume"),
    ],
)
def test_what_it_cannot_carry_out_is_refused_by_name(strategy: str, change: dict[str, Any], key: str) -> None:
    plugin: Any = registry.load(registry.STRATEGIES, strategy)
    parallelism = {**STRATEGIES[strategy], **change.pop("parallelism", {})}
    assert plugin.refuse(asked("bert", 2, parallelism=STRATEGIES[strategy])) is None
    refused = plugin.refuse(asked("bert", 2, parallelism=parallelism, **change))
    assert refused is not None
    assert refused[0] == key
