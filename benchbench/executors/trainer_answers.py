"""What only the trainer's libraries can tell of a scenario, asked of a process of its own: ours stays torch-free."""

from __future__ import annotations

import json
import select
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from benchbench.scenario.scenario import Scenario
from benchbench.theory.footprint import ModelShape
from benchbench.values import Value

_SILENCE_S = 120.0


class Problem(Value):
    """Why a scenario cannot run here."""

    message: str
    key: str | None


_shapes: dict[str, ModelShape | None] = {}


def ask(scenarios: Sequence[Scenario], watch: Callable[[Mapping[str, Any]], None]) -> list[Problem | None]:
    """Why each scenario cannot run here, or None: of one that can too, and of all where there is no answer.

    Args:
        scenarios: asked of all at once.
        watch: is told how far the data is, once a second where it takes longer.
    """
    problems: object = None
    with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as asked:
        json.dump([s.document() for s in scenarios], asked)
        asked.flush()
        for said in _said([sys.executable, "-P", "-m", "benchbench.training", "--check", asked.name]):
            if not isinstance(said, dict):
                problems = said
            elif said.get("event") == "shape":
                _shapes[_same_shape(scenarios[said["scenario"]])] = ModelShape.model_validate(said["shape"])
            else:
                watch(said)
    if not isinstance(problems, list):
        return [None] * len(scenarios)
    return [None if problem is None else Problem.model_validate(problem) for problem in problems]


def shape_of(scenario: Scenario) -> ModelShape | None:
    """The shape of a scenario's model and rows, asked for only where no earlier answer tells; None if nobody can."""
    key = _same_shape(scenario)
    if key not in _shapes:
        ask([scenario], lambda _news: None)
    return _shapes.setdefault(key, None)


def _same_shape(scenario: Scenario) -> str:
    """Equal for scenarios of one shape: what they train, on what, and what of it they train."""
    sections = scenario.model_dump(mode="json", include={"model", "task", "data"})
    training = scenario.training.model_dump(mode="json", include={"adapter", "frozen_layers"})
    return json.dumps([sections, training], sort_keys=True)


def _said(command: Sequence[str]) -> Iterator[Any]:
    """The JSON lines of a program, as they come; one that is silent for two minutes is ended."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0) as program:
        assert program.stdout is not None
        try:
            while select.select([program.stdout], [], [], _SILENCE_S)[0]:
                line = program.stdout.readline()
                if not line:
                    return
                with suppress(ValueError):
                    yield json.loads(line)
        finally:
            if program.poll() is None:
                program.kill()
