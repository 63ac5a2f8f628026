"""`wandb`: offline runs of Weights & Biases, which `wandb sync` sends on; nothing is sent here."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from benchbench.errors import StoreError
from benchbench.report.tracking import Journal, Point, missing

PROJECT = "benchbench"


class WeightsAndBiases:
    """Series with a step axis for each group of them, figures in the summary, settings and notes in the config."""

    place: ClassVar[str] = "."

    def write(self, journals: Sequence[Journal], place: Path) -> str:
        """See `Tracker`."""
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # it would call home when something goes wrong
        try:
            import wandb
        except ModuleNotFoundError:
            raise missing("wandb", "wandb") from None
        try:
            place.mkdir(parents=True, exist_ok=True)
            for journal in journals:
                _write(journal, journals[0].name, place)
        except (wandb.Error, OSError) as error:
            raise StoreError(f"Weights & Biases cannot write there: {error}", file=str(place)) from error
        return f"wandb sync {place / 'wandb' / 'offline-run-*'}"


def _write(journal: Journal, group: str, place: Path) -> None:
    import wandb

    quiet = wandb.Settings(
        mode="offline",
        silent=True,
        console="off",
        disable_git=True,
        disable_code=True,
        x_disable_stats=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
    )
    run = wandb.init(
        project=PROJECT,
        id=hashlib.sha256(journal.name.encode()).hexdigest()[:16],  # the same for the same record: a sync adds no twin
        name=journal.name,
        group=group,
        dir=str(place),
        config={**journal.settings, "benchbench": {"began_s": journal.began_s, **journal.notes}},
        settings=quiet,
        reinit="create_new",
    )
    for family, rows in _rows(journal.series).items():
        run.define_metric(f"{family}/*", step_metric=f"{family}/step")
        for row in rows:
            run.log(row)
    run.summary.update(dict(journal.figures))
    run.finish(exit_code=0 if journal.is_ok else 1)


def _rows(series: Mapping[str, Sequence[Point]]) -> dict[str, list[dict[str, float]]]:
    """Of each family of series (`train`, `eval`, a device) a row a step, in the order of the steps."""
    families: defaultdict[str, defaultdict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for family, name, point in _points(series):
        families[family][point.step] |= {f"{family}/step": point.step, f"{family}/time_s": point.time_s}
        families[family][point.step][name] = point.value
    return {family: [rows[step] for step in sorted(rows)] for family, rows in families.items()}


def _points(series: Mapping[str, Sequence[Point]]) -> Iterator[tuple[str, str, Point]]:
    return ((name.partition("/")[0], name, point) for name, points in series.items() for point in points)


PLUGIN = WeightsAndBiases()
