"""What tells two runs apart: settings, hardware and software, by dotted keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchbench.record.machine import Machine
from benchbench.record.types import Run
from benchbench.scenario.scenario import Scenario

Leaf = bool | int | float | str | None
NOT_SETTINGS = frozenset({"schema", "name", "question", "search"})
_DATA_SOURCE = (
    "source", "path", "subset", "revision", "lengths", "split", "text_column", "label_column", "source_column",
    "target_column", "question_column", "context_column", "answer_column", "answer_start_column",
)  # fmt: skip
_TARGET = ("metric", "at_least", "at_most")
_HARDWARE = ("architecture", "cpu", "cpus", "devices")
_LIMITS = ("cpus_usable", "cpu_quota", "memory_limit_bytes")
_FACTS = ("torch", "attention", "micro_batch", "accumulation", "threads", "parameters", "data_fingerprint")


def leaves(data: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, Leaf]]:
    """Every value below a document, under its dotted key; a list is told as text."""
    for key, value in data.items():
        if not prefix and key in NOT_SETTINGS:
            continue
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value if isinstance(value, (bool, int, float, str, type(None))) else str(value)


def question(scenario: Scenario) -> dict[str, object]:
    """What two runs must have in common to be compared: model or trainer, task, data source and target."""
    document = scenario.document()
    data, target = document["data"], document["target"]
    return {
        "model": document["model"],
        "trainer": document["trainer"],
        "task": document["task"],
        **{f"data.{key}": data[key] for key in _DATA_SOURCE},
        "target": target and {key: target[key] for key in _TARGET},
    }


def hardware(run: Run) -> dict[str, Leaf]:
    """What the fingerprint of a run's machine is made of."""
    return of_hardware(run.machine)


def of_hardware(machine: Machine) -> dict[str, Leaf]:
    """What the fingerprint of a machine is made of."""
    document = machine.document()
    return {key: _told(document[key]) for key in _HARDWARE}


def share(run: Run) -> dict[str, Leaf]:
    """What of its machine a run could use: hardware, and the limits that were set to it."""
    document = run.machine.document()
    return {**hardware(run), **{key: _told(document[key]) for key in _LIMITS}}


def of_machine(machine: Machine) -> dict[str, Leaf]:
    """What may make a difference on a machine: hardware, limits and versions."""
    rest = {k: v for k, v in machine.document().items() if k not in (*_HARDWARE, "versions")}
    return {**of_hardware(machine), **dict(leaves(rest)), **machine.versions}


def facts(run: Run) -> dict[str, Leaf]:
    """What the trainers reported that may make a difference."""
    return {name: r.facts[name] for name in _FACTS for r in reversed(run.repeats) if name in r.facts}


def environment(run: Run) -> dict[str, Leaf]:
    """What may make a difference beside the settings: machine, limits, versions, and what the trainer reported."""
    return {**of_machine(run.machine), **facts(run)}


def different(a: Mapping[str, Leaf], b: Mapping[str, Leaf]) -> dict[str, tuple[Leaf, Leaf]]:
    """The keys whose values differ, with both; what only one has is None in the other."""
    keys = dict.fromkeys([*a, *b])
    return {key: (a.get(key), b.get(key)) for key in keys if a.get(key) != b.get(key)}


def settings(a: Scenario, b: Scenario) -> dict[str, tuple[Leaf, Leaf]]:
    """The settings in which two scenarios differ."""
    return different(dict(leaves(a.document())), dict(leaves(b.document())))


def _told(value: object) -> Leaf:
    if isinstance(value, list):
        return ", ".join(str(device["name"]) for device in value) or "none"
    assert isinstance(value, (str, int, float, bool, type(None)))
    return value
