"""What a task is. It is one file in `tasks/`; its `PLUGIN` is a `Task`.

Shape letters: B rows, S tokens, C classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import torch

    from benchbench.workload.batches import Batch
    from benchbench.workload.examples import Examples, Ragged
    from benchbench.workload.rows import Rows, Value
    from benchbench.workload.vocabulary import Vocabulary


@dataclass(frozen=True, kw_only=True)
class Encoding:
    """How rows become examples.

    Attributes:
        vocabulary: the tokenizer.
        labels: the classes' names; a label's number is its place here. Empty for a task without classes.
        sequence_length: tokens, the longest that a row may be.
        held_out: whether the rows are for evaluation, where metrics may need their texts.
    """

    vocabulary: Vocabulary
    labels: tuple[str, ...]
    sequence_length: int
    held_out: bool = False


@dataclass(frozen=True, kw_only=True)
class Objective:
    """What is asked of a loss beyond the labels.

    Attributes:
        class_weights: of each class, their mean over the training rows being 1. Shape (C,), float32, or None.
        label_smoothing: share of the probability that is spread over all classes.
    """

    class_weights: torch.Tensor | None = None
    label_smoothing: float = 0.0


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Rows that a model is judged by.

    Attributes:
        batches: all of them, on the model's device; `Batch.rows` says which.
        examples: the same rows, with their texts.
        encoding: how they were encoded.
        wanted: the metrics that must be there; None for all. Others that take time may be left out.
    """

    batches: Sequence[Batch]
    examples: Examples
    encoding: Encoding
    wanted: frozenset[str] | None = None


class Task(ABC):
    """What is learned: which rows, the model's head, the loss, the metrics.

    Attributes:
        head: the transformers auto class.
        roles: what a row must have, such as `text` and `label`; a source gives a column for each.
        optional_roles: what a row may have, if the scenario names its column.
        labelled_by: the role that holds classes, if one does.
        labels_words: whether that is a class for each word of `text`, so that both are lists.
        tokenizer: the kind of vocabulary that is made where no pretrained one is used: `wordpiece` (lower-cased
            words) or `bytes` (byte-level BPE, which loses nothing).
        metrics: the names that a target may use, whatever the classes are.
        class_metrics: how the names of the metrics of single classes begin; None without any.
        losses: those of them that fall as the model learns; the others rise.
        highest: what a rising metric can be at most.
        packs: whether several rows may share one without a change of their losses.
    """

    head: str
    roles: tuple[str, ...]
    optional_roles: tuple[str, ...] = ()
    labelled_by: str | None = None
    labels_words: bool = False
    tokenizer: Literal["wordpiece", "bytes"] = "wordpiece"
    metrics: tuple[str, ...]
    class_metrics: str | None = None
    losses: tuple[str, ...] = ("loss",)
    highest: Mapping[str, float] = {}
    packs: bool = False

    def metric_names(self, labels: Sequence[str]) -> tuple[str, ...]:
        """The names that a target may use, those of single classes too."""
        if self.class_metrics is None:
            return self.metrics
        return (*self.metrics, *(f"{self.class_metrics}{label}" for label in labels))

    def texts(self, rows: Rows) -> Iterator[str]:
        """What a vocabulary is learned from: every text of the rows but their labels."""
        for role in self.roles:
            if role != self.labelled_by:
                yield from rows.texts(role)

    def classes(self, value: Value) -> Sequence[str]:
        """The classes that a row names in the role `labelled_by`."""
        return (value,) if isinstance(value, str) else value

    @abstractmethod
    def encode(self, rows: Rows, encoding: Encoding) -> Examples:
        """Turns rows into examples; one row may give none, one or several.

        Raises:
            ScenarioError: names a row that cannot be used.
        """

    @abstractmethod
    def synthetic(self, ids: Ragged, encoding: Encoding, generator: np.random.Generator) -> Examples:
        """Examples of this task around random token ids, for throughput alone."""

    def afresh(self, examples: Examples, encoding: Encoding, generator: np.random.Generator) -> Examples:
        """What changes each time that rows are seen, such as which tokens are masked. Called for a global batch."""
        del encoding, generator
        return examples

    @property
    def redraws(self) -> bool:
        """Whether `afresh` changes anything."""
        return type(self).afresh is not Task.afresh

    def check_model(self, model: torch.nn.Module) -> None:
        """Looks whether a model, perhaps one without weights, can learn this task.

        Raises:
            UnsupportedError: its family has no such head, or one that would learn something else.
        """
        del model

    @abstractmethod
    def loss_sums(self, model: torch.nn.Module, batch: Batch, objective: Objective) -> Mapping[str, torch.Tensor]:
        """The sums of the losses over the labelled positions of a micro-batch (not their means), in float32.

        Each has the name of one of `Batch.counts`; the loss is the sum of all sums over their global counts.
        """

    @abstractmethod
    def score(self, model: torch.nn.Module, held_out: HeldOut) -> Mapping[str, float]:
        """The metrics over held-out rows, all that are wanted; the model is in evaluation mode, gradients are off."""
