"""About how long a repeat takes: a planning aid for `--dry-run`, good to a factor of three.

A training step costs 6 FLOPs a parameter and token (Kaplan et al. 2020, section 2.1) and an optimizer step moves
some 28 bytes a parameter (AdamW in float32: parameter, gradient and two moments read, three written). The rates
below are what such work reached in practice on ordinary parts, not a promise about any one.
"""

from __future__ import annotations

from benchbench.scenario.scenario import Scenario

_START_S = 7.0
_AUTO_MEASURE_S = 30.0
_AUTO_WARMUP_STEPS = 20
_CPU_CORE_FLOPS = 25e9
_CPU_BYTES_PER_S = 8e9
_GPU_FLOPS = 30e12
_GPU_BYTES_PER_S = 1e12
_STEP_OVERHEAD_S = 4e-3
_ADAMW_BYTES_PER_PARAMETER = 28
_DEFAULT_VOCABULARY = 30_522
_ROW_TOKENS = {"unicode-names": 9}


def parameters(layers: int, hidden: int, ffn: int, vocabulary: int) -> tuple[int, int]:
    """Parameters of a transformer encoder: in its layers, and in its embedding."""
    return layers * (4 * hidden * hidden + 2 * hidden * ffn), vocabulary * hidden


def repeat_duration_s(
    scenario: Scenario, dimensions: tuple[int, int, int] | None, cpus: int, gpu: bool
) -> float | None:
    """Seconds that one repeat of a scenario takes, the process's start included.

    Args:
        scenario: what would run.
        dimensions: layers, hidden, ffn; None where they are not known.
        cpus: usable CPUs.
        gpu: whether it would run on a GPU.

    Returns:
        None where the model's size is not known without building it.
    """
    if dimensions is None or scenario.model is None:
        return None
    step_s = _step_s(scenario, dimensions, cpus, gpu)
    if scenario.measure.procedure == "time-to-target":
        return _START_S + scenario.training.max_steps * step_s
    warmup = _AUTO_WARMUP_STEPS if scenario.measure.warmup == "auto" else scenario.measure.warmup
    if scenario.measure.steps == "auto":
        return _START_S + warmup * step_s + _AUTO_MEASURE_S
    return _START_S + (warmup + scenario.measure.steps) * step_s


def _step_s(scenario: Scenario, dimensions: tuple[int, int, int], cpus: int, gpu: bool) -> float:
    assert scenario.model is not None
    inner, embedding = parameters(*dimensions, scenario.model.vocab or _DEFAULT_VOCABULARY)
    row = min(scenario.data.sequence_length, _ROW_TOKENS.get(scenario.data.source, scenario.data.sequence_length))
    flops = 6.0 * inner * row * scenario.training.global_batch
    moved = _ADAMW_BYTES_PER_PARAMETER * (inner + embedding)
    if gpu:
        return _STEP_OVERHEAD_S + flops / _GPU_FLOPS + moved / _GPU_BYTES_PER_S
    threads = scenario.hardware.threads or cpus
    return _STEP_OVERHEAD_S + flops / (_CPU_CORE_FLOPS * min(threads, cpus)) + moved / _CPU_BYTES_PER_S
