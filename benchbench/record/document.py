"""A run as `run --json` and `result.json` give it: the contract's keys, and below them what was observed."""

from __future__ import annotations

from typing import Any

from benchbench.record.summary import summarize, warnings_of
from benchbench.record.types import DeviceTelemetry, Repeat, Run


def entry(run: Run, directory: str | None) -> dict[str, Any]:
    """One entry of `runs` in `run --json`.

    Args:
        run: the run.
        directory: its folder as shown to a user; None when it could not be stored.
    """
    summary = summarize(run)
    failure = run.failure
    return {
        "id": run.id,
        "name": run.scenario.name,
        "scenario_key": run.scenario.key,
        "dir": directory,
        "outcome": run.outcome.value,
        "failure": failure.document() if failure else None,
        "summary": summary.document(),
        "telemetry": [d.document() for d in devices(run)],
        "machine": {**run.machine.document(), "fingerprint": run.machine.fingerprint},
        "warnings": [w.document() for w in warnings_of(run, summary)],
        "repeats": [_counted(repeat, counts=True) for repeat in run.repeats],
        "set_aside": [_counted(repeat, counts=False) for repeat in run.set_aside],
    }


def _counted(repeat: Repeat, *, counts: bool) -> dict[str, Any]:
    """One measurement of a repeat: what it was, and why its numbers are trusted or not."""
    return {
        "repeat": repeat.index,
        "attempt": repeat.attempt,
        "order": repeat.order,
        "started_at": repeat.started_at,
        "seed": repeat.seed,
        "outcome": repeat.outcome.value,
        "validity": repeat.validity,
        "suspect": list(repeat.suspect),
        "warnings": [w.document() for w in repeat.warnings],
        "counts": counts,
        "step_s": None if repeat.figures is None else repeat.figures.step_s,
        "time_to_target_s": None if repeat.reach is None else repeat.reach.time_to_target_s,
    }


def devices(run: Run) -> tuple[DeviceTelemetry, ...]:
    """One telemetry entry a device, its samples added up over the repeats."""
    merged: dict[str, DeviceTelemetry] = {}
    for seen in (d for repeat in run.repeats for d in repeat.telemetry):
        before = merged.get(seen.device)
        merged[seen.device] = (
            seen
            if before is None
            else seen.model_copy(
                update={
                    "samples": before.samples + seen.samples,
                    "missing": tuple(sorted({*before.missing, *seen.missing})),
                    "lost": before.lost or seen.lost,
                }
            )
        )
    return tuple(merged.values())


def result(run: Run) -> dict[str, Any]:
    """The whole of `result.json`: the entry and the stored run."""
    return {"schema": 1, **{k: v for k, v in entry(run, None).items() if k != "dir"}, "run": run.document()}
