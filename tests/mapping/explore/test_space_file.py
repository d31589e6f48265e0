"""Files of spaces: the designs that they stand for, and descriptions that are refused."""

from pathlib import Path

import numpy as np
import pytest

from tests.mapping.tiny_models import tiny
from tilewright.base.errors import ConfigError
from tilewright.mapping.explore.space import ModelRun
from tilewright.mapping.explore.space_file import load_space

RUN = ModelRun("tiny", tiny("llama"), context=4)
FIELDS = """base = "tiny"
[fields]
"""


def values(text: str) -> list:
    """Return the values of the field ``memory.latency_ns`` in a file."""
    space = load_space({"base": "tiny", "fields": {"memory.latency_ns": text}}, [RUN])
    return space.choices["memory.latency_ns"].tolist()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([3, 1, 2], [3, 1, 2]),
        ([1.5, 2], [1.5, 2.0]),
        ({"from": 10, "to": 40, "step": 10}, [10, 20, 30, 40]),
        ({"from": 10, "to": 39, "step": 10}, [10, 20, 30]),
        ({"from": 0.1, "to": 0.5, "step": 0.1}, [0.1, 0.2, 0.3, 0.4, 0.5]),
        ({"from": 3, "to": 70, "powers_of": 2}, [4, 8, 16, 32, 64]),
        ({"from": 1, "to": 100, "powers_of": 10}, [1, 10, 100]),
        ({"from": 5, "to": 5, "step": 1}, [5]),
    ],
)
def test_values_are_listed_or_a_range(given, expected):
    assert values(given) == expected


def test_each_combination_is_a_design_with_its_dependent_fields(tmp_path):
    file = tmp_path / "space.toml"
    file.write_text(
        FIELDS + '"cim.tile.weight_bus_bits" = "fabric.bus_bits"\n'
        'cim.tiles = [1, 2]\n"fabric.bus_bits" = "cim.tile.macro.weight_bits * 8 * cim.tiles"\n'
        '"memory.kind" = ["LPDDR5", "DDR4"]\n"vector.lanes" = [4]\n'
    )
    space = load_space(file, [RUN])
    assert space.size == 4
    designs = space.designs(np.arange(4))
    assert [designs.changes(at) for at in range(4)] == [
        {
            "cim.tiles": tiles, "memory.kind": kind, "vector.lanes": 4, "fabric.bus_bits": 32 * tiles,
            "cim.tile.weight_bus_bits": 32 * tiles,
        }
        for tiles in (1, 2) for kind in ("LPDDR5", "DDR4")
    ]  # fmt: skip
    assert space.numbers(np.array([[1, 0, 0], [0, 1, 0]])).tolist() == [2, 1]
    assert designs.system(3).cim.tile.weight_bus_bits == 64


def test_models_objectives_and_constraints_are_read(tmp_path):
    (tmp_path / "base.toml").write_text('base = "tiny"\nclock_mhz = 400\n')
    (tmp_path / "space.toml").write_text(
        'base = "base.toml"\n[fields]\n"cim.tiles" = [1]\n'
        '[[models]]\nmodel = "llama-3.2-1b"\ncontext = 7\nweight = 3\n'
        '[[models]]\nmodel = "qwen3-0.6b"\nphase = "prefill"\n'
        "[objectives]\nedp_js = 2\n[constraints]\nlatency_s = { at_most = 0.5 }\n"
        "[search]\nepsilon = 0.01\n"
    )
    space = load_space(tmp_path / "space.toml")
    assert space.base.clock_mhz == 400
    assert [(run.name, run.phase, run.context, run.weight) for run in space.runs] == [
        ("llama-3.2-1b", "decode", 7, 3.0),
        ("qwen3-0.6b", "prefill", 1024, 1.0),
    ]
    assert dict(space.objectives) == {"edp_js": 2.0}
    assert space.constraints["latency_s"].at_most == 0.5
    assert space.search.epsilon == 0.01
    assert space.search.method is None


def test_the_identity_of_a_space_follows_everything_that_matters():
    given = {"base": "tiny", "fields": {"cim.tiles": [1, 2]}}
    changes = (
        {},
        {"base": "small"},
        {"fields": {"cim.tiles": [1, 2, 4]}},
        {"objectives": {"latency_s": 1}},
        {"objectives": {"latency_s": 2}},
        {"constraints": {"latency_s": {"at_most": 1}}},
        {"search": {"epsilon": 0.1}},
    )
    names = [load_space({**given, **change}, [RUN]).identity for change in changes]
    names.append(load_space(given, [ModelRun("tiny", tiny("llama"), context=5)]).identity)
    assert len(set(names)) == len(names)
    assert load_space(given, [ModelRun("another name", tiny("llama"), context=4)]).identity == names[0]


def test_models_are_given_in_one_way():
    given = {"base": "tiny", "fields": {"cim.tiles": [1]}}
    with pytest.raises(ConfigError, match=r"space: no model: name one after the command, or in \[\[models\]\]"):
        load_space(given)
    with pytest.raises(ConfigError, match=r"models = llama-3.2-1b, ... is not allowed: tiny is given beside the space"):
        load_space({**given, "models": [{"model": "llama-3.2-1b"}]}, [RUN])


def test_a_file_names_models_beside_it(tmp_path: Path):
    (tmp_path / "space.toml").write_text(FIELDS + '"cim.tiles" = [1]\n[[models]]\nmodel = "sub/config.json"\n')
    with pytest.raises(ConfigError, match=rf"space.toml:4: models.0: {tmp_path}/sub/config.json: cannot be read"):
        load_space(tmp_path / "space.toml")
