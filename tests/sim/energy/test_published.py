"""Published CIM macros: their figures, and that they take the place of a system's own figure and say so."""

import pytest

from tilewright.base.errors import ConfigError
from tilewright.sim.config import load_system
from tilewright.sim.config.published_macro import load_published_macro, published_macro_names
from tilewright.sim.energy.events import Counts
from tilewright.sim.energy.run_energy import energy

EDGE = load_system("edge-int4")


def multiply(system):
    [item] = (item for item in energy(Counts(macs=1000), system) if item.name == "CIM multiply-accumulate")
    return item


@pytest.mark.parametrize(
    ("name", "tops_per_w", "pairs"),
    [("isscc-2021-22nm", 89, 16), ("vlsi-2022-12nm", 121, 16), ("isscc-2022-5nm", 254, 16)],
)
def test_figures_are_those_of_the_titles(name, tops_per_w, pairs):
    figure = load_published_macro(name).pj_per_bit_pair
    assert figure.mid.value * pairs == pytest.approx(2 / tops_per_w, rel=1e-3)
    assert str(tops_per_w) in figure.mid.source


@pytest.mark.parametrize("name", published_macro_names())
def test_a_macro_takes_the_place_of_the_own_figure_and_names_its_process(name):
    macro = load_published_macro(name)
    item = multiply(EDGE.with_(**{"energy.macro": name}))
    assert item.pj_per_event == pytest.approx(32 * macro.pj_per_bit_pair.mid.value)
    for level in ("low", "mid", "high"):
        source = getattr(item.pj, level).source
        assert f"macro of {macro.node_nm:g} nm" in source
        assert "guess: times 4 bits of a weight and 8 of an input" in source
    assert multiply(EDGE).source == EDGE.source("energy.mac_pj")
    others = [each.to_dict() for each in energy(Counts(macs=1000, weight_bits=7), EDGE) if each != multiply(EDGE)]
    mixed = energy(Counts(macs=1000, weight_bits=7), EDGE.with_(**{"energy.macro": name}))
    assert [each.to_dict() for each in mixed if each.name != item.name] == others


def test_bits_of_weights_scale_the_energy_of_a_published_macro():
    wide = EDGE.with_(**{"energy.macro": "isscc-2021-22nm", "cim.tile.macro.weight_bits": 8})
    narrow = EDGE.with_(**{"energy.macro": "isscc-2021-22nm"})
    assert multiply(wide).pj_per_event == pytest.approx(2 * multiply(narrow).pj_per_event)


def test_an_unknown_macro_is_refused():
    with pytest.raises(ConfigError, match=r"energy\.macro = 'isscc' is not allowed.*isscc-2021-22nm"):
        EDGE.with_(**{"energy.macro": "isscc"})
