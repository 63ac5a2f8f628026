"""`torchrun`: a script that starts one process a device, and runs in each what stands behind its name."""

from __future__ import annotations

from typing import ClassVar

from benchbench.tuning.export import Chosen, Written

_HERE = "--standalone"
_EVERYWHERE = (
    '--rdzv-backend=c10d --rdzv-id=benchbench --rdzv-endpoint="${RENDEZVOUS:?set it to the first node, as HOST:PORT}"'
)


class Torchrun:
    """Processes, nodes and threads; how to train is the started script's own matter."""

    comment: ClassVar[str | None] = "#"

    def write(self, chosen: Chosen) -> Written:
        """See `Format`."""
        hardware = chosen.scenario.hardware
        nodes = f"--nnodes={hardware.nodes} {_EVERYWHERE}" if hardware.nodes > 1 else _HERE
        lines = ["#!/bin/sh"]
        if hardware.threads is not None:
            lines.append(f"export OMP_NUM_THREADS={hardware.threads}")
        lines.append(f'exec torchrun {nodes} --nproc-per-node={hardware.devices} "$@"')
        says = {"hardware.devices", "hardware.nodes", "hardware.threads", "parallelism.data"}
        hint = f"{chosen.micro_batch} in each process, {chosen.accumulation} times a step"
        return Written(
            text="\n".join(lines) + "\n",
            says=frozenset(says),
            hints={"training.micro_batch": hint},
            notes=("run it with your script behind it: sh THIS_FILE train.py --its arguments",),
        )


PLUGIN = Torchrun()
