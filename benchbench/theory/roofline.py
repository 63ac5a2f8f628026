"""Where work stands under a machine's roofline (Williams, Waterman and Patterson 2009, CACM 52, "Roofline")."""

from __future__ import annotations


def intensity(flops: float, moved_bytes: float) -> float | None:
    """Arithmetic intensity in FLOPs a byte; None where nothing moved."""
    return flops / moved_bytes if moved_bytes > 0 else None


def balance(flops_per_s: float, bytes_per_s: float) -> float | None:
    """The intensity, in FLOPs a byte, at which a machine's arithmetic and its memory take equally long."""
    return flops_per_s / bytes_per_s if bytes_per_s > 0 else None


def roof(at: float, flops_per_s: float, bytes_per_s: float) -> float:
    """The most FLOPs a second that a machine gives at an intensity.

    Args:
        at: FLOPs a byte.
        flops_per_s: its peak.
        bytes_per_s: its memory's bandwidth.
    """
    return min(flops_per_s, at * bytes_per_s)
