"""Models on the hub: their files, in huggingface_hub's own cache. Never a pickle, never code."""

from __future__ import annotations

from fnmatch import fnmatch
from functools import cache
from pathlib import Path

from huggingface_hub import HfApi, snapshot_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HFValidationError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from benchbench.errors import ScenarioError, UnsupportedError

_KEY = "model.pretrained"
_DESCRIPTION = (
    "config.json", "tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.*", "merges.txt",
    "spiece.model", "sentencepiece*.model", "model.safetensors.index.json",
)  # fmt: skip
_WEIGHTS = ("model.safetensors", "model-*.safetensors")


@cache
def description(name: str, revision: str | None) -> Path:
    """The folder of a model's configuration and tokenizer. Asked once a process, so that a branch cannot move in it.

    Args:
        name: `owner/name` on the hub.
        revision: a branch, a tag or a commit; None is the main branch.

    Returns:
        A folder that is called as the commit is.

    Raises:
        ScenarioError: no such model or revision.
        UnsupportedError: the hub cannot be reached, and the files are not in the cache.
    """
    return _fetched(name, revision, _DESCRIPTION)


def weights(name: str, commit: str) -> Path:
    """The folder of `description` with the weights in it, fetched where they are not.

    Raises:
        UnsupportedError: the hub cannot be reached, and the weights are not in the cache.
    """
    return _fetched(name, commit, (*_DESCRIPTION, *_WEIGHTS))


def files(name: str, folder: Path) -> tuple[str, ...]:
    """The names of a model's files: of those in the cache where the weights are there, else of those at the hub.

    Raises:
        UnsupportedError: the hub cannot be reached.
    """
    cached = tuple(file.name for file in folder.iterdir())
    if any(fnmatch(file, pattern) for file in cached for pattern in _WEIGHTS):
        return cached
    try:
        siblings = HfApi().model_info(name, revision=folder.name).siblings
    except Exception:  # noqa: BLE001 - the library that speaks HTTP, whose errors these are, differs between versions
        raise _unreachable(name) from None
    return tuple(file.rfilename for file in siblings or ())


def _fetched(name: str, revision: str | None, patterns: tuple[str, ...]) -> Path:
    try:
        return Path(str(snapshot_download(name, revision=revision, allow_patterns=list(patterns))))
    except HFValidationError:
        message = f"there is no folder {name!r} here, and it cannot be a name on the hub; give a folder or owner/name"
        raise ScenarioError(message, key=_KEY) from None
    except GatedRepoError:
        message = f"{name} is on the hub, but only for those who have agreed to its terms; log in with `hf auth login`"
        raise UnsupportedError(message, key=_KEY) from None
    except RepositoryNotFoundError:
        message = f"there is no folder {name!r} here, and no such model on the hub (or it is private: `hf auth login`)"
        raise ScenarioError(message, key=_KEY) from None
    except RevisionNotFoundError:
        raise ScenarioError(f"{name} has no revision {revision!r} on the hub", key="model.revision") from None
    except (EntryNotFoundError, OSError):
        raise _unreachable(name) from None


def _unreachable(name: str) -> UnsupportedError:
    return UnsupportedError(
        f"there is no folder {name!r} here, and the hub, where it may be a model, cannot be reached; give a local "
        "folder, or fetch the model where there is a network, with `hf download`",
        key=_KEY,
    )
