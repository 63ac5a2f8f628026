"""Where the time of a step goes, by torch's profiler, in steps that nobody measures.

On the CPU a part is the own time of its operators, in the thread that starts them. On a GPU it is the time in which
its kernels run; kernels that run at once count for the first part of `_ORDER` among them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from torch.profiler import ProfilerActivity, profile, record_function

from benchbench.record.breakdown import PARTS, Part
from benchbench.stats.spans import Spans, exclusive, length_s, union
from benchbench.training.events import Events
from benchbench.training.loop import Loop

_STEP, _DATA, _UPDATE = "benchbench.step", "benchbench.data", "benchbench.update"
_RANGES = (_STEP, _DATA, _UPDATE)
# Beginnings of operators' names. What is found in none of them and is an operator at all is elementwise.
_PRODUCTS = (
    "aten::mm", "aten::addmm", "aten::bmm", "aten::baddbmm", "aten::_scaled_mm", "aten::_int_mm", "aten::dot",
    "aten::convolution", "aten::_convolution", "mkl::", "mkldnn::", "aten::mkldnn_linear", "quantized::linear",
)  # fmt: skip
_ATTENTION = ("aten::_scaled_dot_product", "aten::_flash_attention", "aten::_efficient_attention")
_COPIES = ("aten::copy_", "aten::_to_copy", "aten::clone", "aten::contiguous")
_COMPILED = ("## Call CompiledFxGraph",)  # what torch.compile fused, and the code that calls it
_NO_OPERATORS = ("autograd::", "torch::autograd")
_COMMUNICATION = ("c10d::", "gloo:", "nccl:", "_c10d_functional::")
# Operators that compute nothing: their own time is the framework's.
_NOTHING = (
    "aten::view", "aten::reshape", "aten::_reshape_alias", "aten::_unsafe_view", "aten::transpose", "aten::t",
    "aten::permute", "aten::as_strided", "aten::expand", "aten::slice", "aten::select", "aten::unsqueeze",
    "aten::squeeze", "aten::detach", "aten::empty", "aten::empty_like", "aten::empty_strided", "aten::new_empty",
    "aten::resize_", "aten::alias", "aten::split", "aten::chunk", "aten::unbind", "aten::to", "aten::linear",
    "aten::matmul", "aten::scaled_dot_product_attention", "aten::result_type", "aten::is_nonzero", "aten::item",
    "aten::_local_scalar_dense",
)  # fmt: skip
# Of kernels' names: cuBLAS, CUTLASS and Triton's products; attention's kernels; NCCL's.
_KERNELS: tuple[tuple[Part, tuple[str, ...]], ...] = (
    ("communication", ("nccl",)),
    ("copies", ("memcpy", "memset")),
    ("attention", ("flash", "fmha", "attention")),
    ("matrix-products", ("gemm", "cutlass", "cublas", "xmma", "nvjet", "wgmma", "triton_mm", "triton_tem", "splitk")),
)
_ORDER: tuple[Part, ...] = (
    "matrix-products", "attention", "optimizer", "elementwise", "communication", "copies", "data",
)  # fmt: skip


class Happening(NamedTuple):
    """One event of a profile.

    Attributes:
        name: the operator's, kernel's or range's.
        begin_s: when it began.
        end_s: when it ended.
        own_s: its time less that of the operators within it.
        on_device: whether an accelerator was at work.
    """

    name: str
    begin_s: float
    end_s: float
    own_s: float
    on_device: bool


def report(loop: Loop, events: Events, steps: int) -> None:
    """Takes steps under the profiler and emits `profile` (see `record.breakdown`).

    Args:
        loop: between two stretches, measured to its end.
        events: where it goes; the steps themselves are not reported.
        steps: how many, after one that warms the profiler up.
    """
    device = loop.parts.device
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if device.type == "cuda" else [])]
    loop.parts.model.train()
    with profile(activities=activities):
        _step(loop)
    with profile(activities=activities) as profiler:
        for _ in range(steps):
            _step(loop)
    found = on_device(_happenings(profiler)) if device.type == "cuda" else on_cpu(_happenings(profiler))
    seconds = {part: length / steps for part, length in found.seconds.items()}
    events.emit(
        "profile", device=device.type, steps=steps, step_s=found.wall_s / steps, seconds=seconds,
        hidden_communication_s=found.hidden_communication_s / steps,
    )  # fmt: skip


class TimeParts(NamedTuple):
    """Seconds of all profiled steps together, their parts, and the communication that is none of them."""

    wall_s: float
    seconds: Mapping[Part, float]
    hidden_communication_s: float = 0.0


def on_cpu(happenings: Sequence[Happening]) -> TimeParts:
    """The parts of steps by the own time of their operators; what is no operator's is overhead."""
    steps = _ranges(happenings, _STEP)
    data, updates = (union(_ranges(happenings, name)) for name in (_DATA, _UPDATE))
    seconds = dict.fromkeys(PARTS, 0.0)
    seconds["data"] = length_s(data)
    for one in happenings:
        part = _part_of_operator(one.name)
        if part is None or _within(one, data):
            continue
        seconds["optimizer" if _within(one, updates) and part != "communication" else part] += one.own_s
    wall_s = length_s(union(steps))
    seconds["overhead"] = max(0.0, wall_s - sum(seconds.values()))
    return TimeParts(wall_s, seconds)


def on_device(happenings: Sequence[Happening]) -> TimeParts:
    """The parts of steps by the time in which their kernels run; a device without a kernel is overhead.

    A step lasts from its beginning on the host to the last kernel that runs before the next one begins.
    """
    steps = union(_ranges(happenings, _STEP))
    updates = union((h.begin_s, h.end_s) for h in happenings if h.on_device and h.name == _UPDATE)
    kernels = [h for h in happenings if h.on_device and h.name not in _RANGES]
    by_part: dict[Part, list[tuple[float, float]]] = {part: [] for part in PARTS}
    for one in kernels:
        part = _part_of_kernel(one.name)
        own = "optimizer" if part in ("elementwise", "matrix-products") and _within(one, updates) else part
        by_part[own].append((one.begin_s, one.end_s))
    by_part["data"] = [(h.begin_s, h.end_s) for h in happenings if h.name == _DATA and not h.on_device]
    layers = [union(by_part[part]) for part in _ORDER]
    alone = exclusive(layers)
    seconds = {part: length_s(one) for part, one in zip(_ORDER, alone, strict=True)}
    ends = [float(steps[-1, 1]), *(k.end_s for k in kernels)] if len(steps) else [0.0]
    wall_s = max(ends) - float(steps[0, 0]) if len(steps) else 0.0
    seconds["overhead"] = max(0.0, wall_s - sum(seconds.values()))
    hidden_s = length_s(layers[_ORDER.index("communication")]) - seconds["communication"]
    return TimeParts(wall_s, seconds, hidden_s)


def _step(loop: Loop) -> None:
    with record_function(_STEP):
        with record_function(_DATA):
            micro_batches = next(loop.parts.batches)
        loss = loop.accumulate(micro_batches)
        with record_function(_UPDATE):
            loop.update()
        loss.item()


def _happenings(profiler: Any) -> list[Happening]:
    return [
        Happening(
            name=event.name,
            begin_s=event.time_range.start * 1e-6,
            end_s=event.time_range.end * 1e-6,
            own_s=max(0.0, event.self_cpu_time_total * 1e-6),
            on_device=event.device_type.name != "CPU",
        )
        for event in profiler.events()
    ]


def _ranges(happenings: Iterable[Happening], name: str) -> list[tuple[float, float]]:
    return [(h.begin_s, h.end_s) for h in happenings if h.name == name and not h.on_device]


def _within(one: Happening, ranges: Spans) -> bool:
    """Whether an event began in one of some ranges."""
    return bool(((ranges[:, 0] <= one.begin_s) & (one.begin_s < ranges[:, 1])).any()) if len(ranges) else False


def _part_of_operator(name: str) -> Part | None:
    """The part of an operator; None for what is none, or computes nothing."""
    if name.startswith(_COMMUNICATION):
        return "communication"
    if name.startswith(_COMPILED):
        return "elementwise"
    if "::" not in name or name in _NOTHING or name.startswith(_NO_OPERATORS):
        return None
    if name.startswith(_ATTENTION):
        return "attention"
    if name.startswith(_PRODUCTS):
        return "matrix-products"
    return "copies" if name.startswith(_COPIES) else "elementwise"


def _part_of_kernel(name: str) -> Part:
    lower = name.lower()
    return next((part for part, words in _KERNELS if any(word in lower for word in words)), "elementwise")
