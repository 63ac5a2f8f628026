"""The machine and the software that it was measured with."""

from __future__ import annotations

from collections import Counter

from benchbench.record.machine import Machine
from benchbench.report.content import Block, Cell, Column, Quantity, Row, Section, Table
from benchbench.report.plugins import Plugin
from benchbench.report.subject import RunSubject, StudySubject, Subject
from benchbench.report.wording import UNKNOWN, cell, quantity

TITLE = "Machine and environment"
_KINDS = 32
_VALUES_TOLD = 6


def render(subject: Subject) -> Section | None:
    """Hardware, limits, versions, and what the trainer reported of itself."""
    rows = tuple(Row(cells=pair) for pair in _hardware(subject.machine))
    columns = (Column(title="machine"), Column(title="", wide=True))
    blocks: list[Block] = [Table(columns=columns, rows=rows), *_versions(subject.machine)]
    facts = _trainer(subject) if isinstance(subject, RunSubject) else ()
    if facts:
        rows = tuple(Row(cells=(key.replace("_", " "), value)) for key, value in facts)
        columns = (Column(title="the trainer reports"), Column(title="", wide=True))
        blocks.append(Table(columns=columns, rows=rows))
    return Section(title=TITLE, blocks=tuple(blocks))


def _hardware(machine: Machine) -> tuple[tuple[str, Cell], ...]:
    limit = machine.memory_limit_bytes
    known: list[tuple[str, Cell]] = [
        ("accelerators", _devices(machine)),
        ("CPU", f"{machine.cpu}, {machine.architecture}"),
        ("CPUs", f"{machine.cpus_usable} usable of {machine.cpus}"),
        ("CPU quota", None if machine.cpu_quota is None else f"{machine.cpu_quota:g} CPUs"),
        ("memory", Quantity(value=machine.memory_bytes, unit="bytes")),
        ("memory limit", None if limit is None else Quantity(value=limit, unit="bytes")),
        ("threads", None if machine.threads is None else str(machine.threads)),
        ("threads between operators", None if machine.interop_threads is None else str(machine.interop_threads)),
        ("operating system", machine.os),
        ("driver", machine.driver),
        ("CUDA", _cuda(machine)),
        ("source", _source(machine)),
        ("fingerprint", machine.fingerprint),
    ]
    return tuple((label, value) for label, value in known if value is not None)


def _devices(machine: Machine) -> str:
    kinds = Counter((d.name, d.memory_bytes, d.power_limit_w) for d in machine.devices)
    told = []
    for (name, memory_bytes, limit_w), count in list(kinds.items())[:_KINDS]:
        size = "" if memory_bytes is None else f", {quantity(memory_bytes, 'bytes')}"
        power = "" if limit_w is None else f", limit {quantity(limit_w, 'W')}"
        told.append(f"{count} \N{MULTIPLICATION SIGN} {name}{size}{power}")
    return "; ".join(told) or "none"


def _cuda(machine: Machine) -> str | None:
    if machine.cuda is None and machine.cuda_driver is None:
        return None
    return f"{machine.cuda or UNKNOWN} (driver supports {machine.cuda_driver or UNKNOWN})"


def _source(machine: Machine) -> str | None:
    if machine.git_commit is None:
        return None
    return machine.git_commit + (" with uncommitted changes" if machine.git_dirty else "")


def _versions(machine: Machine) -> list[Block]:
    if not machine.versions:
        return []
    rows = tuple(Row(cells=item) for item in sorted(machine.versions.items()))
    return [Table(columns=(Column(title="software"), Column(title="")), rows=rows)]


def _trainer(subject: RunSubject) -> tuple[tuple[str, Cell], ...]:
    """Each fact once; where the repeats differ, their values side by side."""
    names = dict.fromkeys(name for repeat in subject.run.repeats for name in repeat.facts)
    found: list[tuple[str, Cell]] = []
    for name in names:
        values = list(dict.fromkeys(cell(r.facts[name]) for r in subject.run.repeats if name in r.facts))
        more = f", and {len(values) - _VALUES_TOLD} more" if len(values) > _VALUES_TOLD else ""
        found.append((name, "; ".join(values[:_VALUES_TOLD]) + more))
    limits = sorted({r.memory_limit_enforced_by for r in subject.run.repeats if r.memory_limit_enforced_by})
    if limits:
        found.append(("memory limit enforced by", ", ".join(limits)))
    return tuple(found)


PLUGIN = Plugin(title=TITLE, order=60, takes=(RunSubject, StudySubject), render=render)
