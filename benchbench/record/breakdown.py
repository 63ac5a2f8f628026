"""Where the time of a step goes, as a profiler saw it in steps of its own after the measured ones."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from benchbench.values import Observed

Part = Literal[
    "matrix-products", "attention", "elementwise", "optimizer", "communication", "copies", "data", "overhead"
]
PARTS: tuple[Part, ...] = get_args(Part)


class Breakdown(Observed):
    """The mean profiled step in parts that add up to it. What goes on at once counts for the first of the parts."""

    device: str = Field(description="cpu: the operators' own time; else the device's kernels")
    steps: int
    step_s: float = Field(description="of a profiled step, which is slower than a measured one")
    seconds: dict[Part, float] = Field(
        description="elementwise: norms, activations, softmax, embeddings; communication and copies: what no "
        "computation hides; overhead: the device idle between kernels, on the CPU all that is no operator"
    )
    hidden_communication_s: float = Field(0.0, description="communication behind computation; no part of the step")

    def share(self, *parts: Part) -> float:
        """The share of the step that some parts take together, 0 to 1."""
        return sum(self.seconds.get(part, 0.0) for part in parts) / self.step_s
