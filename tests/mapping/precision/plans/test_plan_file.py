"""Plan files: what is written is read again, and what is no plan of a model is refused."""

import json

import numpy as np
import pytest

from tilewright.base.errors import ConfigError
from tilewright.mapping.precision.plans.plan_file import VERSION, Plan, read_plan, read_rounded
from tilewright.mapping.precision.plans.storage import parse_storage

NAMES = {"a": "int4/32", "b": "mxfp4", "c": "bf16"}
PLAN = Plan(
    "some model",
    64 * "a",
    {name: parse_storage(each)[0] for name, each in NAMES.items()},
    "int8",
    {"bytes": 12.5},
    "int4",
)


def test_a_plan_is_read_as_it_was_written(tmp_path):
    weights = {name: np.full((2, 3), number, np.float32) for number, name in enumerate(NAMES)}
    written = PLAN.write(tmp_path / "p.json", weights)
    assert [each.name for each in written] == ["p.json", "p.npz"]
    assert read_plan(written[0]) == PLAN
    assert {name: each.tolist() for name, each in read_rounded(written[0], PLAN).items()} == {
        name: each.tolist() for name, each in weights.items()
    }


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"version": VERSION + 1}, f"version = {VERSION + 1} is not allowed"),
        ({"version": None}, "is not allowed: this version reads plans of version 1"),
        ({"identity": "x"}, "identity = 'x' is not allowed"),
        ({"model": 3}, "model = 3 is not allowed"),
        ({"activations": 8}, "activations = 8 is not allowed"),
        ({"cache": ["int4"]}, "cache = ['int4'] is not allowed"),
        ({"weights": {}}, "weights = {} is not allowed"),
        ({"weights": ["int4"]}, "it must be an object"),
        ({"weights": {"a": "int4"}}, "weights.a = 'int4' is not allowed"),
        ({"weights": {"a": 4}}, "weights.a = 4 is not allowed"),
        ({"weights": {"a": "int4/0"}}, "such as int4/32"),
    ],
)
def test_what_is_no_plan_is_refused(change, says, tmp_path):
    path = tmp_path / "p.json"
    path.write_text(json.dumps(PLAN.to_dict() | change))
    with pytest.raises(ConfigError) as refused:
        read_plan(path)
    assert str(refused.value).startswith(str(path))
    assert says in str(refused.value)


def test_a_plan_for_another_model_is_refused(tmp_path):
    path = tmp_path / "p.json"
    with pytest.raises(ConfigError, match="the plan is for another model: it was made for some model"):
        PLAN.check_model(path, 64 * "b", set(NAMES))
    with pytest.raises(ConfigError, match=r"weights\.c is not allowed: no matrix of the model"):
        PLAN.check_model(path, PLAN.identity, {"a", "b"})
    with pytest.raises(ConfigError, match=r"weights\.d is missing"):
        PLAN.check_model(path, PLAN.identity, {*NAMES, "d"})


def test_weights_that_are_not_there_or_not_numbers_are_refused(tmp_path):
    path = tmp_path / "p.json"
    with pytest.raises(ConfigError, match=r"p\.npz: cannot be read"):
        read_rounded(path, PLAN)
    (tmp_path / "p.npz").write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="cannot be read as the weights of"):
        read_rounded(path, PLAN)
    PLAN.write(path, {name: np.full((1, 1), np.nan) for name in NAMES})
    with pytest.raises(ConfigError, match="not finite"):
        read_rounded(path, PLAN)
