"""The NVIDIA driver's own library, taken as it is found: any function may be absent, unsupported or forbidden.

Only this module and the `nvml` probe know the binding (`nvidia-ml-py`, whose module is called `pynvml`).
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias

import pynvml

from benchbench.hardware.probe import ProbeUnavailableError

Handle: TypeAlias = Any  # the binding's opaque pointer to a GPU or to a MIG instance

# Both say that nothing will come from this GPU any more, at least until the machine is seen to.
LOST_ERRORS: tuple[type[Exception], ...] = (pynvml.NVMLError_GpuIsLost, pynvml.NVMLError_ResetRequired)
UNKNOWN_NAME = "NVIDIA GPU"

_NOT_AVAILABLE = frozenset({0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF})  # NVML_VALUE_NOT_AVAILABLE, 32 and 64 bits wide
_MOST_GPUS = 64
_REASONS: dict[type[Exception], str] = {
    pynvml.NVMLError_LibraryNotFound: "no NVIDIA driver here: libnvidia-ml.so.1 was not found",
    pynvml.NVMLError_DriverNotLoaded: "the NVIDIA driver is not loaded",
    pynvml.NVMLError_NoPermission: "no permission to talk to the NVIDIA driver",
    pynvml.NVMLError_LibRmVersionMismatch: "the NVIDIA driver and its library are of different versions: reboot",
}


class Call(NamedTuple):
    """One function of the binding with what it wants besides the handle."""

    function: str
    arguments: tuple[int, ...] = ()

    def ask(self, handle: Handle) -> Any:
        """The driver's answer.

        Raises:
            NVMLError: the driver's refusal; AttributeError when this version of the binding lacks the function.
        """
        return getattr(pynvml, self.function)(handle, *self.arguments)


def number(answer: Any, field: str | None = None) -> int | None:
    """The number in an answer, or in a field of it; None when there is none, in whatever way the driver says so."""
    with suppress(Exception):
        value = int(answer if field is None else getattr(answer, field))
        return None if value in _NOT_AVAILABLE else value
    return None


def attempt(handle: Handle | None, calls: Sequence[Call]) -> Any:
    """The first answer that one of several calls gives; None when none does."""
    for call in () if handle is None else calls:
        with suppress(Exception):
            return call.ask(handle)
    return None


def start() -> None:
    """Loads and initializes the library.

    Raises:
        ProbeUnavailableError: no library, no driver, no permission; the message says which.
    """
    try:
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError_FunctionNotFound:  # the binding knows the newest of three names only
            _raw(("nvmlInit_v2", "nvmlInit"))
    except Exception as error:
        reason = _REASONS.get(type(error)) or str(error) or type(error).__name__
        raise ProbeUnavailableError(reason) from error


def stop() -> None:
    """Gives the library back; no harm when it is not there any more."""
    with suppress(Exception):
        pynvml.nvmlShutdown()


def handles() -> list[Handle | None]:
    """Every GPU in NVML's order; None for one that is counted but does not answer.

    Raises:
        ProbeUnavailableError: no GPU to be seen.
    """
    count = _count()
    found = [_handle(index) for index in range(_MOST_GPUS if count is None else count)]
    if count is None:
        found = found[: next((index for index, handle in enumerate(found) if handle is None), _MOST_GPUS)]
    if not found:
        raise ProbeUnavailableError("the NVIDIA driver sees no GPU")
    return found


def name_of(handle: Handle | None) -> str:
    """The product name; a word for any GPU where the driver does not tell."""
    return _text(attempt(handle, [Call("nvmlDeviceGetName")])) or UNKNOWN_NAME


def uuid_of(handle: Handle | None) -> str | None:
    """The identity `GPU-...` or `MIG-...`; None where the driver does not tell."""
    return _text(attempt(handle, [Call("nvmlDeviceGetUUID")]))


def mig_instances(handle: Handle | None) -> dict[int, Handle] | None:
    """The GPU's MIG instances by slot; None when MIG is off or unknown here."""
    mode = attempt(handle, [Call("nvmlDeviceGetMigMode")])
    if mode is not None and mode[0] != pynvml.NVML_DEVICE_MIG_ENABLE:
        return None
    slots = range(attempt(handle, [Call("nvmlDeviceGetMaxMigDeviceCount")]) or 0)
    found = {slot: attempt(handle, [Call("nvmlDeviceGetMigDeviceHandleByIndex", (slot,))]) for slot in slots}
    instances = {slot: instance for slot, instance in found.items() if instance is not None}
    return instances if instances or mode is not None else None


def driver_version() -> str | None:
    """The driver's version, such as `570.86.15`."""
    with suppress(Exception):
        return _text(pynvml.nvmlSystemGetDriverVersion())
    return None


def cuda_driver_version() -> str | None:
    """The newest CUDA that the driver serves, such as `12.8`."""
    for function in ("nvmlSystemGetCudaDriverVersion_v2", "nvmlSystemGetCudaDriverVersion"):
        with suppress(Exception):
            version = int(getattr(pynvml, function)())
            return f"{version // 1000}.{version % 1000 // 10}"
    return None


def _count() -> int | None:
    with suppress(Exception):
        return int(pynvml.nvmlDeviceGetCount())
    count = ctypes.c_uint()
    with suppress(Exception):
        _raw(("nvmlDeviceGetCount",), ctypes.byref(count))
        return count.value
    return None


def _handle(index: int) -> Handle | None:
    with suppress(Exception):
        return pynvml.nvmlDeviceGetHandleByIndex(index)
    handle = pynvml.c_nvmlDevice_t()
    with suppress(Exception):
        _raw(("nvmlDeviceGetHandleByIndex",), ctypes.c_uint(index), ctypes.byref(handle))
        return handle
    return None


def _raw(names: Sequence[str], *arguments: Any) -> None:
    """Calls the first of several functions that the library has, by the name it has there.

    Raises:
        NVMLError: none is there, or the driver refused.
    """
    for name in names:
        function = getattr(pynvml.nvmlLib, name, None)
        if function is not None:
            status = function(*arguments)
            if status != pynvml.NVML_SUCCESS:
                raise pynvml.NVMLError(status)
            return
    raise pynvml.NVMLError(pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)


def _text(answer: Any) -> str | None:
    """A name as text: old bindings give bytes."""
    if isinstance(answer, bytes):
        answer = answer.decode(errors="replace")
    return str(answer) if answer else None
