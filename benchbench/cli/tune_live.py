"""What a person sees while a search goes on: a live view on a terminal, plain lines in a pipe or in CI."""

from __future__ import annotations

import time

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from benchbench.cli.console import console
from benchbench.cli.live import Shown
from benchbench.cli.live import State as RunState
from benchbench.record.study import Overrides
from benchbench.scenario.scenario import Scenario
from benchbench.tuning.moments import Moment
from benchbench.tuning.objective import Objective
from benchbench.tuning.setups import Question
from benchbench.units import human

_LINE_EVERY_S = 10.0
_REFUSALS_TOLD = 3  # and as many of what was reused


class State:
    """What is known of the search in progress; `take` is told everything, the views read it."""

    def __init__(self, scenario: Scenario, objective: Objective) -> None:
        self.scenario = scenario
        self.objective = objective
        self.run = RunState(1)
        self.now: Moment | None = None
        self.best: str = ""
        self.ended = self.failed = self.refused = self.probed = self.reused = 0
        self.best_value: float | None = None

    def take(self, moment: Moment) -> None:
        """Notes a moment of the search."""
        self.now = moment
        if moment.what:
            self.run.take(self.scenario, 0, moment.what)
        if moment.event == "refused":
            self.refused += 1
        if moment.event == "reused":
            self.reused += 1
        if moment.event == "end" and moment.role == "probe":
            self.probed += 1
        elif moment.event == "end" and moment.role != "confirmation":
            self.ended += 1
            self.failed += moment.value is None
        if moment.best is not None and moment.role != "confirmation" and moment.best != self.best_value:
            self.best_value = moment.best
            self.best = f"{self.value(moment.best)} (trial {moment.number})"

    def value(self, value: float) -> str:
        """A value of the objective."""
        seconds, _, each = self.objective.unit.partition("/")
        return f"{human(value, seconds)}{f' a {each}' if each else ''}"

    def head(self) -> str:
        """Time left, the best so far and the counts."""
        left = f"time left {human(self.now.left_s, 's', 2)}" if self.now is not None else ""
        best = f"best so far {self.best}" if self.best else "nothing has a value yet"
        probes = f", probes {self.probed}" if self.probed else ""
        probes += f", reused {self.reused}" if self.reused else ""
        counts = f"measured {self.ended}{probes}, without a value {self.failed}, refused {self.refused}"
        return "  ".join((left, best, counts))


def title(moment: Moment) -> str:
    """What is running, in words."""
    if moment.role == "confirmation":
        return f"confirmation of trial {moment.number}, {moment.message}: {settings(moment.overrides)}"
    name = {"baseline": "baseline", "probe": f"probe {moment.number}"}.get(moment.role, f"trial {moment.number}")
    return f"{name}: {settings(moment.overrides)}"


def settings(overrides: Overrides) -> str:
    """A setup with the last part of each key: `global_batch=64 precision=bf16`."""
    return " ".join(f"{key.rpartition('.')[2]}={_brief(value)}" for key, value in overrides.items())


def _brief(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


class Display(Shown):
    """Shows the state of a search."""

    def __init__(self, terminal: Console, state: State, *, in_place: bool = False) -> None:
        super().__init__(terminal, in_place=in_place)
        self.state = state

    def watch(self, moment: Moment) -> None:
        """Takes a moment and shows what it changes."""
        self.state.take(moment)
        self.show(moment)

    def show(self, moment: Moment) -> None:
        """Shows what a moment changed."""


class LiveDisplay(Display):
    """A few lines that change in place, below a line for each setup that ended."""

    def __init__(self, terminal: Console, state: State) -> None:
        super().__init__(terminal, state, in_place=True)

    def show(self, moment: Moment) -> None:
        """Redraws."""
        line = ending(moment, self.state)
        if line:
            self.say(line)
        self.draw(self._view(moment))

    def _view(self, moment: Moment) -> Group:
        grid = Table.grid(padding=(0, 2))
        for name, value in self.state.run.facts():
            grid.add_row(Text(name, style="dim"), Text(value))
        running = Text.assemble((title(moment), "cyan"), f"  {self.state.run.phase}")
        return Group(Text(self.state.head(), style="bold"), running, grid)


class PlainDisplay(Display):
    """One line when a setup begins or ends, and one every ten seconds in between."""

    def __init__(self, terminal: Console, state: State) -> None:
        super().__init__(terminal, state)
        self._last_s = 0.0

    def show(self, moment: Moment) -> None:
        """Prints a line where one is due."""
        line = ending(moment, self.state)
        if moment.event == "start":
            line = f"{title(moment)}; {self.state.head()}"
        elif moment.event == "progress" and time.monotonic() - self._last_s >= _LINE_EVERY_S:
            line = ", ".join(f"{name} {value}" for name, value in self.state.run.facts())
        if line:
            self._last_s = time.monotonic()
            self.say(line)


def ending(moment: Moment, state: State) -> str:
    """The line that a setup's end, or the search's, leaves behind; nothing for other moments."""
    if moment.event == "notice":
        return moment.message
    if moment.event == "stop":
        return f"the search ended: {moment.message}"
    if moment.event == "refused":
        return _counted(f"trial {moment.number} refused: {moment.message}", state.refused, "refusals")
    if moment.event not in ("end", "reused") or moment.role == "confirmation":
        return ""
    again = moment.event == "reused"
    told = moment.message or "the target was not reached"
    if moment.value is not None:
        said = state.value(moment.value)
        told = "; ".join(part for part in ((moment.message, said) if again else (said, moment.message)) if part)
    line = f"{title(moment)}: {told}"
    return _counted(line, state.reused, "ones") if again else line


def _counted(line: str, count: int, what: str) -> str:
    """A line of which there may be very many: the first few are told, the last of them says so."""
    if count > _REFUSALS_TOLD:
        return ""
    return f"{line} (further {what} are only counted)" if count == _REFUSALS_TOLD else line


def display_for(question: Question) -> Display:
    """The display that fits where stderr goes."""
    terminal = console()
    kind = LiveDisplay if terminal.is_terminal else PlainDisplay
    return kind(terminal, State(question.scenario, question.objective))
