"""What tells two runs apart: settings, hardware and software, by dotted keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from benchbench.record.types import Run
from benchbench.scenario.scenario import Scenario

Leaf = bool | int | float | str | None
NOT_SETTINGS = frozenset({"schema", "name", "question", "search"})
_DATA_SOURCE = (
    "source", "path", "subset", "revision", "lengths", "split", "text_column", "label_column", "source_column",
    "target_column", "question_column", "context_column", "answer_column",
)  # fmt: skip
_TARGET = ("metric", "at_least", "at_most")
_HARDWARE = ("architecture", "cpu", "cpus", "devices")
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
    """What the fingerprint of a machine is made of."""
    machine = run.machine.document()
    return {key: _told(machine[key]) for key in _HARDWARE}


def environment(run: Run) -> dict[str, Leaf]:
    """What may make a difference beside the settings: machine, limits, versions, and what the trainer reported."""
    machine = {k: v for k, v in run.machine.document().items() if k not in (*_HARDWARE, "versions")}
    facts = {name: next((r.facts[name] for r in run.repeats if name in r.facts), None) for name in _FACTS}
    return {**hardware(run), **dict(leaves(machine)), **run.machine.versions, **facts}


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
