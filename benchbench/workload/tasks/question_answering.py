"""Extractive question answering: an answer is found in a context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import ascii_lowercase
from typing import TYPE_CHECKING

import numpy as np

from benchbench.workload.answers import exact_match, f1, places
from benchbench.workload.examples import IGNORED, Examples, Longs, Ragged
from benchbench.workload.task import Encoding, HeldOut, Objective, Task

if TYPE_CHECKING:
    import torch

    from benchbench.workload.batches import Batch
    from benchbench.workload.rows import Rows

_LETTERS = ascii_lowercase


class QuestionAnswering(Task):
    """See `Task`.

    A row becomes one window, or several that overlap if its context is long. The labels are the answer's first and
    last token; a window without the answer, and one whose row has none, points at its first token (Rajpurkar et al.
    2018, as Devlin et al. 2019 train on it).

    A row is judged by the best span of at most 30 tokens over all its windows. That it has no answer is a choice only
    where some held-out row has none: it is taken if in every window the first token has more than the best span.
    """

    head = "AutoModelForQuestionAnswering"
    roles = ("question", "context", "answer")
    optional_roles = ("answer_start",)
    metrics = ("exact_match", "f1", "loss")

    def encode(self, rows: Rows, encoding: Encoding) -> Examples:
        """See `Task.encode`."""
        from benchbench.workload.windows import windows

        contexts, answers, of_rows = rows.texts("context"), rows.texts("answer"), places(rows)
        found = list(windows(rows.texts("question"), contexts, encoding))
        tokens = np.asarray([window.tokens(of_rows[window.row]) for window in found], dtype=np.int64).reshape(-1, 2)
        examples = _examples(
            Ragged.of([window.ids for window in found]),
            Ragged.of([window.type_ids for window in found]) if encoding.vocabulary.pairs else None,
            tokens[:, 0],
            tokens[:, 1],
        )
        if not encoding.held_out:
            return examples
        return _judged(
            examples,
            Ragged.of([window.begins for window in found]),
            Ragged.of([window.ends for window in found]),
            rows.numbers[[window.row for window in found]],
            {name: [of[window.row] for window in found] for name, of in (("context", contexts), ("answer", answers))},
        )

    def synthetic(self, ids: Ragged, encoding: Encoding, generator: np.random.Generator) -> Examples:
        """See `Task.synthetic`: the first half of a row is the question; a token of the context stands for a letter."""
        lengths = ids.lengths
        half = lengths // 2
        start = half + np.floor(generator.random(len(ids)) * (lengths - half)).astype(np.int64)
        end = start + np.floor(generator.random(len(ids)) * (lengths - start)).astype(np.int64)
        place = (np.arange(len(ids.values)) - np.repeat(ids.offsets[:-1], lengths)).astype(np.int32)
        inside = place >= np.repeat(half, lengths)
        type_ids = Ragged(values=inside.astype(np.int32), offsets=ids.offsets)
        examples = _examples(ids, type_ids if encoding.vocabulary.pairs else None, start, end)
        if not encoding.held_out:
            return examples
        begins = Ragged(values=np.where(inside, place, np.int32(IGNORED)), offsets=ids.offsets)
        ends = Ragged(values=np.where(inside, place + np.int32(1), np.int32(IGNORED)), offsets=ids.offsets)
        contexts = ["".join(_LETTERS[token % len(_LETTERS)] for token in ids[row]) for row in range(len(ids))]
        answers = [text[first : last + 1] for text, first, last in zip(contexts, start, end, strict=True)]
        texts = {"context": contexts, "answer": answers}
        return _judged(examples, begins, ends, np.arange(len(ids), dtype=np.int64), texts)

    def loss_sums(self, model: torch.nn.Module, batch: Batch, objective: Objective) -> Mapping[str, torch.Tensor]:
        """Half of the summed cross-entropies of a micro-batch's first tokens, and of its last tokens."""
        from benchbench.workload.spans import span_loss_sums

        return span_loss_sums(model(**batch.inputs), batch, objective)

    def score(self, model: torch.nn.Module, held_out: HeldOut) -> Mapping[str, float]:
        """Exact match and F1 over the rows; the mean loss over their windows."""
        from benchbench.workload.answering import answered

        rows = answered(model, held_out)
        return {"exact_match": exact_match(rows.true, rows.found), "f1": f1(rows.true, rows.found), "loss": rows.loss}


def _examples(ids: Ragged, type_ids: Ragged | None, start: Longs, end: Longs) -> Examples:
    columns = {"ids": ids} if type_ids is None else {"ids": ids, "type_ids": type_ids}
    return Examples(columns=columns, scalars={"start": start, "end": end})


def _judged(
    examples: Examples, begins: Ragged, ends: Ragged, example: Longs, texts: Mapping[str, Sequence[str]]
) -> Examples:
    """Windows with what answers are read off by: where in the context each token stands, and whose window each is."""
    return Examples(
        columns={**examples.columns, "begins": begins, "ends": ends},
        scalars={**examples.scalars, "example": example},
        texts=texts,
    )


PLUGIN = QuestionAnswering()
