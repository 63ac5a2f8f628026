"""`mlflow`: a run a run, its repeats or trials nested in it, in an SQLite store that `mlflow ui` opens."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from benchbench.errors import StoreError
from benchbench.report.tracking import Journal, missing

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

EXPERIMENT = "benchbench"
_EXPORT = "benchbench.export"
_A_CALL = 1000  # MLflow's own bounds on what one call may log, and on how long a setting and a note may be
_WORDS_A_CALL = 100
_LONGEST_SETTING, _LONGEST_NOTE = 6000, 5000


class MLflow:
    """Series and figures as metrics, settings as parameters, notes as tags; an earlier export goes to its bin."""

    place: ClassVar[str] = "mlflow.db"

    def write(self, journals: Sequence[Journal], place: Path) -> str:
        """See `Tracker`."""
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # it would call home when it is imported
        try:
            from mlflow.exceptions import MlflowException
            from mlflow.tracking import MlflowClient
        except ModuleNotFoundError:
            raise missing("mlflow", "mlflow-skinny") from None
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # it tells of every table that it makes
        uri = f"sqlite:///{place.absolute()}"
        try:
            place.absolute().parent.mkdir(parents=True, exist_ok=True)
            client = MlflowClient(tracking_uri=uri)
            _write(client, journals, place)
        except (MlflowException, OSError) as error:
            raise StoreError(f"MLflow cannot write there: {error}", file=str(place)) from error
        return f"mlflow ui --backend-store-uri {uri}"


def _write(client: MlflowClient, journals: Sequence[Journal], place: Path) -> None:
    experiment = _experiment(client, place)
    export = journals[0].name
    for earlier in client.search_runs([experiment], filter_string=f"tags.`{_EXPORT}` = '{export}'", max_results=50_000):
        client.delete_run(earlier.info.run_id)
    ids: dict[str, str] = {}
    for journal in journals:
        tags = {_EXPORT: export, **({} if journal.parent is None else {"mlflow.parentRunId": ids[journal.parent]})}
        began_ms, ended_ms = round(1e3 * journal.began_s), round(1e3 * journal.ended_s)
        run = client.create_run(experiment, start_time=began_ms, tags=tags, run_name=journal.name)
        ids[journal.name] = run.info.run_id
        _log(client, run.info.run_id, journal)
        client.set_terminated(run.info.run_id, "FINISHED" if journal.is_ok else "FAILED", ended_ms)


def _experiment(client: MlflowClient, place: Path) -> str:
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is not None:
        return str(found.experiment_id)
    beside = place.absolute().parent / "mlartifacts"
    return str(client.create_experiment(EXPERIMENT, artifact_location=beside.as_uri()))


def _log(client: MlflowClient, run_id: str, journal: Journal) -> None:
    from mlflow.entities import Metric, Param, RunTag

    ended_ms = round(1e3 * journal.ended_s)
    metrics = [Metric(name, value, ended_ms, 0) for name, value in journal.figures.items()]
    metrics += [
        Metric(name, point.value, round(1e3 * point.time_s), point.step)
        for name, points in journal.series.items()
        for point in points
    ]
    for part in _parts(metrics, _A_CALL):
        client.log_batch(run_id, metrics=part)
    params = [Param(name, value) for name, value in _texts(journal.settings, _LONGEST_SETTING)]
    for part in _parts(params, _WORDS_A_CALL):
        client.log_batch(run_id, params=part)
    client.log_batch(run_id, tags=[RunTag(name, text) for name, text in _texts(journal.notes, _LONGEST_NOTE)])


def _texts(values: Mapping[str, object], longest: int) -> list[tuple[str, str]]:
    return [(name, str(value)[:longest]) for name, value in values.items()]


def _parts(values: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (values[at : at + size] for at in range(0, len(values), size))


PLUGIN = MLflow()
