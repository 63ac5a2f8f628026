"""Weights by a name on the hub: a hub of the tests' own, its cache, and no hub at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import huggingface_hub.constants
import pytest
import torch

from benchbench.errors import ScenarioError, UnsupportedError
from benchbench.scenario.types import Model
from benchbench.workload import hub, pretrained
from tests.standins.hub import COMMIT, serving
from tests.workload.folders import save
from tests.workload.test_pretrained import loaded, pickled

CLASSES = "AutoModelForSequenceClassification"


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    folders = {"us/small": save(tmp_path / "small"), "us/pickled": save(tmp_path / "pickled")}
    pickled(folders["us/pickled"])
    (folders["us/small"] / "flax_model.msgpack").write_bytes(b"not wanted")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DISABLE_XET", True)
    with serving(folders) as (address, fetched):
        plug(monkeypatch, address)
        hub.description.cache_clear()
        yield fetched
    hub.description.cache_clear()


def plug(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    pattern = f"{address}/{{repo_id}}/resolve/{{revision}}/{{filename}}"
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", pattern)


def unplugged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens at that port; the process forgets what it was told."""
    plug(monkeypatch, "http://127.0.0.1:9")
    hub.description.cache_clear()


def found(**fields: Any) -> pretrained.Trained:
    trained = pretrained.find(Model(family="bert", **fields))
    assert trained is not None
    return trained


def load(trained: pretrained.Trained) -> torch.nn.Module:
    config = pretrained.configuration(trained, Model(family="bert", pretrained=trained.name), None, 3)
    assert pretrained.vocabulary(trained, config).size <= 80
    torch.manual_seed(0)
    return pretrained.load(trained, config, CLASSES, "auto")


def test_a_check_fetches_what_is_small_and_a_run_the_weights(asked: list[str], tmp_path: Path) -> None:
    trained = found(pretrained="us/small")
    with torch.device("meta"):
        assert {p.device.type for p in load(trained).parameters()} == {"meta"}
    assert "config.json" in asked
    assert "tokenizer.json" in asked
    assert "model.safetensors" not in asked
    model = load(trained)
    assert "model.safetensors" in asked
    assert "flax_model.msgpack" not in asked
    for (name, ours), theirs in zip(model.named_parameters(), loaded(tmp_path / "small").parameters(), strict=True):
        assert torch.equal(ours, theirs), name


def test_the_revision_is_the_commit_whatever_the_branch_was_called(asked: list[str]) -> None:
    assert found(pretrained="us/small").revision == COMMIT
    assert found(pretrained="us/small", revision="main").revision == COMMIT
    assert found(pretrained="us/small", revision=COMMIT).revision == COMMIT


def test_what_was_fetched_is_there_without_a_network(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    load(found(pretrained="us/small"))
    unplugged(monkeypatch)
    trained = found(pretrained="us/small")
    assert trained.revision == COMMIT
    load(trained)


def test_without_a_network_weights_that_were_never_fetched_are_missing(
    asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found(pretrained="us/small")
    unplugged(monkeypatch)
    with pytest.raises(UnsupportedError, match=r"the hub.*cannot be reached"):
        found(pretrained="us/small")


@pytest.mark.parametrize(
    ("fields", "error", "key", "says"),
    [
        ({"pretrained": "us/nothing"}, ScenarioError, "pretrained", "no such model on the hub"),
        ({"pretrained": "us/small", "revision": "v9"}, ScenarioError, "revision", "no revision 'v9'"),
        ({"pretrained": "them/gated"}, UnsupportedError, "pretrained", "agreed to its terms"),
        ({"pretrained": "us/pickled"}, ScenarioError, "pretrained", "format that can run code"),
        ({"pretrained": "not a/name/at all"}, ScenarioError, "pretrained", "cannot be a name on the hub"),
    ],
)
def test_what_the_hub_does_not_give_says_why(
    fields: dict[str, Any], error: type[ScenarioError], key: str, says: str, asked: list[str]
) -> None:
    with pytest.raises(error, match=says) as caught:
        found(**fields)
    assert caught.value.key == f"model.{key}"
    assert "pytorch_model.bin" not in asked


def test_without_a_network_the_message_says_what_to_do(asked: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    unplugged(monkeypatch)
    with pytest.raises(UnsupportedError, match=r"no folder 'us/small' here, and the hub.*cannot be reached") as caught:
        found(pretrained="us/small")
    assert caught.value.key == "model.pretrained"
    assert caught.value.exit_code == 2
