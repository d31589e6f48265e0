"""Changes of a system move energy and area of a whole token in the direction, and by the amount, that its parts say."""

from functools import cache

import pytest

from tests.mapping.small_models import EDGE, THIN
from tilewright.mapping.map import map_model

SYSTEM = EDGE.with_(process="SG13G2")


@cache
def mapped(**changes):
    """Return the token on the system with some changes."""
    system = SYSTEM.with_({name.replace("__", "."): value for name, value in changes.items()})
    return map_model("thin", THIN, system, phase="decode", context=64)


def joules(result, *names: str) -> float:
    return sum(item.joules for item in result.energy if item.name.startswith(names))


def areas(result) -> dict[str, float]:
    return {unit.unit: unit.area_um2 for unit in result.area.units}


def ratio(after, before, *names: str) -> float:
    return joules(after, *names) / joules(before, *names)


def per_cycle(result, *names: str) -> float:
    return joules(result, *names) / result.cycles


def test_twice_the_tiles():
    once, twice = mapped(cim__tiles=2), mapped(cim__tiles=4)
    assert areas(twice)["CIM macros"] == pytest.approx(2 * areas(once)["CIM macros"])
    assert 1.8 < areas(twice)["accumulators"] / areas(once)["accumulators"] < 2.1
    for unit in ("weight buffer", "scratchpad", "vector unit", "command processor", "DMA and AXI"):
        assert areas(twice)[unit] == areas(once)[unit]
    # The work is the same: more tiles change what stands still.
    for name in ("CIM weight write", "vector unit, exponentials", "main memory to chip"):
        assert ratio(twice, once, name) == pytest.approx(1, rel=0.02), name
    for name in ("clock, ", "leakage of the chip"):
        assert 1.5 < per_cycle(twice, name) / per_cycle(once, name) < 2, name


def test_twice_the_clock():
    slow, fast = mapped(clock_mhz=1000), mapped(clock_mhz=2000)
    assert fast.area.area_mm2 == slow.area.area_mm2
    assert fast.area.clock_mw == pytest.approx(2 * slow.area.clock_mw)
    assert fast.area.idle_clock_mw == pytest.approx(2 * slow.area.idle_clock_mw)
    # An event takes what it takes; a cycle of half the time leaks half as much.
    for name in ("CIM multiply-accumulate", "vector unit, exponentials", "scratchpad reads"):
        assert ratio(fast, slow, name) == pytest.approx(1), name
    assert per_cycle(fast, "clock, ") == pytest.approx(per_cycle(slow, "clock, "))
    assert per_cycle(fast, "leakage of the chip") == pytest.approx(per_cycle(slow, "leakage of the chip") / 2)


def test_twice_the_weight_buffer():
    once, twice = (mapped(fabric__weight_buffer_beats=beats) for beats in (1024, 2048))
    assert 1.7 < areas(twice)["weight buffer"] / areas(once)["weight buffer"] < 2.1
    assert {unit for unit, um2 in areas(twice).items() if um2 != areas(once)[unit]} == {"weight buffer"}
    # Both are as many of the largest memory, of which one works for a bit.
    assert ratio(twice, once, "weight buffer") == pytest.approx(1, rel=0.02)
    assert per_cycle(twice, "leakage of the chip") > per_cycle(once, "leakage of the chip")


def test_int8_in_place_of_int4():
    int4, int8 = mapped(), mapped(cim__tile__macro__weight_bits=8)
    assert 1.7 < areas(int8)["CIM macros"] / areas(int4)["CIM macros"] < 2.1
    assert 1.9 < ratio(int8, int4, "main memory to chip", "weight buffer") < 2.01
    assert ratio(int8, int4, "CIM weight write") == pytest.approx(2, rel=0.01)
    assert ratio(int8, int4, "CIM multiply-accumulate") == pytest.approx(2, rel=0.01)
    assert ratio(int8, int4, "CIM inputs") == pytest.approx(1, rel=0.01)
    assert ratio(int8, int4, "vector unit, scalars", "vector unit, products") == pytest.approx(1, rel=0.01)
    # Fewer heads of the cache's values lie side by side, which take a pass each.
    assert 0.9 < ratio(int8, int4, "vector unit, passes") <= 1
    # A token takes twice as long, while twice as many weights have a clock: what stands still takes four times as much.
    assert 1.9 < int8.cycles / int4.cycles < 2.1
    assert 1.7 < per_cycle(int8, "clock, CIM macros") / per_cycle(int4, "clock, CIM macros") < 2.1
    assert 2 < int8.energy_j / int4.energy_j < 4
