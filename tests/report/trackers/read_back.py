"""What a tracker's store holds, read by the tracker's own library."""

import json
import struct
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

Series = dict[str, list[tuple[int, float]]]


class Kept(NamedTuple):
    """One entry of a store: its series as (step, value), its last figures, its settings and notes as texts."""

    series: Series
    figures: dict[str, float]
    settings: dict[str, str]
    notes: dict[str, str]
    parent: str | None
    is_ok: bool | None


def tensorboard(place: Path) -> dict[str, Kept]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = {}
    for file in place.rglob("events.out.tfevents.*"):
        events = EventAccumulator(str(file.parent), size_guidance={"scalars": 0, "tensors": 0})
        events.Reload()
        scalars = {t: [(e.step, e.value) for e in events.Scalars(t)] for t in events.Tags()["scalars"]}
        figures = {t.removeprefix("figures/"): v[-1][1] for t, v in scalars.items() if t.startswith("figures/")}
        texts = {
            tag: _lines(events.Tensors(tag)[-1].tensor_proto.string_val[0].decode()) for tag in events.Tags()["tensors"]
        }
        series = {t: v for t, v in scalars.items() if not t.startswith("figures/")}
        name = file.parent.relative_to(place).as_posix()
        parent = name.rpartition("/")[0] or None
        found[name] = Kept(series, figures, texts.get("settings", {}), texts.get("notes", {}), parent, None)
    return found


def _lines(text: str) -> dict[str, str]:
    parts = (line.strip().partition(": ") for line in text.splitlines())
    return {name: value for name, _, value in parts}


def mlflow(place: Path) -> dict[str, Kept]:
    from mlflow.tracking import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{place}")
    experiment = client.get_experiment_by_name("benchbench")
    found, names = {}, {}
    for run in client.search_runs([experiment.experiment_id], order_by=["start_time ASC"]):
        names[run.info.run_id] = run.info.run_name
        series = {}
        for name in run.data.metrics:
            history = client.get_metric_history(run.info.run_id, name)
            if "/" in name and not name.endswith(("/low", "/high")):
                series[name] = sorted((point.step, point.value) for point in history)
        figures = {name: value for name, value in run.data.metrics.items() if name not in series}
        parent = run.data.tags.get("mlflow.parentRunId")
        ok = run.info.status == "FINISHED"
        found[run.info.run_name] = Kept(series, figures, dict(run.data.params), dict(run.data.tags), parent, ok)
    return {name: kept._replace(parent=names.get(kept.parent)) for name, kept in found.items()}


def wandb(place: Path) -> dict[str, Kept]:
    """The records are Weights & Biases' own protocol buffers; 0.31 brings no reader of the file around them."""
    from wandb.proto.wandb_internal_pb2 import Record

    found = {}
    for file in place.glob("wandb/offline-run-*/*.wandb"):
        series: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
        figures: dict[str, float] = {}
        settings: dict[str, Any] = {}
        name, group, code = "", "", None
        for data in _records(file.read_bytes()):
            record = Record.FromString(data)
            kind = record.WhichOneof("record_type")
            if kind == "run":
                name, group = record.run.display_name, record.run.run_group
                settings |= _items(record.run.config.update)
            elif kind == "history":
                row = {key: value for key, value in _items(record.history.item).items() if not key.startswith("_")}
                (step,) = [value for key, value in row.items() if key.endswith("/step")]
                for key, value in row.items():
                    if not key.endswith(("/step", "/time_s")):
                        series[key].append((int(step), value))
            elif kind == "summary":
                figures |= _items(record.summary.update)
            elif kind == "exit":
                code = record.exit.exit_code
        notes = {key: str(value) for key, value in settings.pop("benchbench").items()}
        figures = {k: v for k, v in figures.items() if k not in series and not k.endswith(("/step", "/time_s"))}
        parent = group if group != name else None
        told = {key: str(value) for key, value in settings.items() if key != "_wandb"}
        found[name] = Kept(dict(series), figures, told, notes, parent, code == 0)
    return found


def _items(items: Any) -> dict[str, Any]:
    return {item.key or "/".join(item.nested_key): json.loads(item.value_json) for item in items}


def _records(data: bytes) -> Iterator[bytes]:
    """LevelDB's log format: 32 KiB blocks of parts with a checksum, a length and a kind; 7 bytes come first."""
    assert data[:4] == b":W&B"
    at, record, block = 7, b"", 32_768
    while at + 7 <= len(data):
        if block - at % block < 7:
            at += block - at % block
            continue
        _, length, kind = struct.unpack("<IHB", data[at : at + 7])
        record += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):
            yield record
            record = b""


READERS = {"tensorboard": tensorboard, "mlflow": mlflow, "wandb": wandb}
PLACES = {"tensorboard": "runs", "mlflow": "mlflow.db", "wandb": "."}
