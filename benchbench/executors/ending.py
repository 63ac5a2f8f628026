"""How a repeat ended: the supervisor's and the trainer's last words -> an outcome with its reason in one sentence."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from benchbench.executors.base import IDLE_S, Request
from benchbench.record import raw
from benchbench.record.compression import compression
from benchbench.record.data_costs import data_warnings
from benchbench.record.disturbances import disturbances
from benchbench.record.examined import breakdown, measured_part, memory_use, work
from benchbench.record.figures import RawLines, figures, is_number, seen_devices, telemetry_warnings
from benchbench.record.per_rank import per_rank
from benchbench.record.reaching import ended_early, reach, target_warnings
from benchbench.record.store import read_raw
from benchbench.record.trainer_warnings import trainer_warnings
from benchbench.record.types import Failure, Outcome, Repeat, RunWarning
from benchbench.record.validity import negative_steps
from benchbench.scenario.scenario import Scenario
from benchbench.units import human

_FAULTS = {
    signal.SIGSEGV: ("segmentation-fault", "segmentation fault in the training process"),
    signal.SIGBUS: ("bus-error", "bus error in the training process"),
    signal.SIGILL: ("illegal-instruction", "the training process ran an instruction that this CPU lacks"),
    signal.SIGFPE: ("arithmetic-fault", "arithmetic fault in the training process"),
    signal.SIGABRT: ("aborted", "the training process aborted itself"),
}


_LAST_WORDS_BYTES = 2**16


class Verdict(NamedTuple):
    """An outcome; kind and message are empty when all went well."""

    outcome: Outcome
    kind: str = ""
    message: str = ""


def build_repeat(request: Request, started_at: str, wall_s: float, *, interrupted: bool, problem: str = "") -> Repeat:
    """A repeat from what it left in its folder, however it ended; with a `problem`, it was never started."""
    ending: dict[str, Any] = {"cause": "not-started", "problem": problem} if problem else read_exit(request.folder)
    whole = in_use(read_raw(request.folder))
    lines = measured_part(whole)
    verdict = judge(request, ending, lines, interrupted=interrupted)
    negative = negative_steps(lines)
    if verdict.outcome is Outcome.OK and negative is not None:
        verdict = Verdict(Outcome.INVALID, negative.kind, negative.message)
    scenario = request.scenario
    trains = scenario.measure.procedure == "time-to-target"
    devices = seen_devices(whole)
    done = lines.last("done") or {}
    memory = memory_use(lines, done.get("peak_resident_bytes") or ending.get("peak_memory_bytes"))
    peak_bytes = memory.device_bytes or memory.resident_bytes
    idle = idle_time(scenario, ending)
    facts = {k: v for k, v in (lines.last("ready") or {}).items() if k not in ("event", "t")}
    facts |= {k: v for k, v in done.items() if k not in ("event", "t", "final_metrics")}
    facts |= ended_early(lines)
    facts = {k: v for k, v in facts.items() if v is None or isinstance(v, (str, int, float, bool))}
    disturbed = disturbances(lines)
    phases_s = phases(lines, ending)
    metrics = done.get("final_metrics")
    return Repeat(
        index=request.index,
        seed=request.seed,
        order=request.order,
        started_at=started_at,
        wall_s=wall_s,
        outcome=verdict.outcome,
        failure=None if verdict.outcome is Outcome.OK else _failure(request, ending, lines, verdict),
        phases_s=phases_s,
        figures=figures(lines, scenario.measure.confidence, peak_bytes, idle),
        reach=reach(lines, scenario.target, idle) if trains and scenario.target is not None else None,
        compression=compression(lines),
        work=work(lines),
        breakdown=breakdown(lines),
        memory=memory,
        per_rank=per_rank(request.folder, lines),
        final_metrics={k: v for k, v in metrics.items() if is_number(v)} if isinstance(metrics, dict) else {},
        facts=facts,
        memory_limit_enforced_by=ending.get("memory_limit_enforced_by"),
        telemetry=devices,
        warnings=(
            *telemetry_warnings(devices, lines),
            *(d.warning for d in disturbed),
            *trainer_warnings(lines),
            *data_warnings(facts, phases_s),
            *_target_warnings(lines, scenario, verdict.outcome),
        ),
        suspect=tuple(d.warning.message for d in disturbed if d.suspect),
    )


def _failure(request: Request, ending: Mapping[str, Any], lines: RawLines, verdict: Verdict) -> Failure:
    said = lines.last("failed") or {}
    return Failure(
        kind=verdict.kind,
        message=verdict.message,
        rank=said["rank"] if isinstance(said.get("rank"), int) else None,
        exit_code=_exit_code(ending),
        log_tail=raw.log_tail(request.folder / raw.LOG),
    )


def _target_warnings(lines: RawLines, scenario: Scenario, outcome: Outcome) -> tuple[RunWarning, ...]:
    """What is to be said of the target, once a training to it ended by itself."""
    target = scenario.target
    if outcome is not Outcome.OK or target is None or scenario.measure.procedure != "time-to-target":
        return ()
    return target_warnings(lines, target)


def idle_time(scenario: Scenario, ending: Mapping[str, Any]) -> tuple[float, float] | None:
    """When the devices were watched before the trainer began; None where that is not asked for, or never came to be."""
    started_s = ending.get("started")
    if not scenario.measure.subtract_idle or started_s is None:
        return None
    return started_s - IDLE_S, started_s


def read_exit(folder: Path) -> dict[str, Any]:
    """The supervisor's last words; empty when it was itself killed."""
    try:
        found = json.loads((folder / raw.EXIT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def judge(request: Request, ending: dict[str, Any], lines: RawLines, *, interrupted: bool) -> Verdict:
    """The outcome of a repeat and its reason.

    Args:
        request: what was asked.
        ending: the supervisor's last words.
        lines: the trainer's events.
        interrupted: the user asked to stop.
    """
    said = lines.last("failed")
    if interrupted:
        return Verdict(Outcome.INTERRUPTED, "interrupted", "interrupted by the user; what was measured is kept")
    by_supervisor = _by_supervisor(request, ending)
    if by_supervisor is not None:
        return by_supervisor
    if said is not None:
        return _by_itself(said)
    if ending.get("signal"):
        return _by_signal(ending)
    if ending.get("exit_code") == 0 and lines.last("done") is not None:
        return Verdict(Outcome.OK)
    code = ending.get("exit_code")
    told = f"with code {code}" if code is not None else "without a word"
    return Verdict(Outcome.CRASHED, "exit", f"the training process ended {told} before it was done")


def _by_itself(said: Mapping[str, Any]) -> Verdict:
    """What a trainer says of its own failure, or of the rank that failed."""
    if isinstance(said.get("signal"), int):
        return _by_signal(said)
    kind = str(said.get("kind"))
    known = kind in {o.value for o in Outcome} - {Outcome.OK.value}
    return Verdict(Outcome(kind) if known else Outcome.CRASHED, kind, str(said.get("message", "it gave no reason")))


def _by_supervisor(request: Request, ending: dict[str, Any]) -> Verdict | None:
    limit = human(request.scenario.hardware.memory_limit, "bytes")
    causes = {
        "timeout": Verdict(
            Outcome.TIMEOUT,
            "timeout",
            f"not done after {human(request.timeout_s, 's')}; the whole process tree was ended",
        ),
        "memory-limit": Verdict(
            Outcome.OOM, "memory-limit", f"the process tree grew beyond hardware.memory_limit = {limit}"
        ),
        "stopped": Verdict(Outcome.INTERRUPTED, "interrupted", "the supervisor was told to stop from outside"),
        "not-started": Verdict(
            Outcome.CRASHED, "not-started", ending.get("problem") or "the trainer could not be started"
        ),
    }
    if not ending and _is_full(request.folder):
        return Verdict(
            Outcome.CRASHED,
            "disk-full",
            f"no space is left on the disk that holds {request.folder}: free some, or choose another --out",
        )
    if not ending:
        return Verdict(
            Outcome.CRASHED, "supervisor-lost", "the supervisor was killed from outside, or could write no last words"
        )
    if ending.get("host_out_of_memory"):
        return Verdict(
            Outcome.OOM, "host-out-of-memory", "the kernel killed the training process: the host ran out of memory"
        )
    return causes.get(str(ending.get("cause")))


def _is_full(folder: Path) -> bool:
    """Whether not even last words could be written."""
    try:
        return shutil.disk_usage(folder).free < _LAST_WORDS_BYTES
    except OSError:
        return False


def _by_signal(ending: Mapping[str, Any]) -> Verdict:
    """What a signal means that ended the trainer, or the rank that it names."""
    number = ending["signal"]
    where = f" (rank {ending['rank']})" if isinstance(ending.get("rank"), int) else ""
    if number in _FAULTS:
        kind, told = _FAULTS[number]
        return Verdict(Outcome.CRASHED, kind, told + where)
    name = signal.Signals(number).name if number in {s.value for s in signal.Signals} else str(number)
    return Verdict(Outcome.CRASHED, "killed", f"the training process was killed from outside by {name}{where}")


def _exit_code(ending: Mapping[str, Any]) -> int | None:
    if ending.get("signal"):
        return -int(ending["signal"])
    code = ending.get("exit_code")
    return None if code is None else int(code)


def in_use(lines: RawLines) -> RawLines:
    """The lines with the devices marked that the trainer really used, as it says itself when it is ready."""
    ready = lines.last("ready")
    if ready is None or "device" not in ready:
        return lines
    uuid = ready.get("device_uuid")
    uuids = [*(ready.get("device_uuids") or ()), uuid]

    def used(device: dict[str, Any]) -> bool:
        if device["device"] == "cpu" or ready["device"] != "cuda":
            return bool(device["device"] == ready["device"])
        return bool(device["uuid"] in uuids if device.get("uuid") and uuid else device["device"] == "cuda:0")

    marked = tuple(
        {"header": {**x["header"], "devices": [{**d, "in_use": used(d)} for d in x["header"]["devices"]]}}
        if "header" in x
        else x
        for x in lines.telemetry
    )
    return RawLines(events=lines.events, telemetry=marked)


def phases(lines: RawLines, ending: dict[str, Any]) -> dict[str, float]:
    """Seconds in each phase, repeats of a phase added up; `start` runs from the process's start to its first word."""
    marks = [(e["name"], e["t"]) for e in lines.of("phase")]
    marks += [("exit", e["t"]) for e in lines.of("done")[-1:]]
    end = ending.get("ended") or (lines.events[-1]["t"] if lines.events else None)
    if not marks or end is None:
        return {}
    found: dict[str, float] = {}
    if ending.get("started") is not None:
        found["start"] = marks[0][1] - ending["started"]
    for (name, t), (_, after) in zip(marks, [*marks[1:], ("end", end)], strict=True):
        found[name] = found.get(name, 0.0) + after - t
    return found
