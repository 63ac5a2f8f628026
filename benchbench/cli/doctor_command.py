"""`benchbench doctor`: what this machine offers, what is missing, and what would add it."""

from __future__ import annotations

from typing import Annotated, Any

import typer


def command(
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON document on stdout")] = False,
) -> int:
    """Say what this machine offers and what is missing."""
    from rich.table import Table

    from benchbench.cli.console import console, emit
    from benchbench.hardware.inventory import machine

    here = machine()
    checks = [*_telemetry(), _memory_limit()]
    table = Table("what", "here", "how to add it", box=None)
    for check in checks:
        table.add_row(check["what"], check["found"], check["remedy"] or "")
    terminal = console()
    gpus = ", ".join(d.name for d in here.devices) or "none"
    terminal.print(f"{here.cpu}, {here.cpus_usable} CPUs; accelerators: {gpus}", markup=False)
    terminal.print(f"torch {here.versions.get('torch', 'missing')}, Python {here.versions.get('python')}", markup=False)
    terminal.print(table)
    if as_json:
        emit({"schema": 1, "machine": here.document(), "checks": checks})
    return 0


def _telemetry() -> list[dict[str, Any]]:
    from benchbench import registry
    from benchbench.hardware.probe import ProbeUnavailableError

    remedies = {
        "nvml": "install the NVIDIA driver (its libnvidia-ml.so.1), or start the container with its GPUs",
        "rapl": "let this user read /sys/class/powercap (root may by default), or run on a machine with RAPL",
    }
    found = []
    for name in registry.names(registry.PROBES):
        probe = registry.load(registry.PROBES, name)()  # type: ignore[operator]
        try:
            devices = probe.open()
            text = ", ".join(f"{d.device} ({len(d.metrics)} metrics)" for d in devices)
            found.append({"what": f"telemetry: {name}", "ok": True, "found": text, "remedy": None})
        except ProbeUnavailableError as error:
            found.append({"what": f"telemetry: {name}", "ok": False, "found": str(error), "remedy": remedies.get(name)})
        finally:
            probe.close()
    return found


def _memory_limit() -> dict[str, Any]:
    import os

    from benchbench.executors.memory_limit import create_group

    group = create_group(f"benchbench-doctor-{os.getpid()}", 2**30)
    if group is not None:
        group.remove()
    return {
        "what": "memory limits",
        "ok": group is not None,
        "found": "by cgroup" if group else "by watching (twenty looks a second)",
        "remedy": None if group else "run where a memory cgroup is writable, such as with systemd-run --user --scope",
    }
