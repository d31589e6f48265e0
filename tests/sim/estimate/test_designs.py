import numpy as np
import pytest

from tests.sim.estimate.random_systems import VALUES, random_designs
from tilewright.base.errors import ConfigError
from tilewright.sim.config import load_system
from tilewright.sim.config.sources import leaves
from tilewright.sim.estimate.designs import Designs
from tilewright.sim.estimate.legality import RULES

EDGE = load_system("edge-int4")


def accepted(designs: Designs, index: int) -> bool:
    try:
        designs.system(index)
    except ConfigError:
        return False
    return True


def check_draws(groups: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    legal = drawn = 0
    for _ in range(groups):
        designs = random_designs(rng, 10)
        for index, found in enumerate(designs.legal):
            assert found == accepted(designs, index), (designs.base.name, designs.changes(index))
        legal, drawn = legal + int(designs.legal.sum()), drawn + len(designs)
    print(f"seed {seed}: {legal} of {drawn} legal")
    assert 0.03 < legal / drawn < 0.5


def test_designs_are_legal_where_the_validation_accepts_them():
    check_draws(200, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_more_designs_are_legal_where_the_validation_accepts_them(seed):
    check_draws(1000, seed)


def test_every_rule_over_several_fields_refuses_something_that_no_other_refuses():
    rng = np.random.default_rng(5)
    alone = dict.fromkeys(RULES, 0)
    for _ in range(300):
        designs = random_designs(rng, 500)
        with np.errstate(all="ignore"):
            masks = [np.broadcast_to(rule(designs), len(designs)) for rule in RULES]
        refusals = len(RULES) - np.sum(masks, axis=0)
        for rule, mask in zip(RULES, masks, strict=True):
            alone[rule] += int((~mask & (refusals == 1)).sum())
    assert all(alone.values()), {rule.__name__: count for rule, count in alone.items()}


def test_the_drawn_fields_are_those_of_a_system_that_the_estimate_depends_on():
    paths = {path for path, _ in leaves(EDGE)} - {"name", "description"}
    parts = {path.rsplit(".", 1)[0] for path in VALUES}
    assert {path for path in paths if path.rsplit(".", 1)[0] in parts} - set(VALUES) <= {
        "energy.weight_write_pj_per_bit", "energy.activation_read_pj_per_bit",
    }  # fmt: skip


def test_a_design_is_the_base_with_its_values():
    designs = Designs(EDGE, {"cim.tiles": np.array([1, 2]), "memory.latency_ns": np.array([50.0, 60.5])})
    assert len(designs) == 2
    assert designs.system(1) == EDGE.with_({"cim.tiles": 2, "memory.latency_ns": 60.5})
    assert designs.changes(0) == {"cim.tiles": 1, "memory.latency_ns": 50}
    assert designs.field("fabric.banks") == EDGE.fabric.banks
    assert designs.field("memory.refresh.time_ns") is None
    assert designs.part(np.array([False, True])).changes(0) == {"cim.tiles": 2, "memory.latency_ns": 60.5}


def test_fields_of_the_npe_and_of_the_host_are_checked_as_well():
    npe = EDGE.with_({"npe.rows": 8})
    designs = Designs(npe, {"npe.rows": np.array([4, 5, 4]), "fabric.address_bits": np.array([32, 32, 34])})
    assert designs.legal.tolist() == [True, False, False]
    assert designs.legal.tolist() == [accepted(designs, index) for index in range(3)]
    assert Designs(npe, {"fabric.address_bits": np.array([32, 34])}).legal.tolist() == [True, False]
    assert Designs(EDGE, {"process": np.array(["SG13G2", "N0"])}).legal.tolist() == [True, False]
    macros = Designs(EDGE, {"energy.macro": np.array(["isscc-2021-22nm", "none"])})
    assert macros.legal.tolist() == [True, False]
    host = EDGE.with_(host="baseline")
    assert Designs(host, {"host.cores": np.array([2, 3])}).legal.tolist() == [True, False]


@pytest.mark.parametrize("values", [["4", "8"], [True, False]])
def test_texts_and_truth_values_are_no_numbers(values):
    designs = Designs(EDGE, {"cim.tiles": np.array(values), "vector.lanes": np.array(values)})
    assert designs.legal.tolist() == [accepted(designs, index) for index in range(2)] == [False, False]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "fields is empty"),
        ({"cim.tilse": np.ones(2)}, "unknown field 'cim.tilse'"),
        ({"cim": np.ones(2)}, "field 'cim' has fields of its own"),
        ({"cim.tiles": np.ones(2), "vector.lanes": np.ones(3)}, r"field 'vector.lanes' has values of shape \(3,\)"),
        ({"cim.tiles": np.ones((2, 2))}, r"field 'cim.tiles' has values of shape \(2, 2\)"),
    ],
)
def test_bad_fields_are_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        Designs(EDGE, fields)
