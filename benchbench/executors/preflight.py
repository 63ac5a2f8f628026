"""What can be refused before anything starts, without torch: exit code 2, nothing run, nothing created."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from itertools import combinations
from typing import Any, cast

from benchbench import registry
from benchbench.errors import InputError, ScenarioError, UnsupportedError, nearest
from benchbench.executors.trainer_answers import ask
from benchbench.record.machine import Machine
from benchbench.scenario import engines
from benchbench.scenario.loading import line_of
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.search_types import Bound
from benchbench.scenario.training_types import Parallelism
from benchbench.scenario.types import Target
from benchbench.stats.repeats import LOOKS
from benchbench.workload.sizes import SIZES
from benchbench.workload.task import Task

_PROBE = "import torch; print(int(torch.cuda.is_available()), int(torch.backends.mps.is_available()))"
_PROBE_S = 120.0
_COLUMN = "_column"
_LARGEST_SEED = 2**31 - 1
_MOST_THREADS_A_CPU = 64


def check(scenario: Scenario, machine: Machine, file: str | None = None, overridden: Collection[str] = ()) -> None:
    """Refuses what cannot run here.

    Args:
        scenario: a valid scenario.
        machine: this machine.
        file: the scenario's file, for the message.
        overridden: the keys that do not stand as the file has them.

    Raises:
        InputError: says what and what to do.
    """
    try:
        engines.check(scenario)
        _parallelism(scenario)
        _metric(scenario)
        _columns(scenario)
        _seeds(scenario)
        _size(scenario)
        _hardware(scenario, machine)
    except InputError as error:
        _place(error, file, overridden)
        raise


def check_models(
    scenarios: Sequence[Scenario],
    files: Sequence[str | None],
    overridden: Collection[str] = (),
    watch: Callable[[Mapping[str, Any]], None] = lambda _: None,
) -> None:
    """Refuses what only the trainer's libraries can tell: no such model, rows that do not fit it.

    A process of its own answers for all scenarios at once; no weight is allocated. It prepares the data, so that the
    repeats find it in the cache. Where it cannot answer (a broken torch), the runs will say why.

    Args:
        scenarios: each passed `check`.
        files: of each, for the message; None where it is from no file.
        overridden: the keys that do not stand as the files have them.
        watch: is told how far the data is, once a second where it takes longer.

    Raises:
        ScenarioError: says what and what to do.
    """
    for file, problem in zip(files, ask(scenarios, watch), strict=True):
        if problem is not None:
            error = ScenarioError(problem.message, key=problem.key)
            _place(error, file, overridden)
            raise error


def _place(error: InputError, file: str | None, overridden: Collection[str]) -> None:
    error.file = error.file or file
    if error.key is not None and any(f"{error.key}.".startswith(f"{key}.") for key in overridden):
        error.via = "--set"
    elif file is not None and error.key is not None:
        error.line = line_of(file, error.key) or line_of(file, error.key.rpartition(".")[0] or error.key)


def _parallelism(scenario: Scenario) -> None:
    """Refuses what only several ranks have, where there is one."""
    if scenario.plan.world > 1:
        return
    defaults = Parallelism()
    for key in ("shard", "communication", "parameter_server", "local_sgd", "bucket_mib"):
        value, default = getattr(scenario.parallelism, key), getattr(defaults, key)
        if value != default:
            raise UnsupportedError(
                f"{value} is of several ranks, and there is one device; set hardware.devices to 2 or more and "
                f"parallelism.data to auto, or leave it at {default}",
                key=f"parallelism.{key}",
            )


def _metric(scenario: Scenario) -> None:
    """Refuses a target, or a constraint on a metric, that no training could meet by its kind."""
    target, bounds = scenario.target, scenario.search.constraints.metric
    if target is not None:
        _metric_bound(scenario, target.metric, target, ("target.metric", "target"))
    for metric, bound in bounds.items():
        key = f"search.constraints.metric.{metric}"
        _metric_bound(scenario, metric, bound, (key, key))


def _metric_bound(scenario: Scenario, metric: str, bound: Target | Bound, keys: tuple[str, str]) -> None:
    """Refuses a bound that no value of the metric meets; which metrics there are depends on the classes.

    Args:
        scenario: what is trained; of a foreign trainer nothing is known.
        metric: its name.
        bound: what it must be.
        keys: of the name and of the bound, for the message.
    """
    if scenario.task is None:
        return
    task = cast(Task, registry.load(registry.TASKS, scenario.task))
    at_least, at_most = bound.at_least, bound.at_most
    of_a_class = task.class_metrics is not None and metric.startswith(task.class_metrics)
    if metric not in task.metrics and not of_a_class:
        raise ScenarioError(f"{scenario.task} has no metric {metric!r}: {nearest(metric, task.metrics)}", key=keys[0])
    if metric in task.losses and (at_most is None or at_most <= 0):
        raise ScenarioError(f"{metric} falls as the model learns: set at_most, above 0", key=keys[1])
    highest = task.highest.get(metric, 1.0)
    if metric not in task.losses and (at_least is None or not 0 < at_least <= highest):
        raise ScenarioError(
            f"{metric} is a score that rises: set at_least, above 0 and at most {highest:g}", key=keys[1]
        )


def _columns(scenario: Scenario) -> None:
    """Refuses a column that the task would not look at."""
    if scenario.task is None:
        return
    task = cast(Task, registry.load(registry.TASKS, scenario.task))
    roles = (*task.roles, *task.optional_roles)
    given = [name for name in type(scenario.data).model_fields if name.endswith(_COLUMN)]
    for name in given:
        if getattr(scenario.data, name) is not None and name.removesuffix(_COLUMN) not in roles:
            taken = ", ".join(f"data.{role}{_COLUMN}" for role in roles)
            raise ScenarioError(f"{scenario.task} looks at no such column; it takes {taken}", key=f"data.{name}")
    named = [name for name in given if getattr(scenario.data, name) is not None]
    for first, second in combinations(named, 2):
        if getattr(scenario.data, first) == getattr(scenario.data, second):
            raise ScenarioError(
                f"data.{first} names that column too: a model would be shown its answer", key=f"data.{second}"
            )


def _seeds(scenario: Scenario) -> None:
    """Refuses a first seed after which there is none for the last repeat."""
    own = scenario.measure.repeats
    last = scenario.training.seed + (LOOKS[-1] if own == "auto" else own) - 1
    if last > _LARGEST_SEED:
        raise ScenarioError(
            f"the last repeat's seed would be {last}, above {_LARGEST_SEED}: repeat r uses training.seed + r",
            key="training.seed",
        )


def _size(scenario: Scenario) -> None:
    model = scenario.model
    if model is None or model.size is None or model.family not in SIZES:
        return
    sizes = SIZES[model.family]
    if model.size not in sizes:
        raise ScenarioError(
            f"{model.family} has no size {model.size!r}: {nearest(model.size, sizes)}", key="model.size"
        )


def _hardware(scenario: Scenario, machine: Machine) -> None:
    hardware = scenario.hardware
    names = {machine.cpu, *(d.name for d in machine.devices)}
    if hardware.expect is not None and hardware.expect not in names:
        raise UnsupportedError(
            f"expected {hardware.expect!r}, and this machine has {', '.join(sorted(names))}; run it there, or change "
            "the key",
            key="hardware.expect",
        )
    most = _MOST_THREADS_A_CPU * machine.cpus
    if hardware.threads is not None and hardware.threads > most:
        raise UnsupportedError(
            f"{hardware.threads} threads on {machine.cpus} CPUs would take the machine's memory and no step; use at "
            f"most {most}",
            key="hardware.threads",
        )
    gpus = len(machine.devices)
    if gpus and hardware.device in ("auto", "cuda") and hardware.devices > gpus:
        legal = f"1 to {gpus}" if gpus > 1 else "1"
        raise UnsupportedError(
            f"{hardware.devices} GPUs are asked for, and this machine has {gpus}; legal: {legal}, or device: cpu, "
            "where a device is a process",
            key="hardware.devices",
        )
    only_there = scenario.precision if scenario.precision in ("tf32", "fp8") else None
    wants_gpu = hardware.device in ("cuda", "mps") or only_there is not None
    if not wants_gpu:
        return
    if hardware.device == "cpu":
        raise UnsupportedError(
            f"{only_there} is arithmetic of NVIDIA GPUs; the CPU has none: use fp32 or bf16", key="precision"
        )
    cuda, mps = _torch_devices()
    if hardware.device == "mps" and not mps:
        raise UnsupportedError("torch finds no mps device here; use device: auto or cpu", key="hardware.device")
    if hardware.device == "cuda" and not cuda:
        raise UnsupportedError("torch finds no CUDA device here; use device: auto or cpu", key="hardware.device")
    if only_there is not None and not cuda:
        raise UnsupportedError(
            f"{only_there} is arithmetic of NVIDIA GPUs; there is none here: use fp32 or bf16", key="precision"
        )


@cache
def _torch_devices() -> tuple[bool, bool]:
    """Whether torch finds CUDA and mps, asked of a process of its own: this one stays torch-free."""
    try:
        answer = subprocess.run(
            [sys.executable, "-P", "-c", _PROBE], capture_output=True, text=True, timeout=_PROBE_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise UnsupportedError(
            f"torch has not said within {_PROBE_S:.0f} s if there is a GPU: its driver may hang (benchbench doctor)",
            key="hardware.device",
        ) from None
    words = answer.stdout.split()
    return (words[0] == "1", words[1] == "1") if len(words) == 2 else (False, False)
