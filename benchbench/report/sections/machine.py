"""The machine and the software that it was measured with."""

from __future__ import annotations

from collections import Counter

from benchbench.record.machine import Machine
from benchbench.report.content import Block, Cell, Column, Quantity, Row, Section, Table
from benchbench.report.language import Message, tr
from benchbench.report.plugins import Plugin
from benchbench.report.subject import RunSubject, StudySubject, Subject
from benchbench.report.wording import UNKNOWN, cell, quantity, semicolons

TITLE = tr("Machine and environment")
_KINDS = 32
_VALUES_TOLD = 6


def render(subject: Subject) -> Section | None:
    """Hardware, limits, versions, and what the trainer reported of itself."""
    rows = tuple(Row(cells=pair) for pair in _hardware(subject.machine))
    columns = (Column(title=tr("machine")), Column(title="", wide=True))
    blocks: list[Block] = [Table(columns=columns, rows=rows), *_versions(subject.machine)]
    facts = _trainer(subject) if isinstance(subject, RunSubject) else ()
    if facts:
        rows = tuple(
            Row(cells=(key if isinstance(key, Message) else key.replace("_", " "), value)) for key, value in facts
        )
        columns = (Column(title=tr("the trainer reports")), Column(title="", wide=True))
        blocks.append(Table(columns=columns, rows=rows))
    return Section(title=TITLE, blocks=tuple(blocks))


def _hardware(machine: Machine) -> tuple[tuple[str, Cell], ...]:
    limit = machine.memory_limit_bytes
    known: list[tuple[str, Cell]] = [
        (tr("accelerators"), _devices(machine)),
        (tr("CPU"), f"{machine.cpu}, {machine.architecture}"),
        (tr("CPUs"), tr("{cpus_usable} usable of {cpus}", cpus_usable=machine.cpus_usable, cpus=machine.cpus)),
        (tr("CPU quota"), None if machine.cpu_quota is None else f"{machine.cpu_quota:g} CPUs"),
        (tr("memory"), Quantity(value=machine.memory_bytes, unit="bytes")),
        (tr("memory limit"), None if limit is None else Quantity(value=limit, unit="bytes")),
        (tr("threads"), None if machine.threads is None else str(machine.threads)),
        (tr("threads between operators"), None if machine.interop_threads is None else str(machine.interop_threads)),
        (tr("operating system"), machine.os),
        (tr("driver"), machine.driver),
        (tr("CUDA"), _cuda(machine)),
        (tr("source"), _source(machine)),
        (tr("fingerprint"), machine.fingerprint),
    ]
    return tuple((label, value) for label, value in known if value is not None)


def _devices(machine: Machine) -> str:
    kinds = Counter((d.name, d.memory_bytes, d.power_limit_w) for d in machine.devices)
    told = []
    for (name, memory_bytes, limit_w), count in list(kinds.items())[:_KINDS]:
        size = "" if memory_bytes is None else f", {quantity(memory_bytes, 'bytes')}"
        power = "" if limit_w is None else tr(", limit {power}", power=quantity(limit_w, "W"))
        device = f"{count} \N{MULTIPLICATION SIGN} {name}{size}"
        told.append(tr("{device}{power}", device=device, power=power))
    return semicolons(told) or tr("none")


def _cuda(machine: Machine) -> str | None:
    if machine.cuda is None and machine.cuda_driver is None:
        return None
    return tr("{cuda} (driver supports {driver})", cuda=machine.cuda or UNKNOWN, driver=machine.cuda_driver or UNKNOWN)


def _source(machine: Machine) -> str | None:
    if machine.git_commit is None:
        return None
    dirty = tr("{commit} with uncommitted changes", commit=machine.git_commit)
    return dirty if machine.git_dirty else machine.git_commit


def _versions(machine: Machine) -> list[Block]:
    if not machine.versions:
        return []
    rows = tuple(Row(cells=item) for item in sorted(machine.versions.items()))
    return [Table(columns=(Column(title=tr("software")), Column(title="")), rows=rows)]


def _trainer(subject: RunSubject) -> tuple[tuple[str, Cell], ...]:
    """Each fact once; where the repeats differ, their values side by side."""
    names = dict.fromkeys(name for repeat in subject.run.repeats for name in repeat.facts)
    found: list[tuple[str, Cell]] = []
    for name in names:
        values = list(dict.fromkeys(cell(r.facts[name]) for r in subject.run.repeats if name in r.facts))
        told = semicolons(values[:_VALUES_TOLD])
        if len(values) > _VALUES_TOLD:
            told = tr("{told} and {count} more", told=told, count=len(values) - _VALUES_TOLD)
        found.append((name, told))
    limits = sorted({r.memory_limit_enforced_by for r in subject.run.repeats if r.memory_limit_enforced_by})
    if limits:
        found.append((tr("memory limit enforced by"), ", ".join(limits)))
    return tuple(found)


PLUGIN = Plugin(title=TITLE, order=60, takes=(RunSubject, StudySubject), render=render)
