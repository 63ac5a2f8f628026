"""How much memory a training takes, in closed form: weights, gradients, optimizer state, activations, the rest.

Activations are the tensors that a forward pass saves for the backward one, counted operator by operator for a
transformer's layer, as Korthikanti et al. 2022 ("Reducing activation recomputation in large transformer models",
section 4) count them for one family; here each tensor has the width that the family gives it and the bytes that the
precision gives it. Autocast keeps what lies between two layers, and what a norm looks at, in 32 bits; it computes
products in 16, from a copy of each matrix and of what it is multiplied with.

Shape letters: H hidden, Q the width of all query heads, K that of all key heads, F the width of the feed-forward part,
A heads, V the vocabulary.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from benchbench.scenario.scenario import Scenario
from benchbench.scenario.training_types import Training
from benchbench.values import Value

_NUMBER_BYTES = 4
_LOW = {"bf16": 2, "fp16": 2, "fp8": 2}  # bytes of a product's result; fp8 keeps 16 bits between its products
# Numbers of the optimizer's state for each trained parameter. Adafactor keeps a row and a column of each matrix.
_STATE_NUMBERS = {"sgd": 0, "momentum": 1, "lion": 1, "adafactor": 0, "muon": 1}
_STATE_NUMBERS_ELSE = 2  # Adam and what is made of it
_UPDATE_NUMBERS = {"lamb": 2, "lion": 1}  # numbers for each trained parameter that exist while the weights move
_FUSED = "sdpa", "flash"
# Inputs of products that a 16-bit precision copies: query, key and value each, and both halves of a gated layer.
_ATTENTION_COPIES = 3
_MATH_SCORES = 3  # with dropout: the softmax, the noise, and their product; without it the softmax alone
_BACKWARD_SCORES = 2  # gradients of scores that exist at a time
_BACKWARD_INNER = 2  # gradients of the feed-forward part's width that exist at a time
_TIED_GRADIENTS = 2  # of an embedding that is the output's matrix too: both its gradients, beside their sum
_LOSS_LOGITS = 2  # logits, or gradients of them, beside the logarithmic softmax that is saved
# What a process has beside its tensors. glibc keeps up to twice its largest threshold for mmap free at the heap's end
# (mallopt(3): M_TRIM_THRESHOLD); holes are what that heap cannot give back, a share of what comes and goes in a step,
# as benchmarks/memory_model.py found it. A GPU has its context, and a block allocator that leaves fewer holes.
_HEAP_BYTES = 64 * 2**20
_COMPILER_BYTES = 400 * 2**20
_DEVICE_BYTES = 600 * 2**20
_HOLES, _HOLES_ON_GPU = 0.2, 0.05
_PACKING = 11 / 9  # rows that first-fit decreasing takes over the fewest possible (Johnson 1973)


class Stack(Value):
    """Equal transformer layers, one after another.

    Attributes:
        layers: those that a gradient goes through.
        hidden: H.
        heads: A.
        queries: Q.
        keys: K.
        ffn: F.
        gated: whether the feed-forward part has a third matrix.
        inner: tensors of width F that it keeps, dropout left out.
        norm: tensors of width H that a norm keeps: its input, and RMSNorm the normalised one too.
        crossed: whether each layer also attends to another stack.
    """

    layers: int
    hidden: int
    heads: int
    queries: int
    keys: int
    ffn: int
    gated: bool
    inner: int
    norm: int
    crossed: bool = False

    @property
    def matrices(self) -> int:
        """Numbers in the matrices of one layer."""
        attention = 2 * self.hidden * (self.queries + self.keys)
        return attention * (2 if self.crossed else 1) + (3 if self.gated else 2) * self.hidden * self.ffn


class ModelShape(Value):
    """What decides how much memory a model and its rows take.

    Attributes:
        parameters: all of them.
        trainable_parameters: those that have gradients and an optimizer's state.
        matrix_parameters: those of linear layers.
        tied_parameters: those of a trained embedding that is the output's matrix too; 0 without one.
        stacks: an encoder's layers, a decoder's, or those of both, the encoder first.
        fused: whether its attention passes through torch's kernels.
        hidden_dropout, attention_dropout, inner_dropout: whether there is any: behind each part of a layer, of the
            attention's scores, within the feed-forward part.
        logits_per_token: V of a language model's head; 0 for a head that answers once a row.
        row_tokens: of the longest training row, as the first stack reads it.
        target_tokens: of the longest row that the second stack reads; 0 without one.
        mean_tokens: of the training rows.
        process_bytes: resident memory of a process with the trainer's libraries and the data, the model left out.
    """

    parameters: int
    trainable_parameters: int
    matrix_parameters: int
    tied_parameters: int
    stacks: tuple[Stack, ...]
    fused: bool
    hidden_dropout: bool
    attention_dropout: bool
    inner_dropout: bool
    logits_per_token: int
    row_tokens: int
    target_tokens: int
    mean_tokens: float
    process_bytes: int


class Memory(NamedTuple):
    """What a training takes, in bytes, by what it is for."""

    weights_bytes: int
    gradients_bytes: int
    optimizer_bytes: int
    averages_bytes: int
    activations_bytes: int
    temporary_bytes: int
    update_bytes: int

    @property
    def peak_bytes(self) -> int:
        """The most that exists at a time: in the backward pass, or while the weights move."""
        kept = self.weights_bytes + self.optimizer_bytes + self.averages_bytes
        backward = self.activations_bytes + self.temporary_bytes
        return kept + max(self.gradients_bytes + self.update_bytes, backward)


class _Layout(NamedTuple):
    """How a scenario computes one forward pass."""

    rows: int
    low: int
    noise: int
    fused: bool
    checkpointing: str
    masked: bool


def memory(scenario: Scenario, shape: ModelShape, micro_batch: int, *, on_gpu: bool) -> Memory:
    """What the training of a scenario takes in tensors, on the longest rows that it could meet.

    Args:
        scenario: with its precision, optimizer and kernels.
        shape: of its model and rows.
        micro_batch: sequences a forward pass.
        on_gpu: whether it runs on a GPU.
    """
    training = scenario.training
    layout = _layout(scenario, shape, micro_batch, on_gpu=on_gpu)
    saved, temporary = _activations(shape, layout)
    accumulates = micro_batch < training.global_batch // scenario.plan.data
    gradients = _NUMBER_BYTES * shape.trainable_parameters
    moving = shape.trainable_parameters * _UPDATE_NUMBERS.get(training.optimizer.name, 0)
    if layout.low < _NUMBER_BYTES:
        saved += layout.low * shape.matrix_parameters
    return Memory(
        weights_bytes=_NUMBER_BYTES * shape.parameters,
        gradients_bytes=gradients,
        optimizer_bytes=_NUMBER_BYTES * _state_numbers(training, shape),
        averages_bytes=_averages(training, shape),
        activations_bytes=saved,
        temporary_bytes=temporary + (gradients if accumulates else 0),
        update_bytes=_NUMBER_BYTES * max(moving, _TIED_GRADIENTS * shape.tied_parameters),
    )


def _layout(scenario: Scenario, shape: ModelShape, micro_batch: int, *, on_gpu: bool) -> _Layout:
    training, packs = scenario.training, scenario.data.batching == "pack"
    asked = training.attention
    kernel = asked in _FUSED or (asked == "auto" and shape.fused)
    low = _LOW.get(scenario.precision, _NUMBER_BYTES)
    rows = micro_batch
    if packs:
        rows = min(rows, math.ceil(_PACKING * micro_batch * shape.mean_tokens / max(1, shape.row_tokens)))
    return _Layout(
        rows=rows,
        low=low,
        noise=1 if on_gpu else low,
        # torch's kernels for the CPU have no dropout; with it, sdpa is computed product by product
        fused=kernel and (on_gpu or not shape.attention_dropout),
        checkpointing=training.activation_checkpointing,
        masked=packs,
    )


def _activations(shape: ModelShape, layout: _Layout) -> tuple[int, int]:
    """What a forward pass saves, and what its backward pass needs beside it, in bytes."""
    saved, temporary = 0.0, 0.0
    tokens = (shape.row_tokens, shape.target_tokens)
    for number, stack in enumerate(shape.stacks):
        width, seen = tokens[number], tokens[0]
        whole = layout.rows * width * _layer_bytes(stack, shape, layout, width, seen)
        kept = layout.rows * width * _kept_bytes(stack, shape, layout, width, seen)
        saved += stack.layers * kept + layout.rows * width * _edge_bytes(stack, shape, layout)
        temporary = max(temporary, whole - kept + layout.rows * width * _backward_bytes(stack, layout, width))
    if layout.masked:
        saved += layout.rows * shape.row_tokens**2 * _NUMBER_BYTES
    last = tokens[len(shape.stacks) - 1]
    logits = layout.rows * last * shape.logits_per_token
    copied = layout.low if layout.low < _NUMBER_BYTES else 0
    saved += _NUMBER_BYTES * logits
    return round(saved), round(max(temporary, (_LOSS_LOGITS * _NUMBER_BYTES + copied) * logits))


def _kept_bytes(stack: Stack, shape: ModelShape, layout: _Layout, width: int, seen: int) -> float:
    """What a layer keeps of a token until its backward pass, by the way of checkpointing."""
    if layout.checkpointing == "full":
        return _NUMBER_BYTES * stack.hidden
    if layout.checkpointing == "none":
        return _layer_bytes(stack, shape, layout, width, seen)
    attention = stack.queries * 2 + 2 * stack.keys + stack.hidden
    products = attention * (2 if stack.crossed else 1) + (2 if stack.gated else 1) * stack.ffn + stack.hidden
    scores = 0 if layout.fused else 2 * stack.heads * width
    return _NUMBER_BYTES * stack.hidden + layout.low * (products + scores)


def _layer_bytes(stack: Stack, shape: ModelShape, layout: _Layout, width: int, seen: int) -> float:
    """What a layer's forward pass saves for a token."""
    copies = _copied(stack, layout, 2 if stack.gated else 1)
    noise = layout.noise * stack.hidden if shape.hidden_dropout else 0
    inner = layout.low * (stack.inner * stack.ffn)
    if shape.inner_dropout:
        inner += (layout.noise + (layout.low if stack.inner == 1 else 0)) * stack.ffn
    feed_forward = _NUMBER_BYTES * stack.norm * stack.hidden + copies + inner + noise
    crossed = _attention_bytes(stack, shape, layout, seen, width, seen) if stack.crossed else 0.0
    return _attention_bytes(stack, shape, layout, width, width, width) + crossed + feed_forward


def _attention_bytes(stack: Stack, shape: ModelShape, layout: _Layout, pairs: int, width: int, seen: int) -> float:
    """What attention saves for a token that looks at `pairs` tokens, whose keys come from `seen` tokens a row."""
    norm = _NUMBER_BYTES * stack.norm * stack.hidden + _copied(stack, layout, _ATTENTION_COPIES)
    noise = layout.noise * stack.hidden if shape.hidden_dropout else 0
    states = stack.queries + 2 * stack.keys * seen / max(1, width)
    if layout.fused:
        return norm + layout.low * (states + stack.queries) + _NUMBER_BYTES * stack.heads + noise
    scores = (_MATH_SCORES if shape.attention_dropout else 1) * _NUMBER_BYTES * stack.heads * pairs
    return norm + _NUMBER_BYTES * states + layout.low * stack.queries + scores + noise


def _copied(stack: Stack, layout: _Layout, products: int) -> int:
    """What products keep of their common input: the input itself, or a 16-bit copy each."""
    return layout.low * stack.hidden * (products if layout.low < _NUMBER_BYTES else 1)


def _edge_bytes(stack: Stack, shape: ModelShape, layout: _Layout) -> float:
    """What is saved for a token before a stack's first layer and behind its last."""
    head = _NUMBER_BYTES * (stack.norm + 1) if shape.logits_per_token else 0
    return stack.hidden * (head + _NUMBER_BYTES * stack.norm + (layout.noise if shape.hidden_dropout else 0))


def _backward_bytes(stack: Stack, layout: _Layout, width: int) -> float:
    """Gradients that exist at a time in a layer's backward pass, for a token."""
    scores = 0 if layout.fused else _BACKWARD_SCORES * _NUMBER_BYTES * stack.heads * width
    return max(scores, _BACKWARD_INNER * layout.low * stack.ffn)


def _state_numbers(training: Training, shape: ModelShape) -> int:
    name = training.optimizer.name
    numbers = _STATE_NUMBERS.get(name, _STATE_NUMBERS_ELSE) * shape.trainable_parameters
    if name == "muon":  # what is no matrix of a layer is AdamW's
        numbers += max(0, shape.trainable_parameters - sum(s.layers * s.matrices for s in shape.stacks))
    return numbers


def _averages(training: Training, shape: ModelShape) -> int:
    """Averaged weights, and a byte for each weight of a mask."""
    average = 0 if training.ema is None else _NUMBER_BYTES * shape.trainable_parameters
    return average + (shape.matrix_parameters if training.compression.prune else 0)


def expected_bytes(scenario: Scenario, shape: ModelShape, micro_batch: int, *, on_gpu: bool) -> int:
    """The peak of a run's memory: of its processes on the host, or of one GPU with the process's own context.

    On the host every rank counts as one that trains alone (whatever they divide, it is no more), and one process more,
    which started them.

    Args:
        scenario: what is trained.
        shape: of its model and rows.
        micro_batch: sequences a forward pass.
        on_gpu: whether it runs on a GPU.
    """
    tensors = memory(scenario, shape, micro_batch, on_gpu=on_gpu)
    holes = (_HOLES_ON_GPU if on_gpu else _HOLES) * (tensors.activations_bytes + tensors.temporary_bytes)
    beside = process_bytes(scenario, shape, on_gpu=on_gpu)
    one = beside + tensors.peak_bytes + round(holes)
    ranks = 1 if on_gpu else scenario.hardware.devices
    return one if ranks == 1 else ranks * one + beside


def process_bytes(scenario: Scenario, shape: ModelShape, *, on_gpu: bool) -> int:
    """What the process takes without the model's tensors."""
    if on_gpu:
        return _DEVICE_BYTES
    return shape.process_bytes + _HEAP_BYTES + (0 if scenario.training.compile == "none" else _COMPILER_BYTES)
