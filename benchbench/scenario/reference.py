"""The reference page of a scenario file, made from the types: `docs/scenario.md`."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pydantic import BaseModel

from benchbench.scenario.engines import OBEYED, PARTLY, PLUGINS
from benchbench.scenario.expected import Node, expectation, node_at, schema_of
from benchbench.scenario.knobs import section_of
from benchbench.scenario.scenario import Scenario
from benchbench.scenario.search_types import LONGEST_LIST, Range
from benchbench.scenario.text import DEPTH_LIMIT, VALUE_LIMIT

_INTRODUCTION = f"""\
# A scenario file

<!-- Made from the types in benchbench/scenario by benchbench/scenario/reference.py. Do not edit. -->

A scenario is one question about training speed, as a YAML file. Only `name`, `model` and `task` must be there (or a
`trainer` in place of the last two); every other setting has a default. Shipped scenarios name `scenario.schema.json`
in their first line, so that an editor completes keys; `benchbench schema` prints it.

```yaml
# yaml-language-server: $schema=scenario.schema.json
name: bert-base
model: {{family: bert, size: base}}
task: sequence-classification
training: {{global_batch: 32, optimizer: {{learning_rate: 5e-5}}}}
measure: {{procedure: time-to-target}}
target: {{metric: accuracy, at_least: 0.9}}
search:
  space:
    precision: [fp32, bf16]
    training.optimizer.learning_rate: {{low: 1e-5, high: 1e-3, log: true}}
```

**Rules.** Numbers are YAML 1.2's: `5e-05` and `1e-3` are numbers; `yes`, `1:30` and `1_000` are texts. Durations are
written `100ms`, `30s`, `10m`, `2h` or `1h30m` (a bare number is seconds), sizes `16GiB` or `512MB` (a bare number is
bytes). A file is one UTF-8 document of at most 256 KiB, {VALUE_LIMIT:,} values and {DEPTH_LIMIT} levels. Tags, merge
keys and keys that stand twice are refused, and so is every unknown key, value of the wrong kind and impossible
combination: one message names the file, the line, the dotted key, what was expected and the nearest known name; the
exit code is 2, and nothing is run or created.

**Overrides.** `--set training.global_batch=64` replaces one setting, its value read and checked as in a file. A key
given more than once makes one variant for every combination. A whole section may be given too
(`--set 'training.optimizer={{name: sgd}}'`): its other settings go back to their defaults.

**Levers.** A *knob* says where it acts (hardware, software, algorithm) and which factor of
`time to target = seconds per step x steps to target` it moves. Knobs are what `search.space` and `search.baseline` may
name.

**Identity.** `scenario_key` is a hash of every setting but `name`, `question`, `search` and `measure.repeats`. Equal
values spelled differently (`16GiB` and `16384MiB`), the order of keys, and settings written out at their default leave
it the same.

**Not here yet.** The last column says which legal values are refused because no engine carries them out yet.
"""
_HEAD = "| key | takes | default | lever | moves | what it is | carried out |\n|---|---|---|---|---|---|---|\n"
_SEARCH = f"""
A list holds at most {LONGEST_LIST:,} different values, each one that its setting takes. A range takes numbers; one over
a setting that takes whole numbers has whole ends and a whole step:

"""


def page() -> str:
    """The page, as Markdown."""
    schema = schema_of(Scenario)
    top = {name: section_of(field) for name, field in Scenario.model_fields.items()}
    parts = [_INTRODUCTION, "\n## The top\n\n", _HEAD, *_rows(Scenario, "", schema, nested=False)]
    for name, section in top.items():
        if section is not None:
            parts += [f"\n## `{name}`\n\n{section.__doc__}\n\n", _HEAD, *_rows(section, f"{name}.", schema)]
    parts += [_SEARCH, "| key | takes | default | what it is |\n|---|---|---|---|\n", *_range_rows()]
    return "".join(parts)


def _rows(section: type[BaseModel], prefix: str, schema: Node, *, nested: bool = True) -> Iterator[str]:
    """One row a setting; those of a section within the section follow it."""
    for name, field in section.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        inner = section_of(field)
        if inner is None or field.description:
            node = node_at(schema, tuple(key.split(".")))
            lever = node.get("lever", ""), node.get("moves", "")
            yield _row(f"`{key}`", _takes(schema, node), _default(node), *lever, field.description or "", _engine(key))
        if inner is not None and nested:
            yield from _rows(inner, f"{key}.", schema)


def _range_rows() -> Iterator[str]:
    schema = schema_of(Range)
    for name, field in Range.model_fields.items():
        node = node_at(schema, (name,))
        yield _row(f"`{name}`", _takes(schema, node), _default(node), field.description or "")


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _takes(schema: Node, node: Node) -> str:
    return expectation(schema, {key: value for key, value in node.items() if key != "description"})


def _default(node: Node) -> str:
    if "default" not in node:
        return "required"
    default = node["default"]
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"


def _engine(key: str) -> str:
    if key in OBEYED or key in PLUGINS:
        return "yes" if key in OBEYED else "the plug-ins here"
    return ", ".join(f"`{value}`" for value in PARTLY[key]) if key in PARTLY else "only the default"
