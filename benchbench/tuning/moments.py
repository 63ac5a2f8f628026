"""What a watcher is told while a search goes on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from benchbench.record.study import Overrides


@dataclass(frozen=True, kw_only=True)
class Moment:
    """One thing that happened.

    Attributes:
        event: a setup starts, goes on, ended, was refused or was measured before; something is to be known; or the
            search itself ended.
        role: what the setup is measured for.
        number: the trial's.
        overrides: the setup, for every key of the space.
        left_s: seconds of the budget that are left.
        best: the objective's best value so far; None before the first.
        value: the setup's own, once it ended with one.
        message: a refusal's or failure's reason, what is to be known, or why the search ended.
        what: what the executor says (see `executors.base.Watch`).
    """

    event: Literal["start", "progress", "end", "refused", "reused", "notice", "stop"]
    left_s: float
    role: Literal["baseline", "candidate", "probe", "confirmation"] = "candidate"
    number: int = 0
    overrides: Overrides = field(default_factory=dict)
    best: float | None = None
    value: float | None = None
    message: str = ""
    what: Mapping[str, Any] = field(default_factory=dict)


Watch = Callable[[Moment], None]
"""Called in the searching thread; must return soon and never raise."""
