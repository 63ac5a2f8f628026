"""One suite over every format that a recommendation can be written in."""

import json
from typing import cast

import pytest
import yaml

from benchbench import registry
from benchbench.tuning.export import RECIPE, Format, commented, every_key, remarks
from tests.tuning.exports.recommendations import chosen, sharded

FORMATS = ("accelerate", "deepspeed", "torchrun", "training-arguments", "yaml")
CASES = {
    "plain": chosen(),
    "gpu": chosen("cuda", precision="bf16", training__compile="default", data__workers=2),
    "foreign": chosen(training__optimizer__name="lamb", training__schedule__name="step", training__gradient_clip=None),
    "levers": chosen(training__adapter={"name": "lora", "rank": 4}, training__dropout=0.2, data__clean=("html",)),
    "sharded": sharded("zero3", training__activation_checkpointing="full"),
}


def test_every_format_is_under_contract() -> None:
    assert registry.names(registry.EXPORTS) == FORMATS


@pytest.fixture(params=FORMATS)
def writer(request: pytest.FixtureRequest) -> Format:
    return cast(Format, registry.load(registry.EXPORTS, request.param))


@pytest.mark.parametrize("case", CASES)
def test_every_setting_of_the_recipe_is_in_the_file_or_told(writer: Format, case: str) -> None:
    written = writer.write(CASES[case])
    told = "\n".join(remarks(CASES[case], written))
    for key in RECIPE:
        assert (key in written.says) is not (f"  {key} = " in told), key


@pytest.mark.parametrize("case", CASES)
def test_it_speaks_of_settings_that_there_are(writer: Format, case: str) -> None:
    written = writer.write(CASES[case])
    assert written.says <= every_key()
    assert set(written.hints) <= every_key()


@pytest.mark.parametrize("case", CASES)
def test_remarks_are_comments_or_stand_apart_from_json(writer: Format, case: str) -> None:
    written = writer.write(CASES[case])
    if writer.comment is None:
        assert isinstance(json.loads(written.text), dict)
        return
    whole = commented(written.text, remarks(CASES[case], written), writer.comment)
    assert f"{writer.comment} bert: recommended by study s\n" in whole
    assert yaml.safe_load(whole) == yaml.safe_load(written.text)


def test_the_same_recommendation_gives_the_same_file(writer: Format) -> None:
    assert writer.write(chosen()) == writer.write(chosen())


def test_what_no_format_knows_is_told_with_its_value(writer: Format) -> None:
    if writer is registry.load(registry.EXPORTS, "yaml"):
        assert list(remarks(CASES["levers"], writer.write(CASES["levers"]))) == ["bert: recommended by study s"]
        return
    told = "\n".join(remarks(CASES["levers"], writer.write(CASES["levers"])))
    assert "  training.adapter = lora (rank 4, alpha 16)" in told
    assert "  training.dropout = 0.2" in told
    assert "  data.clean = [html]" in told
