"""Texts that an encoder-decoder writes for held-out rows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch

from benchbench.workload import batches
from benchbench.workload.examples import Longs
from benchbench.workload.task import HeldOut

_ROWS = 200  # at most: writing takes a forward pass a token
_BATCH = 50


def sample(rows: int) -> Longs:
    """The rows that are written for: all of them, or as many as pay, spread evenly; always the same ones."""
    return np.unique(np.linspace(0, max(0, rows - 1), min(rows, _ROWS)).round().astype(np.int64))


def written(model: torch.nn.Module, held_out: HeldOut, rows: Longs) -> list[str]:
    """The texts of some rows, each token the likeliest, until the end token or the longest that a row may be.

    Args:
        model: an encoder-decoder of transformers.
        held_out: the rows.
        rows: which of them.
    """
    if not len(rows):
        return []
    device = held_out.batches[0].inputs["input_ids"].device
    chosen = batches.held_out(held_out.examples.take(rows), held_out.encoding, device, _BATCH)
    texts = [""] * len(rows)
    with _greedy(model, held_out) as config:
        for batch in chosen.batches:
            inputs = {name: batch.inputs[name] for name in ("input_ids", "attention_mask")}
            ids_bs = cast(Any, model).generate(**inputs, generation_config=config)
            for row, ids in zip(batch.rows, ids_bs.tolist(), strict=True):
                texts[row] = held_out.encoding.vocabulary.decode(ids)
    return texts


@contextmanager
def _greedy(model: torch.nn.Module, held_out: HeldOut) -> Iterator[object]:
    """Gives how to write, and leaves aside what the model's family or its weights' makers prefer.

    transformers would take that from the model wherever the settings at hand say nothing, such as BART's last token,
    whose number is another's in our vocabularies.
    """
    from transformers import GenerationConfig

    vocabulary, writer = held_out.encoding.vocabulary, cast(Any, model)
    config = GenerationConfig(
        do_sample=False,
        num_beams=1,
        use_cache=True,
        max_new_tokens=held_out.encoding.sequence_length,
        pad_token_id=vocabulary.pad,
        eos_token_id=vocabulary.end,
        decoder_start_token_id=vocabulary.decoder_start,
    )
    own, writer.generation_config = writer.generation_config, config
    try:
        yield config
    finally:
        writer.generation_config = own
