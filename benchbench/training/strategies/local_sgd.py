"""Local SGD: each rank moves its own replica by its own gradients; every N steps the replicas are averaged.

Stich 2019, "Local SGD converges fast and communicates little". A rank's gradient is weighed by its labelled positions
(times the ranks, over those of the global batch), so that averaging after every step would be the synchronous rule. The
optimizer's state stays each rank's own. A step's loss is that of the global batch, each part by its rank's replica;
what is judged is the replicas' average, which the training itself takes up only when its turn comes.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import chain

import torch
from torch.distributed.algorithms.model_averaging.utils import average_parameters

from benchbench.scenario.scenario import Scenario
from benchbench.training.group import Group
from benchbench.training.meter import Meter
from benchbench.training.strategies import Divided
from benchbench.training.strategies._refusals import of_local_steps, of_ranks


class LocalSgd:
    """See `Strategy`."""

    def refuse(self, scenario: Scenario) -> tuple[str, str] | None:
        """See `Strategy.refuse`."""
        return next(chain(of_ranks(scenario), of_local_steps(scenario)), None)

    def apply(self, model: torch.nn.Module, group: Group, scenario: Scenario) -> Divided:
        """See `Strategy.apply`."""
        every, meter = scenario.parallelism.local_sgd, Meter()
        weights = [parameter for parameter in model.parameters() if parameter.requires_grad]

        def average(step: int) -> None:
            if step % every == 0:
                with meter.standing():
                    _average(weights)

        @contextmanager
        def agreed() -> Iterator[None]:
            own = [weight.detach().clone() for weight in weights]
            _average(weights)
            yield
            with torch.no_grad():
                torch._foreach_copy_(list[torch.Tensor](weights), own)

        return Divided(
            forward=model,
            turn=lambda _last: nullcontext(),
            scale=float(group.rank.world),
            after_update=average,
            agreed=agreed,
            meter=meter if weights[0].device.type == "cpu" else None,
        )


def _average(weights: list[torch.nn.Parameter]) -> None:
    average_parameters(iter(weights), None)  # type: ignore[arg-type]


PLUGIN = LocalSgd()
