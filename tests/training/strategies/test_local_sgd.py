"""Local SGD against a plain simulation of it: replicas in one process, each with its optimizer and its part."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch

from benchbench.scenario.scenario import Scenario
from benchbench.training.group import Group
from benchbench.workload.feeding import Part
from tests.training.strategies.crew import Crew
from tests.training.strategies.trainings import STEPS, asked, course, loop_of, norms

RANKS, EVERY = 2, 4
RULE = {"name": "momentum", "learning_rate": 0.05, "weight_decay": 0.01}


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    ranks = Crew(RANKS, tmp_path_factory.mktemp("crew"))
    yield ranks
    ranks.close()


def wanted(ranks: int, every: int = EVERY, **training: Any) -> Scenario:
    parallelism = {"local_sgd": every} if ranks > 1 else {}
    return asked("gpt2", ranks, training={"optimizer": RULE, **training}, parallelism=parallelism)


def simulated(every: int) -> tuple[list[float], dict[str, float]]:
    """The losses, and the norms of the average at the end, of replicas that a loop by hand moves and averages."""
    loops = [loop_of(wanted(1), "gpt2")[0] for _ in range(RANKS)]
    recipes = [
        replace(loop.parts.batches.recipe, part=Part(rank, RANKS), micro_batch=4) for rank, loop in enumerate(loops)
    ]
    losses = []
    for step in range(STEPS):
        shares = []
        for loop, recipe in zip(loops, recipes, strict=True):
            (batch,) = recipe.batch(step)
            assert batch.whole is not None
            loop.parts.model.train()
            sums = loop.parts.task.loss_sums(loop.parts.model, batch, loop.parts.objective)
            share = sums["labels"] / batch.whole.counts["labels"]
            (RANKS * share).backward()
            shares.append(float(share.detach()))
            torch.nn.utils.clip_grad_norm_(loop.parts.model.parameters(), 0.5)
            loop.parts.optimizer.step()
            loop.parts.optimizer.zero_grad()
        losses.append(sum(shares))
        if (step + 1) % every == 0 or step + 1 == STEPS:
            average([list(loop.parts.model.parameters()) for loop in loops])
    return losses, norms(loops[0].parts.model)


@torch.no_grad()
def average(replicas: list[list[torch.nn.Parameter]]) -> None:
    for same in zip(*replicas, strict=True):
        mean = torch.stack([weight.detach() for weight in same]).mean(dim=0)
        for weight in same:
            weight.copy_(mean)


@pytest.mark.slow
@pytest.mark.parametrize("every", [2, EVERY])
def test_it_is_the_simulated_algorithm(crew: Crew, every: int) -> None:
    losses, weights = simulated(every)
    found = crew.do(course, wanted(RANKS, every), "gpt2")
    for one in found:
        assert one.losses == pytest.approx(losses, rel=1e-4)
    if STEPS % every == 0:
        for one in found:
            assert one.norms == pytest.approx(weights, rel=1e-4)
    assert losses != pytest.approx(course(None, wanted(1), "gpt2").losses, rel=1e-4), "it is not the synchronous rule"


def judged(group: Group, asked_for: Scenario) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Norms of the weights between two averages: before they are judged, while they are, and after."""
    loop, _ = loop_of(asked_for, "gpt2", group)
    loop.start()
    for _ in range(EVERY + 1):
        loop.step()
    loop.stop()
    assert loop.parts.spread is not None
    before = norms(loop.parts.model)
    with loop.parts.spread.divided.agreed():
        meanwhile = norms(loop.parts.model)
    return before, meanwhile, norms(loop.parts.model)


@pytest.mark.slow
def test_the_average_is_judged_and_the_replicas_go_on_as_they_were(crew: Crew) -> None:
    (first, first_judged, first_after), (second, second_judged, second_after) = crew.do(judged, wanted(RANKS))
    assert first != second
    assert first_judged == second_judged
    assert (first, second) == (first_after, second_after)
