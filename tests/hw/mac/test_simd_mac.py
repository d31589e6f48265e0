"""The SIMD MAC as a block and as parts: ports, timing, options that do not go, lint."""

import pytest
from amaranth.hdl import Module, Shape, Signal, Value

from tests.cli.command_line import refused
from tests.hw.generated import generated
from tilewright.hw.mac.core import SimdMacCore, sum_layout
from tilewright.hw.mac.decoder import decode_word, operand_layout
from tilewright.hw.mac.plan import SEGMENT_BITS
from tilewright.hw.mac.simd_mac import SimdMac
from tilewright.sim.formats import ALL_MODES, XR_NPE_MODES, Mode

PORTS = [
    ("clk", "input", 1), ("rst", "input", 1),
    ("i__payload", "input", 42), ("i__valid", "input", 1), ("i__ready", "output", 1),
    ("o__payload", "output", 16), ("o__valid", "output", 1), ("o__ready", "input", 1),
]  # fmt: skip
"""A change breaks what users have built around the block: say so in the changelog."""
FIELDS = [("a", 0, 16), ("b", 16, 16), ("mode", 32, 4), ("out", 36, 4), ("first", 40, 1), ("last", 41, 1)]


def test_ports_and_fields():
    ports = generated("simd-mac", modes="xr-npe", stages=5).ports["ports"]
    assert sorted((port["name"], port["direction"], port["width"]) for port in ports) == sorted(PORTS)
    fields = next(port["fields"] for port in ports if port["name"] == "i__payload")
    assert [(field["name"], field["offset"], field["width"]) for field in fields] == FIELDS


def test_without_back_pressure_there_is_no_ready():
    names = {port["name"] for port in generated("simd-mac", modes="int8", **{"back-pressure": "no"}).ports["ports"]}
    assert {name for name, *_ in PORTS} - names == {"i__ready", "o__ready"}


@pytest.mark.parametrize("stages", [0, 3, 5])
def test_latency_is_that_of_the_stages_and_the_sum(stages):
    component = SimdMac(XR_NPE_MODES, stages=stages)
    assert stages + 1 == component.LATENCY
    assert generated("simd-mac", modes="xr-npe", stages=stages).ports["timing"]["latency_cycles"] == stages + 1


def test_the_configuration_names_the_modes_in_order():
    configuration = generated("simd-mac", modes="posit16_1,int4", stages=2, gated="no").ports["configuration"]
    assert configuration == {"modes": "int4,posit16_1", "stages": 2, "gated": "no", "back_pressure": "yes"}


def test_widths_follow_from_the_modes():
    def width(layout) -> int:
        return Shape.cast(layout).width

    # 28 bits of lanes, or of significand and scales; which lanes are live; NaR.
    assert width(operand_layout(XR_NPE_MODES)) == 28 + 2 + 1
    assert sum_layout(XR_NPE_MODES)["sums"].width == 128
    # 4 * 65,535 products up to 64, and a sign: 25 bits.
    assert sum_layout((Mode.INT4,))["sums"].width == 32
    assert not sum_layout((Mode.INT4,))["nan"].width


@pytest.mark.parametrize("modes", [ALL_MODES, XR_NPE_MODES, (Mode.INT4,), (Mode.BF16,)])
def test_a_core_and_the_parts_beside_it_fit(modes):
    core = SimdMacCore(modes)
    word = decode_word(Module(), modes, Signal(16), Signal(4), "a")
    assert len(word.packed()) == len(Value.cast(core.a)) == len(Value.cast(core.b))
    assert sum_layout(modes)["sums"].width % SEGMENT_BITS == 0
    assert core.LATENCY == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--modes", "fp4"], "--modes = fp4 is not allowed: 'fp4' is none of all, xr-npe, fp4_e2m1"),
        (["--modes", "int8,int8"], "--modes = int8,int8 is not allowed: each mode once"),
        (["--stages", "6"], "--stages = 6 is not allowed: it must be 0 to 5"),
        (["--gated", "maybe"], "'maybe' is not allowed"),
    ],
)
def test_bad_options_get_one_line(tmp_path, arguments, said):
    assert said in refused("generate", "simd-mac", *arguments, cwd=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("modes", [(), (Mode.INT8, Mode.INT8)])
def test_modes_that_do_not_go(modes):
    for build in (lambda: SimdMac(modes, stages=0), lambda: SimdMacCore(modes), lambda: operand_layout(modes)):
        with pytest.raises(ValueError, match=r"modes = .* is not allowed"):
            build()
