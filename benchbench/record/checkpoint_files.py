"""Checkpoints as files: what one says of itself, and whether its tensors are those that were written."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchbench.errors import ScenarioError

KEY = "training.resume"
LAST, BEST = "last", "best"
FORMAT = 1
MANIFEST, MODEL, STATE = "checkpoint.json", "model.safetensors", "state.safetensors"


def digest(file: Path) -> str:
    """The hash of a file's contents."""
    with file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def manifest(folder: Path) -> dict[str, Any]:
    """What a checkpoint says of itself.

    Raises:
        ScenarioError: it is none, a damaged one, or of a format that this version does not know.
    """
    file = folder / MANIFEST
    if not file.is_file():
        there = "is no checkpoint" if folder.is_dir() else "is not there"
        raise ScenarioError(f"{folder} {there}; name a folder that holds {MANIFEST}, such as .../last", key=KEY)
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
        known = found["format"] == FORMAT
        if known and {*found["sha256"]} == {MODEL, STATE} and isinstance(found["of"], dict):
            return dict(found)
    except (OSError, ValueError, KeyError, TypeError):
        known = True
    damaged = "is damaged: it is no JSON, or lacks what it should hold"
    raise ScenarioError(f"{file} {damaged if known else 'is of a format that this version does not know'}", key=KEY)


def check_files(folder: Path, found: Mapping[str, Any]) -> None:
    """Compares a checkpoint's tensors with the hashes of them that its manifest holds.

    Raises:
        ScenarioError: a file is missing or damaged.
    """
    for file, expected in found["sha256"].items():
        path = folder / file
        if not path.is_file():
            raise ScenarioError(f"{path} is missing; the checkpoint is damaged", key=KEY)
        if digest(path) != expected:
            raise ScenarioError(f"{path} is damaged: its contents are not those that were written", key=KEY)
