"""`benchbench schema`: the JSON Schema of a scenario file."""

from __future__ import annotations


def command() -> int:
    """Print the JSON Schema of a scenario file, which editors complete keys from."""
    from benchbench.cli.console import emit
    from benchbench.scenario.schema import json_schema

    emit(json_schema())
    return 0
