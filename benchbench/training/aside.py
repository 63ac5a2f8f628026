"""What is done beside a training to a target, while its clock stands still."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchbench.training.keeping import Keeper
from benchbench.training.noise_scale import NoiseScale


@dataclass(frozen=True, kw_only=True)
class Aside:
    """What is done beside a training.

    Attributes:
        noise_scale: is estimated at each evaluation; None where it is not.
        keeper: writes checkpoints; None where none are kept.
        earlier: the events that tell the course of the training that is gone on with.
    """

    noise_scale: NoiseScale | None = None
    keeper: Keeper | None = None
    earlier: tuple[Mapping[str, Any], ...] = ()
