"""What Ctrl-C, SIGTERM and SIGHUP do to a command: they stop it once, and never in the middle of writing a result."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from types import FrameType

STOPS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGHUP})


@dataclass(eq=False)
class Asked:
    """Whether a stop was asked for."""

    asked: bool = False


_commands: list[Asked] = []  # the command that runs in this process, while it runs


def stop_asked() -> bool:
    """Whether the command that runs in this process was asked to stop.

    Signals belong to the process, and so does this. An exception alone is not enough: one that is raised inside of a
    library's callback may be swallowed there.
    """
    return any(command.asked for command in _commands)


@contextlib.contextmanager
def stop_signals() -> Iterator[None]:
    """The first SIGINT, SIGTERM or SIGHUP stops the command as KeyboardInterrupt; the next ones change nothing.

    Ending the children and storing what was measured takes a second or two, and must not be cut short by an
    impatient hand. (SIGKILL works, and even then no process is left.) For the last thing that a process does: behind
    the block the signals are ignored, since an interpreter that is on its way out would die of them.
    """
    command = Asked()

    def stop(_number: int, _frame: FrameType | None) -> None:
        if not command.asked:
            command.asked = True
            raise KeyboardInterrupt

    _commands.append(command)
    try:
        with _handling(stop, STOPS, behind=signal.SIG_IGN):
            yield
    finally:
        _commands.remove(command)


@contextlib.contextmanager
def undisturbed() -> Iterator[Asked]:
    """Holds every request to stop back until the block is done, and notes that there was one.

    By handlers, not by a signal mask: a mask holds for one thread, and the libraries below us have threads.
    """
    stops = Asked()

    def note(_number: int, _frame: FrameType | None) -> None:
        stops.asked = True
        for command in _commands:
            command.asked = True

    with _handling(note, STOPS):
        yield stops


@contextlib.contextmanager
def _handling(
    handler: Callable[[int, FrameType | None], None],
    numbers: Iterable[signal.Signals],
    behind: signal.Handlers | None = None,
) -> Iterator[None]:
    """Sets a handler for a while. Only the main thread may; elsewhere the signals keep their meaning."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        if behind is signal.SIG_IGN:
            sys.unraisablehook = _without_late_signals(sys.unraisablehook)
        for number, previous in before.items():
            signal.signal(number, previous if behind is None else behind)


def _without_late_signals(hook: Callable[[sys.UnraisableHookArgs], object]) -> Callable[[sys.UnraisableHookArgs], None]:
    """A hook that keeps quiet where the interpreter tells of a signal that came just before it was ignored."""

    def told(unraisable: sys.UnraisableHookArgs) -> None:
        late = isinstance(unraisable.exc_value, OSError) and "due to race condition" in str(unraisable.exc_value)
        if not late:
            hook(unraisable)

    return told
