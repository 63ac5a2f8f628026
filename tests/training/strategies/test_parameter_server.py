"""The asynchronous parameter server against a plain simulation of it; the one in turns is under contract."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.distributed as td

from benchbench.scenario.scenario import Scenario
from benchbench.training.group import Group
from benchbench.training.strategies import parameter_server
from benchbench.workload.feeding import Part
from tests.training.strategies.crew import Crew
from tests.training.strategies.trainings import Course, asked, course, gone, loop_of, norms

RANKS, STEPS = 3, 12
CLIP = 0.5
RULES = {
    "sgd": {"name": "sgd", "learning_rate": 0.05, "weight_decay": 0.01},
    "momentum": {"name": "momentum", "learning_rate": 0.02, "weight_decay": 0.01},
}
# Who is the next to have its gradients taken; a rank is as far ahead of the slowest as it may be.
ORDERS = {
    "in turns": [0, 1, 2] * STEPS,
    "backwards": [2, 1, 0] * STEPS,
    "one far ahead": [1] * 5 + [2, 0, 1] * 7 + [2] * 5 + [0] * 5,
}


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    ranks = Crew(RANKS, tmp_path_factory.mktemp("crew"))
    yield ranks
    ranks.close()


def wanted(ranks: int, rule: str = "sgd", kind: str = "async", **training: Any) -> Scenario:
    parallelism = {"parameter_server": kind} if ranks > 1 else {}
    return asked(
        "gpt2",
        ranks,
        training={"global_batch": 12, "optimizer": RULES[rule], "max_steps": STEPS, **training},
        parallelism=parallelism,
    )


def in_order(group: Group, scenario: Scenario, order: list[int], name: str) -> Course:
    """A training in which gradients are taken in an order: each waits until the one before was answered."""
    store: Any = td.distributed_c10d._get_default_store()
    loop, events = loop_of(scenario, "gpt2", group)
    turns = iter([place for place, rank in enumerate(order) if rank == group.rank.index])
    move = loop.parts.optimizer.step

    def step() -> None:
        place = next(turns)
        if place:
            store.wait([f"{name}-{place}"])
        move()
        store.set(f"{name}-{place + 1}", "over")

    loop.parts.optimizer.step = step  # type: ignore[method-assign,assignment]
    return gone(loop, events, STEPS)


def simulated(rule: str, order: list[int]) -> tuple[list[float], dict[str, float]]:
    """The losses and the norms at the end: a server's model, and one a rank, that a loop by hand moves."""
    server, *ranks = [loop_of(wanted(1, rule), "gpt2")[0] for _ in range(RANKS + 1)]
    recipes = [
        replace(loop.parts.batches.recipe, part=Part(rank, RANKS), micro_batch=4) for rank, loop in enumerate(ranks)
    ]
    taken: Counter[int] = Counter()
    losses = [0.0] * STEPS
    server.parts.model.train()
    for rank in order:
        loop = ranks[rank]
        (batch,) = recipes[rank].batch(taken[rank])
        assert batch.whole is not None
        loop.parts.model.train()
        sums = loop.parts.task.loss_sums(loop.parts.model, batch, loop.parts.objective)
        share = sums["labels"] / batch.whole.counts["labels"]
        losses[taken[rank]] += float(share.detach())
        taken[rank] += 1
        (RANKS * share).backward()
        torch.nn.utils.clip_grad_norm_(loop.parts.model.parameters(), CLIP)
        for weight, own in zip(server.parts.model.parameters(), loop.parts.model.parameters(), strict=True):
            weight.grad, own.grad = own.grad, None
        server.parts.optimizer.step()
        loop.parts.model.load_state_dict(server.parts.model.state_dict())
    return losses, norms(server.parts.model)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("name", ORDERS)
def test_async_is_the_simulated_algorithm(crew: Crew, name: str, rule: str) -> None:
    order = ORDERS[name]
    assert Counter(order) == dict.fromkeys(range(RANKS), STEPS)
    losses, weights = simulated(rule, order)
    for found in crew.do(in_order, wanted(RANKS, rule), order, f"{name}-{rule}"):
        assert found.losses == pytest.approx(losses, rel=1e-4)
        assert found.norms == pytest.approx(weights, rel=1e-4)
    other = simulated(rule, ORDERS["in turns" if name != "in turns" else "backwards"])[0]
    assert losses != pytest.approx(other, rel=1e-4), "the order matters"


def ahead(group: Group, scenario: Scenario) -> tuple[int, list[int]]:
    """The most steps by which this rank was ahead of what it knew of the others, and the steps as they were told."""
    loop, events = loop_of(scenario, "gpt2", group)
    loop.start()
    most = 0
    for _ in range(STEPS):
        loop.step()
        most = max(most, loop.steps_taken - len(events.of("step")))
    loop.stop()
    return most, [line["step"] for line in events.of("step")]


@pytest.mark.slow
def test_no_rank_is_further_ahead_than_it_may_be(crew: Crew) -> None:
    for most, told in crew.do(ahead, wanted(RANKS)):
        assert most == parameter_server.AHEAD
        assert told == list(range(1, STEPS + 1)), "in the end all are"


def unanswered(group: Group, scenario: Scenario) -> str:
    """What a step says after the server's thread has failed."""
    loop, _ = loop_of(scenario, "gpt2", group)
    optimizer: Any = loop.parts.optimizer
    optimizer._error = OSError("a line broke")
    if group.rank.index:
        return ""
    try:
        loop.step()
    except RuntimeError as error:
        return f"{error}: {error.__cause__}"
    return "nothing"


@pytest.mark.slow
def test_a_server_that_failed_fails_its_rank(crew: Crew) -> None:
    assert crew.do(unanswered, wanted(RANKS))[0] == "the parameter server ended: a line broke"


@pytest.mark.slow
def test_an_optimizer_of_two_parts_and_adapted_weights_are_kept_by_the_server(crew: Crew) -> None:
    for change in ({"optimizer": {"name": "muon", "learning_rate": 1e-2}}, {"frozen_layers": 1}):
        for kind in ("sync", "async"):
            first, *others = crew.do(course, wanted(RANKS, kind=kind, **change), "gpt2", STEPS)
            assert first.losses[-1] < first.losses[0]
            assert all(one.losses == first.losses and one.norms == first.norms for one in others)
    muon = course(None, wanted(1, optimizer={"name": "muon", "learning_rate": 1e-2}), "gpt2", STEPS)
    rule = {"name": "muon", "learning_rate": 1e-2}
    found = crew.do(course, wanted(RANKS, kind="sync", optimizer=rule), "gpt2", STEPS)
    assert found[0].losses == pytest.approx(muon.losses, rel=1e-4)
