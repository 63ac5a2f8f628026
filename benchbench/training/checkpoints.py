"""Checkpoints on disk: folders that appear whole or not at all, of safetensors and one JSON file.

    step-00000020-3f9a01c2/
        checkpoint.json      what it is of, the state that is no tensor, and the hashes of the other two files
        model.safetensors    the weights by their names
        state.safetensors    the tensors of the optimizer, the levers and the random numbers
    last -> step-00000020-3f9a01c2
    best -> step-00000010-77b0e5d4

A step's folder is written beside its place, made durable and renamed; then the links move to it, each in one
operation. What no link leads to is removed.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from benchbench.errors import ScenarioError, StoreError
from benchbench.record import checkpoint_files as files
from benchbench.record.checkpoint_files import BEST, KEY, LAST
from benchbench.record.store import sync_folder
from benchbench.training.state_tree import Tensors, flattened, restored


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """A training at the end of a step.

    Attributes:
        step: its number.
        of: what it is a training of, JSON-ready.
        finished: whether that training was over.
        weights: the model's, by name; tied ones once.
        state: all else that is needed to go on (see `state_tree`).
        history: the events from which its course is told.
    """

    step: int
    of: Mapping[str, Any]
    finished: bool
    weights: Tensors
    state: Mapping[str, Any]
    history: list[Mapping[str, Any]]


def write(folder: Path, checkpoint: Checkpoint, links: Iterable[str]) -> int:
    """Writes a checkpoint into a folder of them.

    Args:
        folder: it is made if it is not there.
        checkpoint: what to write.
        links: `LAST`, `BEST` or both: which of them leads to it from now on.

    Returns:
        Its bytes.

    Raises:
        StoreError: it cannot be written; the links lead to where they led.
    """
    name = f"step-{checkpoint.step:08d}-{secrets.token_hex(4)}"
    beside = folder / f".{name}"
    try:
        beside.mkdir(parents=True)
        size_bytes = _fill(beside, checkpoint)
        beside.rename(folder / name)
        for link in links:
            _lead(folder / link, name)
        sync_folder(folder)
        _tidy(folder)
    except OSError as error:
        raise StoreError(f"the checkpoint cannot be written: {error.strerror or error}", file=str(folder)) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return size_bytes


def _fill(folder: Path, checkpoint: Checkpoint) -> int:
    flat, tensors = flattened(checkpoint.state)
    for file, content in ((files.MODEL, checkpoint.weights), (files.STATE, tensors)):
        save_file({name: _plain(tensor) for name, tensor in content.items()}, folder / file, {"format": "pt"})
    manifest = {
        "format": files.FORMAT,
        "step": checkpoint.step,
        "of": checkpoint.of,
        "finished": checkpoint.finished,
        "sha256": {file: files.digest(folder / file) for file in (files.MODEL, files.STATE)},
        "state": flat,
        "history": checkpoint.history,
    }
    (folder / files.MANIFEST).write_text(json.dumps(manifest, allow_nan=False), encoding="utf-8")
    for file in (files.MODEL, files.STATE, files.MANIFEST):
        with (folder / file).open("rb") as handle:
            os.fsync(handle.fileno())
    sync_folder(folder)
    return sum(file.stat().st_size for file in folder.iterdir())


def _plain(tensor: torch.Tensor) -> torch.Tensor:
    """A tensor on the host with a storage of its own, as safetensors wants it."""
    host = tensor.detach().cpu().contiguous()
    return host.clone() if host.untyped_storage().nbytes() != host.nbytes else host


def _lead(link: Path, name: str) -> None:
    """Has a link lead to a folder beside it, in one operation."""
    beside = link.with_name(f".{link.name}.{secrets.token_hex(4)}")
    beside.symlink_to(name)
    beside.replace(link)


def _tidy(folder: Path) -> None:
    """Removes the steps that no link leads to, and what was left half written by a process that was killed."""
    kept = {(folder / link).readlink().name for link in (LAST, BEST) if (folder / link).is_symlink()}
    for one in folder.iterdir():
        if one.is_dir() and not one.is_symlink() and one.name not in kept:
            shutil.rmtree(one, ignore_errors=True)


def read(folder: Path) -> Checkpoint:
    """A checkpoint, its tensors on the host.

    Raises:
        ScenarioError: it is none, or a damaged one.
    """
    found = files.manifest(folder)
    files.check_files(folder, found)
    try:
        return Checkpoint(
            step=found["step"],
            of=found["of"],
            finished=found["finished"],
            weights=load_file(folder / files.MODEL),
            state=restored(found["state"], load_file(folder / files.STATE)),
            history=found["history"],
        )
    except (SafetensorError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise ScenarioError(f"{folder} is damaged: {error}", key=KEY) from None
