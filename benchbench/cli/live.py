"""What a person sees while a run goes on: a live view on a terminal, plain lines in a pipe or in CI.

Nothing here has a timer: the view changes when a message comes, about once a second while steps are taken.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from benchbench.scenario.scenario import Scenario
from benchbench.units import human

_BARS = "▁▂▃▄▅▆▇█"
_LINE_EVERY_S = 10.0
_WIDTH = 30
_SAID = ("data", "model", "measure", "train")  # phases; what is done beside a training is none of them


class State:
    """What is known of the run in progress; `take` is told everything, the views read it."""

    def __init__(self, total_repeats: int) -> None:
        self.total = total_repeats
        self.done = 0
        self.name = ""
        self.index = 0
        self.phase = "start"
        self.data: Mapping[str, Any] | None = None
        self.steps_total: int | None = None
        self.progress: dict[str, Any] = {}
        self.metrics: dict[str, float] = {}
        self.utilization: deque[float] = deque(maxlen=_WIDTH)
        self.walls_s: list[float] = []
        self.began_s = time.monotonic()
        self.first_step: tuple[int, float] | None = None

    def take(self, scenario: Scenario, index: int, what: Mapping[str, Any]) -> None:
        """Notes a message of the rounds, the observer or the trainer."""
        event = what.get("event")
        if event == "start":
            self.name, self.index, self.phase = scenario.name, index, "start"
            self.data, self.steps_total, self.progress, self.metrics, self.first_step = None, None, {}, {}, None
            self.began_s = time.monotonic()
        elif event == "end":
            self.done += 1
            self.walls_s.append(time.monotonic() - self.began_s)
        elif event == "phase":
            self.phase = str(what["name"])
            self.data = what if "done" in what else None
        elif event == "plan":
            self.steps_total = what.get("steps_total")
        elif event == "eval":
            self.metrics = dict(what.get("metrics", {}))
        elif "progress" in what:
            self._progress(what["progress"])

    def _progress(self, progress: Mapping[str, Any]) -> None:
        self.progress |= progress
        step = progress.get("step")
        if step is not None and self.first_step is None:
            self.first_step = (step, time.monotonic())
        if progress.get("utilization") is not None:
            self.utilization.append(float(progress["utilization"]))

    @property
    def left_s(self) -> float | None:
        """Seconds until everything is done, as far as can be told."""
        this = self._left_here_s()
        others = self.total - self.done - 1
        if self.walls_s:
            mean = sum(self.walls_s) / len(self.walls_s)
            here = this if this is not None else max(0.0, mean - (time.monotonic() - self.began_s))
            return here + others * mean
        if this is None:
            return None
        return this + others * (time.monotonic() - self.began_s + this)

    def _left_here_s(self) -> float | None:
        step: int | None = self.progress.get("step")
        if self.first_step is None or self.steps_total is None or step is None or step <= self.first_step[0]:
            return None
        pace_s = (time.monotonic() - self.first_step[1]) / (step - self.first_step[0])
        return max(0.0, float(self.steps_total - step) * pace_s)

    def facts(self) -> list[tuple[str, str]]:
        """The line of figures."""
        p = self.progress
        found: list[tuple[str, str]] = []
        if self.data is not None:
            found.append((str(self.data.get("part", self.phase)), rows_done(self.data)))
        if p.get("step") is not None:
            found.append(("step", f"{p['step']}/{self.steps_total}" if self.steps_total else str(p["step"])))
        if p.get("samples_per_s") is not None:
            found.append(("throughput", human(p["samples_per_s"], "samples/s")))
        if p.get("loss") is not None:
            found.append(("loss", f"{p['loss']:.4f}"))
        found += [(name, f"{value:.4f}") for name, value in self.metrics.items() if name != "loss"]
        if p.get("memory_bytes") is not None:
            found.append(("memory", human(p["memory_bytes"], "bytes")))
        return found


def rows_done(what: Mapping[str, Any]) -> str:
    """How far the preparation of the data is, in words."""
    total = what.get("total")
    return f"{what['done']:,} rows" if total is None else f"{what['done']:,} of {total:,} rows"


def data_bar(what: Mapping[str, Any]) -> ProgressBar:
    """The same as a bar, one that only moves where it is not known how many rows there are."""
    total = what.get("total")
    return ProgressBar(total=total, completed=what["done"], width=_WIDTH, pulse=total is None)


class Shown:
    """A display as a context; with `in_place` it has a few lines that change, drawn only when `draw` is called."""

    def __init__(self, terminal: Console, *, in_place: bool) -> None:
        self.terminal = terminal
        self._live = Live(console=terminal, auto_refresh=False, transient=True) if in_place else None

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the display."""
        if self._live is not None:
            self._live.stop()

    def draw(self, view: RenderableType) -> None:
        """Shows a view in the place of the one before."""
        assert self._live is not None
        self._live.update(view, refresh=True)

    def say(self, line: str) -> None:
        """Prints a line that stays."""
        self.terminal.print(line, markup=False)


class Display(Shown):
    """Shows the state of a run's rounds."""

    def __init__(self, terminal: Console, total_repeats: int, *, in_place: bool = False) -> None:
        super().__init__(terminal, in_place=in_place)
        self.state = State(total_repeats)

    def watch(self, scenario: Scenario, index: int, what: Mapping[str, Any]) -> None:
        """Takes a message and shows what it changes."""
        self.state.take(scenario, index, what)
        if what.get("event") == "again":
            s = self.state
            self.say(
                f"{s.name}: repeat {s.done + 1} of {s.total} was disturbed, and is measured again: {what['reason']}"
            )
        self.show(what)

    def show(self, what: Mapping[str, Any]) -> None:
        """Shows what a message changed."""


class LiveDisplay(Display):
    """A few lines that change in place."""

    def __init__(self, terminal: Console, total_repeats: int) -> None:
        super().__init__(terminal, total_repeats, in_place=True)

    def show(self, what: Mapping[str, Any]) -> None:  # noqa: ARG002 - every message redraws the same view
        """Redraws."""
        self.draw(self._view())

    def _view(self) -> Group:
        s = self.state
        head = Text.assemble(
            (s.name, "bold"), f"  repeat {min(s.done + 1, s.total)} of {s.total}  ", (s.phase, "cyan"),
            f"  time left about {human(s.left_s, 's', 2)}" if s.left_s is not None else "",
        )  # fmt: skip
        grid = Table.grid(padding=(0, 2))
        facts = s.facts()
        if s.utilization:
            bars = "".join(_BARS[min(7, max(0, int(u * 8)))] for u in s.utilization)
            facts.append(("utilization", f"{bars} {s.utilization[-1]:.0%}"))
        for name, value in facts:
            grid.add_row(Text(name, style="dim"), Text(value))
        if s.data is not None:
            return Group(head, data_bar(s.data), grid)
        if s.steps_total is None:
            return Group(head, grid)
        return Group(head, ProgressBar(total=s.steps_total, completed=s.progress.get("step") or 0, width=_WIDTH), grid)


class PlainDisplay(Display):
    """One line when something begins or ends, and one every ten seconds in between."""

    def __init__(self, terminal: Console, total_repeats: int) -> None:
        super().__init__(terminal, total_repeats)
        self._last_s = 0.0
        self._phase = ""

    def show(self, what: Mapping[str, Any]) -> None:
        """Prints a line where one is due."""
        s, event = self.state, what.get("event")
        if event == "start":
            self._say(f"{s.name}: repeat {s.done + 1} of {s.total}")
        elif event == "end":
            self._say(f"{s.name}: repeat {s.done} of {s.total} ended: {what['outcome']}")
        elif event == "phase" and s.phase in _SAID and s.phase != self._phase:
            self._phase = s.phase
            self._say(f"{s.name}: {s.phase}")
        elif s.data is not None and time.monotonic() - self._last_s >= _LINE_EVERY_S:
            self._say(f"{s.name}: data, {s.data.get('part', '')} {rows_done(s.data)}")
        elif "progress" in what and time.monotonic() - self._last_s >= _LINE_EVERY_S:
            left = f", time left about {human(s.left_s, 's', 2)}" if s.left_s is not None else ""
            self._say(f"{s.name}: " + ", ".join(f"{n} {v}" for n, v in s.facts()) + left)

    def _say(self, line: str) -> None:
        self._last_s = time.monotonic()
        self.say(line)


class Preparation(Shown):
    """Shows how far the data is while scenarios are checked: what is quick shows nothing."""

    def __init__(self, terminal: Console) -> None:
        super().__init__(terminal, in_place=terminal.is_terminal)
        self._last_s = -_LINE_EVERY_S

    def watch(self, what: Mapping[str, Any]) -> None:
        """Takes a message of the check and shows it."""
        if what.get("event") == "silent":
            waited = human(what["after_s"], "s", 2)
            self.say(f"the check has said nothing for {waited} and is left out: the runs will say what is wrong")
        if "done" not in what:
            return
        line = f"preparing the data: {what.get('part', '')} {rows_done(what)}"
        if self.terminal.is_terminal:
            self.draw(Group(Text(line), data_bar(what)))
        elif time.monotonic() - self._last_s >= _LINE_EVERY_S:
            self._last_s = time.monotonic()
            self.say(line)


def display_for(terminal: Console, total_repeats: int) -> Display:
    """The display that fits where stderr goes."""
    return LiveDisplay(terminal, total_repeats) if terminal.is_terminal else PlainDisplay(terminal, total_repeats)
