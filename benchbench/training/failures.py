"""What goes wrong in a training, and the outcome that it stands for. Needs no torch: its import may be what failed."""

from __future__ import annotations

import sys

from benchbench.errors import InputError

# Errors of torch's that are told from others by their words alone: the CPU's allocator, cuBLAS's workspace, mps.
_ALLOCATION_WORDS = ("DefaultCPUAllocator", "ALLOC_FAILED", "out of memory")


class DivergedError(Exception):
    """The loss is no longer a finite number; `rank` is the one whose part of it is none, where only some are."""

    def __init__(self, step: int, loss: float, rank: int | None = None) -> None:
        super().__init__(f"the loss became {loss} at step {step}" + ("" if rank is None else f" on rank {rank}"))
        self.step = step
        self.rank = rank


def kind_of(error: BaseException) -> str:
    """The outcome that an error stands for: oom, diverged, refused, interrupted or crashed."""
    error = _cause(error)
    if isinstance(error, MemoryError) or _is_allocation(error):
        return "oom"
    if isinstance(error, DivergedError):
        return "diverged"
    if isinstance(error, InputError):
        return "refused"
    return "interrupted" if isinstance(error, KeyboardInterrupt) else "crashed"


def _cause(error: BaseException) -> BaseException:
    """What went wrong within torch.compile, where it is that which speaks."""
    return getattr(error, "inner_exception", error) if _is_compilation(error) else error


def _is_compilation(error: BaseException) -> bool:
    dynamo = sys.modules.get("torch._dynamo.exc")
    return dynamo is not None and isinstance(error, dynamo.TorchDynamoException)


def _is_allocation(error: BaseException) -> bool:
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(error, getattr(torch, "OutOfMemoryError", ())):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _ALLOCATION_WORDS)


def sentence(error: BaseException) -> str:
    """The error in one line; the traceback is in the log."""
    cause = _cause(error)
    first = next(iter(str(cause).strip().splitlines()), "")
    plain = isinstance(cause, (InputError, DivergedError))
    told = first if plain else f"{type(cause).__name__}: {first}".removesuffix(": ")
    return f"torch.compile failed ({told}); training.compile: none does without it" if _is_compilation(error) else told
