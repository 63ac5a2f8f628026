"""What a reader must know of a repeat that its trainer alone can tell."""

from __future__ import annotations

from typing import get_args

from benchbench.record.figures import Line, RawLines
from benchbench.record.types import RunWarning, WarningCode


def trainer_warnings(raw: RawLines) -> tuple[RunWarning, ...]:
    """Those that the trainer gives itself (event `warning`), and those that its compilations give."""
    told = [
        RunWarning(code=line["code"], message=str(line["message"]))
        for line in raw.of("warning")
        if line.get("code") in get_args(WarningCode) and "message" in line
    ]
    return (*told, *_recompiled(raw))


def _recompiled(raw: RawLines) -> tuple[RunWarning, ...]:
    times = sum(_again(line) for line in raw.of("compile"))
    if times == 0:
        return ()
    reason = (raw.last("done") or {}).get("recompile_reason")
    told = f" (torch says: {reason})" if reason else ""
    again = "once more" if times == 1 else f"{times} times more"
    return (
        RunWarning(
            code="recompiled",
            message=f"torch.compile started {again} for what it had not foreseen{told}; each start stands in the time "
            "to target",
        ),
    )


def _again(line: Line) -> bool:
    """Whether a piece of the model was compiled before; torch numbers a compilation `piece/time`, both from 0."""
    time = str(line.get("compile_id")).partition("/")[2]
    return time.isdigit() and int(time) > 0
