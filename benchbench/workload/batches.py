"""How rows become tensors.

Shape letters: B rows of a batch, S its width in tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Protocol

import numpy as np
import torch

from benchbench.workload.examples import IGNORED, Examples, Longs
from benchbench.workload.task import Encoding, HeldOut

# The name of each column of `Examples` as a model's argument, and what fills it where a row is short, but for the
# padding's id; what is not here is a label, filled with `IGNORED`.
ARGUMENTS = {
    "ids": "input_ids", "type_ids": "token_type_ids", "position_ids": "position_ids", "decoder_ids": "decoder_input_ids"
}  # fmt: skip
FILLS = {"type_ids": 0, "position_ids": 0}
EVALUATION_BATCH = 256


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """Which tokens of a row see each other where several sequences share it: those of one sequence.

    Attributes:
        causal: each sees only itself and those before it.
        additive: the mask is added to the attention's scores (0 or the least number), as eager attention has it; else
            it says where to look, as torch's kernels have it.
    """

    causal: bool
    additive: bool

    def mask(self, sequences: torch.Tensor) -> torch.Tensor:
        """The mask of pairs.

        Args:
            sequences: the number of each token's sequence; padding has one too. Shape (B, S).

        Returns:
            Shape (B, 1, S, S), bool or, if additive, float32.
        """
        seen = sequences[:, None, :, None] == sequences[:, None, None, :]
        if self.causal:
            seen = seen.tril()
        if not self.additive:
            return seen
        return torch.zeros(seen.shape, device=seen.device).masked_fill_(~seen, torch.finfo(torch.float32).min)


@dataclass(frozen=True, kw_only=True)
class Whole:
    """A global batch of which a process has a part only.

    Attributes:
        counts: labelled positions of each label.
        samples: sequences.
        tokens: those that are not padding.
    """

    counts: Mapping[str, int]
    samples: int
    tokens: int


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A micro-batch as tensors.

    Attributes:
        inputs: the model's arguments by name; `input_ids` and `attention_mask` are always there, int64, (B, S).
        labels: what the loss compares with, by name: (B,) from a scalar, (B, S) from a column, int64.
        counts: labelled positions of each label.
        rows: the rows' numbers in their split. Host array.
        samples: sequences, however they are laid out.
        tokens: those that are not padding.
        blocks: of rows that sequences share: makes `attention_mask`, which on the host numbers the sequences, the
            mask of pairs that it is on the device; `inputs` then says in `firsts` where each sequence begins, (n,),
            if there are labels of whole sequences, and these have shape (n,).
        whole: of the global batch, where other ranks have the rest of it.
    """

    inputs: Mapping[str, torch.Tensor]
    labels: Mapping[str, torch.Tensor]
    counts: Mapping[str, int]
    rows: Longs
    samples: int
    tokens: int
    blocks: Blocks | None = None
    whole: Whole | None = None

    def to(self, device: torch.device) -> Batch:
        """The batch as a model takes it in, on a device; copied without waiting where the memory is pinned."""
        there = self if device.type == "cpu" else _copied(self, device)
        if self.blocks is None:
            return there
        mask = self.blocks.mask(there.inputs["attention_mask"])
        return replace(there, inputs={**there.inputs, "attention_mask": mask}, blocks=None)

    def pinned(self) -> Batch:
        """The batch in pinned memory, for asynchronous copies."""
        return self.each(torch.Tensor.pin_memory)

    def each(self, change: Callable[[Any], Any]) -> Batch:
        """The batch with every tensor changed."""
        return replace(
            self,
            inputs={name: change(tensor) for name, tensor in self.inputs.items()},
            labels={name: change(tensor) for name, tensor in self.labels.items()},
        )


def _copied(batch: Batch, device: torch.device) -> Batch:
    """The batch on a device; on CUDA in a stream of copies, so that they go on beside what is being computed."""
    if device.type != "cuda":
        return batch.each(lambda tensor: tensor.to(device, non_blocking=True))
    computing, copying = torch.cuda.current_stream(device), _copies(device)
    with torch.cuda.stream(copying):
        found = batch.each(lambda tensor: tensor.to(device, non_blocking=True))
    computing.wait_stream(copying)
    for tensor in (*found.inputs.values(), *found.labels.values()):
        tensor.record_stream(computing)
    return found


@cache
def _copies(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


class Layout(Protocol):
    """How the rows of a micro-batch lie in its tensors."""

    def __call__(self, examples: Examples, rows: Longs, pad: int) -> Batch:
        """The rows as tensors.

        Args:
            examples: the rows themselves.
            rows: their numbers in their split. Shape (R,).
            pad: the id that fills what is short.
        """
        ...


def padded(examples: Examples, rows: Longs, pad: int) -> Batch:
    """Each row on its own, filled up to the longest among them (see `Layout`)."""
    fills = {**FILLS, "ids": pad, "decoder_ids": pad}
    columns = {n: torch.from_numpy(column.padded(fills.get(n, IGNORED))) for n, column in examples.columns.items()}
    mask = torch.from_numpy(examples.columns["ids"].mask().astype(np.int64))
    return batch_of(examples, rows, columns, {"attention_mask": mask})


def batch_of(
    examples: Examples,
    rows: Longs,
    columns: Mapping[str, torch.Tensor],
    layout: Mapping[str, torch.Tensor],
    blocks: Blocks | None = None,
) -> Batch:
    """A batch of columns that are laid out.

    Args:
        examples: the rows themselves.
        rows: their numbers in their split. Shape (R,).
        columns: those of the examples as tensors, by name.
        layout: arguments of the model that tell how they lie.
        blocks: see `Batch`.
    """
    arguments = {ARGUMENTS[name]: tensor for name, tensor in columns.items() if name in ARGUMENTS}
    labels = {name: tensor for name, tensor in columns.items() if name not in ARGUMENTS}
    scalars = {name: torch.from_numpy(values) for name, values in examples.scalars.items()}
    return Batch(
        inputs={**arguments, **layout},
        labels={**labels, **scalars},
        counts=label_counts(examples),
        rows=rows,
        samples=len(examples),
        tokens=examples.tokens,
        blocks=blocks,
    )


def label_counts(examples: Examples) -> dict[str, int]:
    """The labelled positions of each label: of a scalar every row, of a column what is not `IGNORED`."""
    columns = {
        name: int((column.values != IGNORED).sum())
        for name, column in examples.columns.items()
        if name not in ARGUMENTS
    }
    return columns | {name: int((values != IGNORED).sum()) for name, values in examples.scalars.items()}


def held_out(split: Examples, encoding: Encoding, device: torch.device, batch: int = EVALUATION_BATCH) -> HeldOut:
    """A whole split in batches of rows of like length (for evaluation, where the order does not matter)."""
    order = np.argsort(split.lengths, kind="stable").astype(np.int64)
    parts = [order[i : i + batch] for i in range(0, len(order), batch)]
    batches = [padded(split.take(part), part, encoding.vocabulary.pad).to(device) for part in parts]
    return HeldOut(batches=batches, examples=split, encoding=replace(encoding, held_out=True))
