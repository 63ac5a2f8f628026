"""The plan of a parallel training: how many ranks there are, and into how many parts each kind of division cuts."""

from __future__ import annotations

from typing import Literal

from benchbench.scenario.misfit import Misfit
from benchbench.scenario.training_types import Parallelism
from benchbench.scenario.types import Hardware
from benchbench.values import Value

_DIVIDING = ("tensor", "pipeline", "context")  # the degrees that are never filled in


class Plan(Value):
    """The degrees, every one a number; their product is the number of ranks.

    `shard` divides over the data degree; the replicas are averaged every `local_sgd` steps, or one rank keeps the
    weights of all.
    """

    data: int
    shard: Literal["none", "zero1", "zero2", "zero3"]
    tensor: int
    pipeline: int
    context: int
    local_sgd: int
    parameter_server: Literal["none", "sync", "async"] = "none"

    @property
    def world(self) -> int:
        """Ranks."""
        return self.data * self.tensor * self.pipeline * self.context

    @property
    def strategy(self) -> str | None:
        """The plug-in that divides the work among the ranks; None where there is one rank."""
        if self.world == 1:
            return None
        if self.parameter_server != "none":
            return "parameter-server"
        if self.tensor > 1:
            return "tensor"
        if self.local_sgd > 1:
            return "local-sgd"
        return "replicas" if self.shard == "none" else self.shard


def plan_of(parallelism: Parallelism, hardware: Hardware) -> Plan:
    """The plan of two sections, the data degree filled in where it is `auto`.

    Raises:
        Misfit: the degrees do not multiply to the number of devices; says what would.
    """
    world = hardware.devices * hardware.nodes
    degrees = {name: getattr(parallelism, name) for name in _DIVIDING}
    fixed = parallelism.tensor * parallelism.pipeline * parallelism.context
    told = " x ".join(f"{name} {degree}" for name, degree in degrees.items() if degree > 1 or name != "context")
    here = f"devices {hardware.devices} x nodes {hardware.nodes} = {world}"
    if world % fixed:
        key = next(name for name, degree in degrees.items() if degree > 1)
        raise Misfit(f"parallelism.{key}", f"{told} = {fixed} does not divide {here}")
    data = world // fixed if parallelism.data == "auto" else parallelism.data
    if data * fixed != world:
        raise Misfit(
            "parallelism.data",
            f"data {data} x {told} = {data * fixed} does not fill {here}; {world // fixed} or auto would",
        )
    return Plan(
        data=data,
        shard=parallelism.shard,
        local_sgd=parallelism.local_sgd,
        parameter_server=parallelism.parameter_server,
        **degrees,
    )
