"""NVML for real, against `nvidia-smi`."""

from __future__ import annotations

from benchmarks.gpu_checks.bench import Check, benchbench, smi


def inventory() -> str:
    """Names, UUIDs, memory and driver are what `nvidia-smi` says."""
    from benchbench.hardware.inventory import machine

    here = machine()
    rows = smi("uuid,name,memory.total,driver_version")
    assert len(here.devices) == len(rows), f"{len(here.devices)} devices, nvidia-smi has {len(rows)}"
    for device, (uuid, name, memory_mib, driver) in zip(here.devices, rows, strict=True):
        assert (device.uuid, device.name, here.driver) == (uuid, name, driver), (device, uuid, name, driver)
        assert device.memory_bytes is not None
        assert abs(device.memory_bytes / 2**20 - float(memory_mib)) < 1024, (device.memory_bytes, memory_mib)
    return f"{len(rows)} x {rows[0][1]}, driver {rows[0][3]}"


def readings() -> str:
    """Memory, temperature and clocks of an idle device are what `nvidia-smi` says."""
    from benchbench.hardware.probes.nvml import PLUGIN

    probe = PLUGIN()
    seen = probe.open()
    try:
        reading = probe.look(frozenset())()[0].values
        memory_mib, temperature = smi("memory.used,temperature.gpu")[0]
    finally:
        probe.close()
    assert abs(reading["memory_used_bytes"] / 2**20 - float(memory_mib)) < 1024, (reading, memory_mib)
    assert abs(reading["temperature_c"] - float(temperature)) <= 5, (reading, temperature)
    return f"answers {', '.join(seen[0].metrics)}; missing {', '.join(seen[0].missing) or 'nothing'}"


def series() -> str:
    """Utilization, power and energy while BERT-base trains."""
    code, document = benchbench(
        "run",
        "scenarios/bert_base.yaml",
        "--repeats",
        "1",
        "--set",
        "precision=bf16",
        "--set",
        "training.global_batch=256",
        "--set",
        "measure.steps=60",
    )
    run = document["runs"][0]
    assert code == 0, run["failure"]
    summary = run["summary"]
    gpu = next(t for t in run["telemetry"] if t["in_use"])
    assert gpu["samples"] > 5, gpu
    for key in ("utilization", "power_w", "energy_j_per_sample"):
        assert summary[key] is not None, f"{key} is null; missing: {gpu['missing']}"
    assert 0.2 < summary["utilization"]["value"] <= 1.0, summary["utilization"]
    by_power = summary["power_w"]["value"] / summary["samples_per_s"]["value"]
    by_counter = summary["energy_j_per_sample"]["value"]
    assert 0.5 < by_counter / by_power < 2, (by_counter, by_power)
    return (
        f"utilization {summary['utilization']['value']:.0%}, {summary['power_w']['value']:.0f} W, "
        f"{by_counter * 1e3:.1f} mJ a sample"
    )


CHECKS = (
    Check("NVML inventory against nvidia-smi", inventory),
    Check("NVML readings against nvidia-smi", readings),
    Check("utilization, power and energy series", series),
)
