"""Whatever comes in, a scenario comes out or one message; nothing else is ever raised."""

from __future__ import annotations

import contextlib
import time
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchbench.errors import InputError, ScenarioError, UnsupportedError
from benchbench.scenario import engines
from benchbench.scenario.loading import KEYS, load, parse_override, to_yaml, validate, vary, with_overrides
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.text import Document, parse
from tests.scenario.conftest import TEXT
from tests.scenario.drawing import BASE, PLAIN, overrides, scenarios

FILE = parse(TEXT).data
CHARACTERS = "abe:-[]{}&*!|>'\"%@#,?\n\t 01.~<=/\\\0"


def attempt(action: Any) -> Scenario | None:
    """Runs what may be refused, quickly and in words."""
    started = time.process_time()
    made, said = None, "accepted"
    try:
        made = action()
    except (ScenarioError, UnsupportedError, InputError) as error:
        said = str(error)
    assert said.strip()
    assert time.process_time() - started < 1
    return made if isinstance(made, Scenario) else None


def use(scenario: Scenario | None) -> None:
    """What is accepted can be used: hashed, keyed, written, checked for engines."""
    if scenario is None:
        return
    assert hash(scenario) == hash(scenario)
    assert scenario.key.startswith("sha256:")
    assert scenario.slug
    assert validate(parse(to_yaml(scenario))) == scenario
    with contextlib.suppress(UnsupportedError):
        engines.check(scenario)
    with contextlib.suppress(UnsupportedError):
        engines.check_search(scenario)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=300) | st.text(CHARACTERS, max_size=80).map(str.encode))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.yaml"
    path.write_bytes(content)
    with contextlib.suppress(ScenarioError):
        load(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(at=st.integers(0, len(TEXT)), length=st.integers(0, 20), new=st.text(CHARACTERS, max_size=5))
def test_any_slip_of_the_keyboard(tmp_path: Path, at: int, length: int, new: str) -> None:
    path = tmp_path / "x.yaml"
    path.write_text(TEXT[:at] + new + TEXT[at + length :])
    use(attempt(lambda: load(path)[0]))


@settings(deadline=None)
@given(PLAIN)
def test_any_plain_data(data: Any) -> None:
    attempt(lambda: validate(Document(data)))


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(list(FILE)), PLAIN, max_size=3))
def test_any_data_in_any_section(sections: dict[str, Any]) -> None:
    use(attempt(lambda: validate(Document(FILE | sections))))


@settings(deadline=None)
@given(PLAIN)
def test_any_data_as_yaml(data: Any) -> None:
    written = yaml.safe_dump(_lists(data))
    attempt(lambda: validate(parse(written)))


def _lists(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _lists(value) for key, value in data.items()}
    return [_lists(value) for value in data] if isinstance(data, tuple) else data


def paths(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in plain data."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, tuple) else ()
    return [path, *(deeper for key, value in inner for deeper in paths(value, (*path, key)))]


def mutated(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Plain data with one place replaced."""
    if not path:
        return value
    if isinstance(data, dict):
        return data | {path[0]: mutated(data[path[0]], path[1:], value)}
    return (*data[: path[0]], mutated(data[path[0]], path[1:], value), *data[path[0] + 1 :])


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(paths(FILE)), PLAIN)
def test_any_single_mutation(path: tuple[Any, ...], value: Any) -> None:
    use(attempt(lambda: validate(Document(mutated(FILE, path, value)))))


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(KEYS) | st.sampled_from(KEYS).map("search.space.{}".format) | st.text(max_size=20), PLAIN)
def test_any_override(key: str, value: Any) -> None:
    use(attempt(lambda: with_overrides(Document(FILE), {key: value}, "x.yaml")))


@settings(deadline=None)
@given(st.text(CHARACTERS, max_size=40) | st.tuples(st.sampled_from(KEYS), st.text(CHARACTERS)).map("=".join))
def test_any_text_of_an_override(text: str) -> None:
    with contextlib.suppress(ScenarioError):
        key, value = parse_override(text)
        use(attempt(lambda: with_overrides(Document(FILE), {key: value})))


@settings(deadline=None)
@given(overrides())
def test_any_settings_together(changes: dict[str, Any]) -> None:
    use(attempt(lambda: vary(BASE, changes)))


@settings(deadline=None)
@given(scenarios())
def test_any_legal_scenario(scenario: Scenario) -> None:
    use(scenario)
