"""What Ctrl-C, SIGTERM and SIGHUP do to a command: they stop it, but never in the middle of writing a result."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import FrameType

STOPS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


@dataclass
class Asked:
    """Whether a stop was asked for meanwhile."""

    asked: bool = False


@contextlib.contextmanager
def undisturbed() -> Iterator[Asked]:
    """Holds every request to stop back until the block is done, and notes that there was one.

    By handlers, not by a signal mask: a mask holds for one thread, and the libraries below us have threads.
    """
    stops = Asked()

    def note(_number: int, _frame: FrameType | None) -> None:
        stops.asked = True

    with _handling(note, STOPS):
        yield stops


@contextlib.contextmanager
def stop_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP stop a command as Ctrl-C does: children ended, what was measured kept."""
    with _handling(_interrupt, STOPS - {signal.SIGINT}):
        yield


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _handling(handler: Callable[[int, FrameType | None], None], numbers: Iterable[signal.Signals]) -> Iterator[None]:
    """Sets a handler for a while. Only the main thread may; elsewhere the signals keep their meaning."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
