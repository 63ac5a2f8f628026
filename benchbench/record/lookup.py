"""Finds stored runs and studies by a user's words, and reads their documents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import from_json, to_json

from benchbench.errors import RecordError, nearest
from benchbench.values import Observed

RESULT = "result.json"
STUDY = "study.json"
_ID = re.compile(r"\d{8}-\d{6}-.+-[0-9a-f]{4,8}")
_PARTS = ("scenario.yaml", "steps.parquet", "telemetry.parquet", "evals.parquet")

Record = TypeVar("Record", bound=Observed)


def folders(out: Path, file: str) -> list[Path]:
    """Every whole folder under a results folder that holds a file, oldest first."""
    if not out.is_dir():
        return []
    whole = [f for f in out.iterdir() if not f.name.startswith(".") and (f / file).is_file()]
    return sorted(whole, key=lambda folder: ((folder / file).stat().st_mtime_ns, folder.name))


def without_document(out: Path) -> list[str]:
    """Folders under a results folder that look like a result by their name or their files and hold no document of one.

    Returns:
        For each, in the order of their names, where it is and what it lacks.
    """
    if not out.is_dir():
        return []
    seen = [f for f in sorted(out.iterdir()) if not f.name.startswith(".") and f.is_dir()]
    bare = [f for f in seen if not any((f / file).is_file() for file in (RESULT, STUDY))]
    return [str(_lacking(f, (RESULT, STUDY))) for f in bare if _looks_whole(f)]


def _looks_whole(folder: Path) -> bool:
    return bool(_ID.fullmatch(folder.name)) or any((folder / part).is_file() for part in _PARTS)


def _lacking(folder: Path, files: Sequence[str]) -> RecordError:
    """What to say of a folder that holds none of some documents."""
    told = f"it holds no {' and no '.join(files)}"
    if any((folder / file).is_file() for file in (RESULT, STUDY)):
        found, wanted = ("study", "run") if is_study(folder) else ("run", "study")
        return RecordError(f"a {found}, and a {wanted} is asked for: {told}", file=str(folder))
    if _looks_whole(folder):
        told = f"{told}; bring that file back, or measure again and delete what is left"
    return RecordError(f"not a result folder: {told}", file=str(folder))


def find(out: Path, name: str, files: Sequence[str] = (RESULT, STUDY)) -> Path:
    """The folder or file that a user's word means: a path, an id under `out`, or an id's unique beginning.

    Args:
        out: the results folder.
        name: what the user wrote.
        files: the document that a folder must hold, `RESULT`, `STUDY` or either.

    Raises:
        RecordError: nothing, or more than one thing, has that name, or a folder of that name holds no such document.
    """
    try:
        for candidate in (out / name, Path(name)):
            holds = any((candidate / file).is_file() for file in files)
            if name.strip() and not candidate.name.startswith(".") and (candidate.is_file() or holds):
                return candidate
    except OSError as error:  # too long for a name, or in a folder that may not be read
        raise RecordError(f"cannot be looked up: {error.strerror}", file=name) from None
    known = [folder.name for file in files for folder in folders(out, file)]
    matches = [k for k in known if name and k.startswith(name)]
    if len(matches) == 1:
        return out / matches[0]
    if matches:
        raise RecordError(f"{name!r} is the beginning of {len(matches)} ids; write more of it", file=str(out))
    for candidate in (out / name, Path(name)):
        if name.strip() and candidate.is_dir():
            raise _lacking(candidate, files)
    hint = nearest(name, known) if known else f"there are no results under {out}"
    raise RecordError(f"nothing stored is called {name!r}: {hint}")


def is_study(place: Path) -> bool:
    """Whether a folder or file that `find` gave is a study's."""
    return (place / STUDY).is_file() if place.is_dir() else place.name == STUDY


def document(place: Path, file: str, mark: str, schema: int) -> tuple[Path, dict[str, Any]]:
    """The JSON document of a folder, or of the file itself.

    Args:
        place: a folder or a document's file.
        file: the document's name in a folder.
        mark: a key that every such document has.
        schema: the one this version knows.

    Raises:
        RecordError: missing, damaged, something else, or of another schema.
    """
    path = place / file if place.is_dir() else place
    try:
        data = parsed(path)
    except FileNotFoundError:
        told = f"not a result folder: it holds no {file}" if place.is_dir() else "there is no such file or folder"
        raise RecordError(told, file=str(place)) from None
    if not isinstance(data, dict) or mark not in data:
        raise RecordError(f"not a BenchBench {'study' if file == STUDY else 'result'}", file=str(path))
    if data.get("schema") != schema:
        told = f"schema {data.get('schema')!r} is not known here (this version reads {schema})"
        raise RecordError(f"{told}; a newer BenchBench wrote it", file=str(path))
    return path, data


def parsed(path: Path) -> Any:
    """What a JSON file holds.

    Raises:
        FileNotFoundError: it is not there.
        RecordError: it cannot be read, or is no JSON.
    """
    try:
        return from_json(path.read_bytes())
    except FileNotFoundError:
        raise
    except OSError as error:
        raise RecordError(f"cannot be read: {error.strerror or error}", file=str(path)) from None
    except (ValueError, RecursionError) as error:
        raise RecordError(f"the file is damaged: it is no JSON ({error})", file=str(path)) from None


def validated(kind: type[Record], data: object, path: Path, key: str = "") -> Record:
    """The value that a document holds.

    Raises:
        RecordError: it does not hold one; names the key.
    """
    try:
        return kind.model_validate_json(to_json(data))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(part for part in (key, *map(str, first["loc"])) if part)
        raise RecordError(f"damaged, or of another version: {first['msg']}", file=str(path), key=place) from None
