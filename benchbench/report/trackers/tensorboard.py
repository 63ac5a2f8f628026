"""`tensorboard`: an event file a run, repeat, study or trial, in folders that TensorBoard lists as runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from benchbench.errors import StoreError
from benchbench.report.tracking import Journal, missing

_OURS = "events.out.tfevents.*"


class TensorBoard:
    """Series and figures as scalars (figures at step 0), settings and notes as texts; a second export replaces."""

    place: ClassVar[str] = "runs"

    def write(self, journals: Sequence[Journal], place: Path) -> str:
        """See `Tracker`."""
        try:
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ModuleNotFoundError:
            raise missing("tensorboard", "tensorboard") from None
        for journal in journals:
            folder = place / journal.name
            try:
                folder.mkdir(parents=True, exist_ok=True)
                for old in folder.glob(_OURS):
                    old.unlink()
                writer = EventFileWriter(str(folder))
                for event in _events(journal):
                    writer.add_event(event)
                writer.close()
            except OSError as error:
                raise StoreError(f"cannot be written: {error.strerror or error}", file=str(folder)) from error
        return f"tensorboard --logdir {place}"


def _events(journal: Journal) -> Iterator[Any]:
    """TensorBoard's protocol buffers, each series in the order of its steps."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    texts = {"settings": _table(journal.settings), "notes": _table(journal.notes)}
    for name, text in texts.items():
        if text:
            yield Event(wall_time=journal.began_s, summary=Summary(value=[_text(name, text)]))
    for name, value in journal.figures.items():
        scalar = Summary.Value(tag=f"figures/{name}", simple_value=value)
        yield Event(wall_time=journal.ended_s, summary=Summary(value=[scalar]))
    for name, points in journal.series.items():
        for point in points:
            scalar = Summary.Value(tag=name, simple_value=point.value)
            yield Event(wall_time=point.time_s, step=point.step, summary=Summary(value=[scalar]))


def _text(name: str, text: str) -> Any:
    """A text as the text plug-in knows it."""
    from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.compat.proto.types_pb2 import DT_STRING

    metadata = SummaryMetadata(plugin_data=SummaryMetadata.PluginData(plugin_name="text"))
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    tensor = TensorProto(dtype=DT_STRING, string_val=[text.encode()], tensor_shape=shape)
    return Summary.Value(tag=name, metadata=metadata, tensor=tensor)


def _table(values: Any) -> str:
    """Lines of code: the plug-in reads Markdown, and shows them as they stand."""
    return "\n".join(f"    {name}: {value}".replace("\n", "\n    ") for name, value in values.items())


PLUGIN = TensorBoard()
