"""A scenario -> the YAML text that loads as the same scenario."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml
from pydantic import BaseModel

from benchbench.scenario.scenario import Scenario
from benchbench.scenario.text import parse_scalar

_SHORT = 4


def to_yaml(scenario: Scenario) -> str:
    """A scenario as a file, every setting written out; only what is absent by default is left out.

    Numbers and texts are written so that YAML 1.2 and PyYAML (YAML 1.1) read the same.

    Args:
        scenario: any scenario.

    Returns:
        Text that `loading.load` reads as an equal scenario.
    """
    data = _present(scenario, scenario.document())
    return yaml.dump(data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def _present(section: BaseModel, document: dict[str, Any]) -> dict[str, Any]:
    """A section's document without the settings that are null, and null by default."""
    kept: dict[str, Any] = {}
    for name, field in type(section).model_fields.items():
        value, written = getattr(section, name), document[field.alias or name]
        if isinstance(value, BaseModel):
            kept[field.alias or name] = _present(value, written)
        elif value is not None or field.default is not None:
            kept[field.alias or name] = written
    return kept


class _Dumper(yaml.SafeDumper):
    """A list of plain values, or a short mapping of them, on one line; the rest in block style; no anchors."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True

    def represent_text(self, data: str) -> yaml.ScalarNode:
        # What YAML 1.1 takes for a number or a truth value is quoted anyway; line breaks (also of Unicode) would fold.
        quoted = not data.isprintable() or not isinstance(parse_scalar(data), str)
        return self.represent_scalar("tag:yaml.org,2002:str", data, style='"' if quoted else None)

    def represent_plain_list(self, data: list[Any]) -> yaml.SequenceNode:
        return self.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=_plain(data))

    def represent_section(self, data: dict[str, Any]) -> yaml.MappingNode:
        flow = len(data) <= _SHORT and _plain(data.values())
        return self.represent_mapping("tag:yaml.org,2002:map", data, flow_style=flow)


def _plain(values: Iterable[object]) -> bool:
    return not any(isinstance(value, (dict, list)) for value in values)


_Dumper.add_representer(str, _Dumper.represent_text)
_Dumper.add_representer(list, _Dumper.represent_plain_list)
_Dumper.add_representer(dict, _Dumper.represent_section)
