"""Several sequences in one row: each sees itself alone and counts its positions from its own start.

Shape letters: n sequences, B rows that they share, S a row's width in tokens, H width of the model, C classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from transformers.modeling_outputs import SequenceClassifierOutput

from benchbench.errors import UnsupportedError
from benchbench.workload.batches import FILLS, Batch, Blocks, batch_of
from benchbench.workload.examples import IGNORED, Examples, Ints, Longs
from benchbench.workload.task import Task

_KEY = "data.batching"
_CLASSIFIER = "AutoModelForSequenceClassification"
# The families whose attention takes a mask of pairs and whose positions can be given: those that the tests compare with
# unpacked rows.
_FAMILIES = (
    "albert", "bert", "camembert", "distilbert", "electra", "gpt2", "llama", "qwen2", "roberta", "xlm-roberta",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Packed:
    """A layout (see `Layout`) in which sequences share rows.

    Attributes:
        width: tokens that a row has room for; no sequence is longer.
        first_position: the position of a sequence's first token.
        blocks: how each is kept to itself.
    """

    width: int
    first_position: int
    blocks: Blocks

    def __call__(self, examples: Examples, rows: Longs, pad: int) -> Batch:
        """See `Layout`; labels of sequences stay in the order of `rows`, `firsts` says where each begins."""
        lengths = examples.columns["ids"].lengths
        row, begin = first_fit(lengths, self.width)
        shape = (int(row.max(initial=-1)) + 1, int((begin + lengths).max(initial=0)))
        first = row * shape[1] + begin
        within = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        place = np.repeat(first, lengths) + within

        def laid(values: Ints | Longs, fill: int) -> torch.Tensor:
            flat = np.full(shape[0] * shape[1], fill, dtype=np.int64)
            flat[place] = values
            return torch.from_numpy(flat.reshape(shape))

        fills = {**FILLS, "ids": pad}
        columns = {name: laid(c.values, fills.get(name, IGNORED)) for name, c in examples.columns.items()}
        layout = {
            "position_ids": laid(within + self.first_position, self.first_position),
            "attention_mask": laid(np.repeat(np.arange(1, len(lengths) + 1), lengths), 0),
        }
        if examples.scalars:
            layout["firsts"] = torch.from_numpy(first)
        return batch_of(examples, rows, columns, layout, self.blocks)


def first_fit(lengths: Longs, width: int) -> tuple[Longs, Longs]:
    """First-fit decreasing: from the longest on, each goes into the first row that has room for it.

    It takes at most 11/9 of the fewest rows possible, and 6/9 of a row more (Johnson 1973; Dosa 2007).

    Args:
        lengths: tokens of each sequence, none above `width`. Shape (n,).
        width: tokens of a row.

    Returns:
        The row of each sequence and where in it it begins. Both of shape (n,).
    """
    room = np.full(len(lengths), width, dtype=np.int64)
    row, begin = np.empty_like(lengths), np.empty_like(lengths)
    for sequence in np.argsort(-lengths, kind="stable"):
        found = int(np.argmax(room >= lengths[sequence]))
        assert room[found] >= lengths[sequence]
        row[sequence], begin[sequence] = found, width - room[found]
        room[found] -= lengths[sequence]
    return row, begin


def layout(model: torch.nn.Module, width: int) -> Packed:
    """The layout that a model's rows share.

    Args:
        model: of a family that `fitted` let through.
        width: tokens that a row has room for.
    """
    config: Any = model.config
    eager = config._attn_implementation == "eager"
    return Packed(
        width=width,
        first_position=_first_position(model),
        blocks=Blocks(causal=_is_causal(model), additive=eager),
    )


def _first_position(model: torch.nn.Module) -> int:
    """0, but RoBERTa and its kin count from behind the position that stands for padding."""
    tables = [m for name, m in model.named_modules() if name.endswith("position_embeddings")]
    padding = [t.padding_idx for t in tables if isinstance(t, torch.nn.Embedding) and t.padding_idx is not None]
    return padding[0] + 1 if padding else 0


def _is_causal(model: torch.nn.Module) -> bool:
    """Whether a token sees those before it alone, as the model's own attention modules say."""
    said = [bool(m.is_causal) for m in model.modules() if hasattr(m, "is_causal")]
    return any(said)


def fitted(model: torch.nn.Module, task: Task) -> torch.nn.Module:
    """The model, able to take packed rows; those that are not packed it takes as before.

    Args:
        model: as transformers made it, perhaps without weights.
        task: what it learns.

    Raises:
        UnsupportedError: the task looks at a row as a whole, or the family cannot keep sequences apart.
    """
    config: Any = model.config
    family = str(config.model_type)
    if not task.packs:
        raise UnsupportedError(
            "this task judges a row as a whole, so its rows cannot be packed; use batching: bucket", key=_KEY
        )
    if family not in _FAMILIES:
        raise UnsupportedError(
            f"{family} is not known to keep sequences apart that share a row; use batching: bucket, or one of "
            f"{', '.join(_FAMILIES)}",
            key=_KEY,
        )
    if task.head != _CLASSIFIER:
        return model
    if family not in _HEADS:
        raise UnsupportedError(
            f"{family}'s classification head looks at the last token of a row, not at the first token of each sequence "
            f"in it; use batching: bucket, or one of {', '.join(_HEADS)}",
            key=_KEY,
        )
    own = type(model)
    model.__class__ = type(own.__name__, (_FirstTokens, own), {"__module__": own.__module__})
    return model


class _FirstTokens(torch.nn.Module):
    """Mixed into a sequence classifier: it judges each packed sequence by the hidden state of its first token.

    The model stays the module that it was, with the names of its parameters, so that whatever wraps, copies or saves
    models need not know.
    """

    def forward(self, firsts: torch.Tensor | None = None, **inputs: Any) -> Any:
        """The logits of each sequence.

        Args:
            firsts: the place of each sequence's first token in the rows, one after another. Shape (n,). None for
                rows of one sequence each.
            inputs: the model's own arguments.
        """
        if firsts is None:
            return super().forward(**inputs)
        model: Any = self
        hidden_bsh = model.base_model(**inputs).last_hidden_state
        hidden_n1h = hidden_bsh.flatten(0, 1)[firsts].unsqueeze(1)
        return SequenceClassifierOutput(logits=_HEADS[model.config.model_type](model, hidden_n1h))


def _bert_head(model: Any, hidden_n1h: torch.Tensor) -> Any:
    return model.classifier(model.dropout(model.bert.pooler(hidden_n1h)))


def _roberta_head(model: Any, hidden_n1h: torch.Tensor) -> Any:
    return model.classifier(hidden_n1h)


def _distilbert_head(model: Any, hidden_n1h: torch.Tensor) -> Any:
    return model.classifier(model.dropout(torch.relu(model.pre_classifier(hidden_n1h[:, 0]))))


def _albert_head(model: Any, hidden_n1h: torch.Tensor) -> Any:
    pooled = model.albert.pooler_activation(model.albert.pooler(hidden_n1h[:, 0]))
    return model.classifier(model.dropout(pooled))


# The part of each family's classifier that comes after the encoder; it takes the first token of each row given.
_HEADS: dict[str, Callable[[Any, torch.Tensor], Any]] = {
    "albert": _albert_head, "bert": _bert_head, "camembert": _roberta_head, "distilbert": _distilbert_head,
    "electra": _roberta_head, "roberta": _roberta_head, "xlm-roberta": _roberta_head,
}  # fmt: skip
