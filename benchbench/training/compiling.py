"""torch.compile: in place, its cost told apart from that of the steps, and every start of it reported."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch

from benchbench.training.events import Events


class Compiler:
    """Compiles a model as a scenario asks, and keeps account of it until `close`.

    Compilation happens in the first forward and backward passes, and again for whatever they did not foresee. Each
    time leaves an event `compile` with its seconds (`compile_s`) and torch's number for it (`compile_id`, such as
    `0/1`: the second time for the first piece of the model).

    Attributes:
        spent_s: seconds that went into compilation so far.
    """

    def __init__(self, mode: str, events: Events) -> None:
        """Compiles nothing yet.

        Args:
            mode: `none`, or one of torch.compile's modes.
            events: where each compilation is reported.
        """
        self.spent_s = 0.0
        self._mode, self._events = mode, events
        self._began_s = 0.0
        self._watching = False

    def compile(self, model: torch.nn.Module) -> None:
        """Has a model compiled in its first passes; the model itself stays what it is, its weights' names too."""
        if self._mode == "none":
            return
        handler = _callbacks()
        handler.register_start_callback(self._begin)
        handler.register_end_callback(self._end)
        self._watching = True
        model.compile(mode=self._mode)

    def plain(self) -> AbstractContextManager[object]:
        """While it is entered, models run as they are written: for passes that are not worth compiling for."""
        if self._mode == "none":
            return nullcontext()
        return cast(AbstractContextManager[object], torch.compiler.set_stance("force_eager"))

    def close(self) -> str | None:
        """Ends the account.

        Returns:
            Why torch compiled something again, the last time that it did; None if it never did.
        """
        if not self._watching:
            return None
        self._watching = False
        handler = _callbacks()
        handler.remove_start_callback(self._begin)
        handler.remove_end_callback(self._end)
        from torch._dynamo.utils import get_compilation_metrics

        reasons = [m.recompile_reason for m in get_compilation_metrics() if m.recompile_reason]
        return reasons[-1].splitlines()[0] if reasons else None

    def _begin(self, _call: Any) -> None:
        self._began_s = time.monotonic()

    def _end(self, call: Any) -> None:
        compile_s = time.monotonic() - self._began_s
        self.spent_s += compile_s
        self._events.emit("compile", compile_id=str(call.compile_id), compile_s=compile_s)


def _callbacks() -> Any:
    from torch._dynamo.callback import callback_handler

    return callback_handler
