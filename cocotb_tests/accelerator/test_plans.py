"""Layers with the matrices of a plan, of two formats or in groups, in RTL: bytes and cycles of the exact model."""

from pathlib import Path

import numpy as np
import pytest

import tilewright as tw
from tests.mapping.models.smollm2 import NEEDS_SMOLLM2, SMOLLM2
from tests.mapping.models.stories import NEEDS_STORIES, STORIES
from tilewright.base.errors import ConfigError
from tilewright.cocotb_tests.accelerator.model_suites import layer_suite
from tilewright.cocotb_tests.harness.rows import check_rows
from tilewright.mapping.models.readers import read_model
from tilewright.mapping.precision.plans.decoder_network import DecoderNetwork
from tilewright.mapping.precision.plans.encoder_network import EncoderNetwork
from tilewright.mapping.precision.plans.network import Network
from tilewright.mapping.precision.plans.plan_file import Plan, identity_of
from tilewright.mapping.precision.plans.rounding import Moments, round_weights
from tilewright.mapping.precision.plans.storage import parse_storage

pytestmark = [pytest.mark.cosim, pytest.mark.slow]

SYSTEM = tw.load_system("small").with_({"cim.tiles": 2, "cim.tile.grid_columns": 2, "cim.tile.narrow_weights": "int4"})
"""`small` with tiles of 32 columns, of which a row of INT4 fills a word, and as many multiply-accumulates."""


IN_GROUPS = tw.load_system("tiny").with_({"cim.tile.group_scale": "uint8", "cim.tile.group_rows": 32})
"""`tiny` with a factor of the scale of an output for each 32 of its inputs."""


def check(model: str, plan: Path, system: tw.System = SYSTEM, *, layer: int, tokens: int) -> None:
    rows = layer_suite(model, system, layer=layer, tokens=tokens, plan=plan).run()
    check_rows(rows)
    assert all(row["rtl_cycles"] == row["model_cycles"] > 0 for row in rows)


def test_a_layer_of_our_own_model_in_two_formats(tmp_path):
    found = tw.precision("slate-132k", budget=6, system=SYSTEM, context=64, tokens=512, baselines=False)
    own = {name: each.name for name, each in found.plans[0].assignment.items() if ".layers.0." in name}
    assert set(own.values()) == {"int4/channel", "int8/channel"}
    found.write_plan(tmp_path / "plan.json")
    check("slate-132k", tmp_path / "plan.json", layer=0, tokens=4)


def test_a_layer_of_our_own_model_in_groups(tmp_path):
    found = tw.precision("slate-132k", budget=5, system=IN_GROUPS, tokens=512, baselines=False)
    assert {each.name for each in found.plans[0].assignment.values()} == {"int4/32"}
    found.write_plan(tmp_path / "plan.json")
    check("slate-132k", tmp_path / "plan.json", IN_GROUPS, layer=1, tokens=4)


@NEEDS_STORIES
def test_a_layer_of_stories260k_in_two_formats(tmp_path):
    found = tw.precision(str(STORIES), budget=6, system=SYSTEM, context=64, tokens=256, baselines=False)
    own = {each.name for name, each in found.plans[0].assignment.items() if ".layers.2." in name}
    assert own == {"int4/channel", "int8/channel"}
    found.write_plan(tmp_path / "plan.json")
    check(str(STORIES), tmp_path / "plan.json", layer=2, tokens=4)


@NEEDS_SMOLLM2
def test_a_layer_of_smollm2_in_two_formats(tmp_path):
    found = read_model(SMOLLM2)
    write_alternating_plan(tmp_path / "plan.json", DecoderNetwork(str(SMOLLM2), found.model, found.tensors))
    check(str(SMOLLM2), tmp_path / "plan.json", layer=3, tokens=4)


def test_a_layer_of_minilm_in_two_formats(tmp_path):
    try:
        network = EncoderNetwork.minilm()
    except ConfigError as missing:
        pytest.skip(str(missing))
    write_alternating_plan(tmp_path / "plan.json", network)
    check("minilm", tmp_path / "plan.json", layer=5, tokens=8)


def write_alternating_plan(path: Path, network: Network) -> None:
    """Write a plan without a search: every third matrix of a network has 4 bits, the others 8."""
    four, eight = (parse_storage(name)[0] for name in ("int4/channel", "int8/channel"))
    assignment = {each.name: eight if number % 3 else four for number, each in enumerate(network.products)}
    rounded = {
        each.name: round_weights(
            network.tensors[each.tensor], assignment[each.name], Moments(np.eye(each.inputs)), "nearest"
        ).astype(np.float32)
        for each in network.products
    }
    Plan(network.name, identity_of(network), assignment, None, {}).write(path, rounded)
