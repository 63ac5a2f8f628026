"""What only the trainer's libraries can tell of a scenario, asked of a process of its own: ours stays torch-free."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from benchbench.executors.processes import die_with_parent
from benchbench.scenario.scenario import Scenario
from benchbench.theory.memory import ModelShape
from benchbench.values import Value

_SILENCE_S = 120.0


class Problem(Value):
    """Why a scenario cannot run here."""

    message: str
    key: str | None


_HOW_ROWS_COME = {"batching", "balance", "workers", "prefetch"}
_shapes: dict[str, ModelShape | None] = {}
_answers: dict[str, Problem | None] = {}  # to `refusals`


def ask(scenarios: Sequence[Scenario], watch: Callable[[Mapping[str, Any]], None]) -> list[Problem | None]:
    """Why each scenario cannot run here, or None: of one that can too, and of all where there is no answer.

    Args:
        scenarios: asked of all at once.
        watch: is told how far the data is, once a second where it takes longer; `silent` where no answer came.
    """
    if all(scenario.key in _answers for scenario in scenarios):
        return [_answers[scenario.key] for scenario in scenarios]
    problems: object = None
    asked = json.dumps([s.document() for s in scenarios])
    for said in _said([sys.executable, "-P", "-m", "benchbench.training", "--check", "/dev/stdin"], asked):
        if not isinstance(said, dict):
            problems = said
        elif said.get("event") == "shape":
            _shapes[_same_shape(scenarios[said["scenario"]])] = ModelShape.model_validate_json(
                json.dumps(said["shape"])
            )
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


def refusals(
    scenarios: Sequence[Scenario], watch: Callable[[Mapping[str, Any]], None] = lambda _news: None
) -> list[str | None]:
    """Why the trainer's libraries refuse each scenario, or None; each is asked for once in this process.

    Args:
        scenarios: asked of all at once.
        watch: is told how far the data is, once a second where it takes longer.
    """
    new = {scenario.key: scenario for scenario in scenarios if scenario.key not in _answers}
    if new:
        _answers.update(zip(new, ask(list(new.values()), watch), strict=True))
    problems = [_answers[scenario.key] for scenario in scenarios]
    return [problem.message if problem is not None else None for problem in problems]


def _same_shape(scenario: Scenario) -> str:
    """Equal for scenarios of one shape: what they train, on what, what of it they train, and whether with dropout."""
    sections = scenario.model_dump(mode="json", include={"model", "task", "data"})
    rows = {name: value for name, value in sections.pop("data").items() if name not in _HOW_ROWS_COME}
    training = scenario.training.model_dump(mode="json", include={"adapter", "frozen_layers"})
    dropout = scenario.training.dropout
    return json.dumps([sections, rows, training, None if dropout is None else dropout > 0], sort_keys=True)


def _said(command: Sequence[str], asked: str) -> Iterator[Any]:
    """The JSON lines of a program, as they come; one that is silent for two minutes is ended, or that we leave behind.

    Args:
        command: the program.
        asked: what it reads.
    """
    me = os.getpid()
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
        preexec_fn=lambda: die_with_parent(me),  # noqa: PLW1509 - no other thread holds a lock here
    ) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        try:
            with suppress(BrokenPipeError), program.stdin as told:
                told.write(asked.encode())
            while select.select([program.stdout], [], [], _SILENCE_S)[0]:
                line = program.stdout.readline()
                if not line:
                    return
                with suppress(ValueError):
                    yield json.loads(line)
            yield {"event": "silent", "after_s": _SILENCE_S}
        finally:
            if program.poll() is None:
                program.kill()
