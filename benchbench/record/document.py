"""A run as `run --json` and `result.json` give it: the contract's keys, and below them what was observed."""

from __future__ import annotations

from typing import Any

from benchbench.record.summary import summarize, warnings_of
from benchbench.record.types import DeviceTelemetry, Run


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
