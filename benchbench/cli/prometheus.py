"""What a run or a search in progress is at, in Prometheus' text format, for node_exporter's textfile collector.

The file is written beside its place and renamed, at most every few seconds; so a reader never sees half of it. It
stays when the command has ended, with `benchbench_running` at 0.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, NamedTuple, Self

from benchbench.report.wording import clean

if TYPE_CHECKING:
    from benchbench.cli.live import State
    from benchbench.cli.tune_live import State as SearchState

EVERY_S = 5.0
_NAME = re.compile(r"[^a-zA-Z0-9_]")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}


class Gauge(NamedTuple):
    """One value: `benchbench_<name>{labels}`; None is left out."""

    name: str
    help: str
    value: float | None
    labels: Mapping[str, str] = MappingProxyType({})


class Exposition:
    """A file that is kept up to date while a command goes on; as a context, which leaves its last state.

    Args of the constructor:
        file: where; None writes nothing.
        gauges: asked for the values of this moment.
    """

    def __init__(self, file: Path | None, gauges: Callable[[], Iterator[Gauge]]) -> None:
        self._file = file
        self._gauges = gauges
        self._last_s = -EVERY_S
        self._began_s = time.time()

    def __enter__(self) -> Self:
        self._write(running=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Says that the command has ended."""
        self._write(running=False)

    def moved(self) -> None:
        """Something happened; writes where it is time to."""
        if time.monotonic() - self._last_s >= EVERY_S:
            self._write(running=True)

    def _write(self, *, running: bool) -> None:
        """A file that cannot be written hurts no measurement: the reader's own alert on a stale file tells."""
        if self._file is None:
            return
        self._last_s = time.monotonic()
        own = (
            Gauge("running", "1 while the command goes on", float(running)),
            Gauge("began_timestamp_seconds", "when the command began", self._began_s),
            Gauge("updated_timestamp_seconds", "when this was written", time.time()),
        )
        beside = self._file.with_name(f".{self._file.name}.{os.getpid()}")
        with contextlib.suppress(OSError):
            beside.write_text(text((*own, *self._gauges())), encoding="utf-8")
            beside.replace(self._file)


def text(gauges: tuple[Gauge, ...]) -> str:
    """Values in the text exposition format, version 0.0.4, each metric's help and type once."""
    lines: list[str] = []
    for name in dict.fromkeys(gauge.name for gauge in gauges):
        known = [g for g in gauges if g.name == name and g.value is not None]
        full = f"benchbench_{_NAME.sub('_', name)}"
        if known:
            lines += [f"# HELP {full} {known[0].help}", f"# TYPE {full} gauge"]
            lines += [f"{full}{_labels(gauge.labels)} {float(gauge.value or 0.0)!r}" for gauge in known]
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Mapping[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{_NAME.sub("_", name)}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return "".join(_ESCAPES.get(letter, letter) for letter in clean(value))


def of_run(state: State) -> Iterator[Gauge]:
    """What a run in progress is at."""
    progress, scenario = state.progress, {"scenario": state.name}
    figures = {
        "step": ("optimizer steps taken in this repeat", progress.get("step")),
        "steps_planned": ("optimizer steps of this repeat", state.steps_total),
        "samples_per_second": ("throughput", progress.get("samples_per_s")),
        "train_loss": ("of the newest step", progress.get("loss")),
        "memory_bytes": ("in use by the run", progress.get("memory_bytes")),
        "utilization_ratio": ("of the device", progress.get("utilization")),
        "repeats_ended": ("measurements of this command that ended", state.done),
        "repeats_planned": ("measurements of this command", state.total),
        "left_seconds": ("until everything is done, as far as can be told", state.left_s),
    }
    for name, (told, value) in figures.items():
        yield Gauge(name, told, value, scenario)
    for metric, value in state.metrics.items():
        yield Gauge("heldout_metric", "of the newest evaluation", value, scenario | {"metric": metric})


def of_search(state: SearchState) -> Iterator[Gauge]:
    """What a search in progress is at."""
    scenario, now = {"scenario": state.scenario.name}, state.now
    counts = {
        "measured": state.ended - state.failed,
        "without-value": state.failed,
        "probe": state.probed,
        "refused": state.refused,
    }
    for kind, count in counts.items():
        yield Gauge("trials", "setups so far, by what became of them", count, scenario | {"state": kind})
    if now is None:
        return
    objective = scenario | {"objective": state.objective.name, "unit": state.objective.unit}
    yield Gauge("best_objective", "the lowest value so far", state.best_value, objective)
    yield Gauge("budget_left_seconds", "of the search's budget", now.left_s, scenario)
    yield Gauge("step", "optimizer steps taken in this training", state.run.progress.get("step"), scenario)
    yield Gauge("samples_per_second", "throughput", state.run.progress.get("samples_per_s"), scenario)
