"""Energy of the events on chip in a process: how it grows with the structure, and when a system gets it."""

from dataclasses import replace

import pytest

from tilewright.sim.config import load_system
from tilewright.sim.config.event_energies import event_energies
from tilewright.sim.energy.events import NUMBERS, Counts, total
from tilewright.sim.energy.on_chip import BANKS, on_chip
from tilewright.sim.energy.run_energy import CLOCK, energy
from tilewright.sim.energy.structure import CIM_MACROS
from tilewright.sim.energy.system_area import system_area

SYSTEM = load_system("edge-int4").with_(process="SG13G2")
ENERGIES = event_energies("SG13G2")
ONE_OF_EACH = Counts(**dict.fromkeys(NUMBERS, 1))


def of(system, **counts):
    return {item.name: item for item in energy(Counts(**counts), system)}


def test_a_process_takes_the_place_of_the_systems_own_figures():
    items = of(SYSTEM, macs=1000, driven_products=1000, vector_elements=10, vector_slots=10)
    assert items["CIM multiply-accumulate"].pj_per_event == pytest.approx(32 * ENERGIES.product_pj_per_bit_pair)
    assert items["vector unit"].pj_per_event == ENERGIES.element_pj
    assert "scratchpad and array" not in items
    events = [item for name, item in items.items() if not name.startswith(("main memory,", CLOCK, "leakage"))][1:]
    assert all(item.source.startswith("measured in SG13G2") for item in events)
    own = of(load_system("edge-int4"), macs=1000)
    assert own["CIM multiply-accumulate"].pj_per_event == 0.045


def clock(items) -> float:
    """Return the energy of the idle clock of all units."""
    return sum(item.joules for name, item in items.items() if name.startswith(CLOCK))


def test_idle_clock_and_leakage_take_their_power_in_every_cycle():
    seconds = 1000 / (SYSTEM.clock_mhz * 1e6)
    items, area = of(SYSTEM, cycles=1000), system_area(SYSTEM)
    assert clock(items) == pytest.approx(area.idle_clock_mw * 1e-3 * seconds)
    assert items["leakage of the chip"].joules == pytest.approx(area.leakage_mw * 1e-3 * seconds)
    fast = of(SYSTEM.with_(clock_mhz=2000), cycles=1000)
    assert clock(fast) == clock(items)
    assert fast["leakage of the chip"].joules == pytest.approx(items["leakage of the chip"].joules / 2)
    half = of(SYSTEM.with_(**{"cim.tiles": 2}), cycles=1000)
    assert 0.4 < clock(half) / clock(items) < 0.8


def test_each_unit_has_its_clock_with_gates_and_says_what_it_is_without():
    items = of(SYSTEM, cycles=1)
    for unit in system_area(SYSTEM).units:
        item = items[f"{CLOCK}{unit.unit}"]
        assert item.pj_per_event == unit.idle_clock_pj
        assert 0 <= unit.idle_clock_pj <= unit.clock_pj
        assert item.source.endswith(f"; {unit.clock_pj:,.4g} pJ without clock gates")


def test_a_published_macro_has_its_clock_and_leakage_in_its_own_figure():
    macros = next(unit for unit in system_area(SYSTEM).units if unit.unit == CIM_MACROS)
    ours, theirs = (of(each, cycles=1) for each in (SYSTEM, SYSTEM.with_(**{"energy.macro": "isscc-2021-22nm"})))
    assert set(ours) - set(theirs) == {f"{CLOCK}{CIM_MACROS}", "CIM column sums"}
    saved = ours["leakage of the chip"].pj_per_event - theirs["leakage of the chip"].pj_per_event
    assert saved == pytest.approx(macros.leakage_uw / SYSTEM.clock_mhz)


def test_every_event_on_chip_has_an_energy():
    items = on_chip(ONE_OF_EACH, SYSTEM.accelerator, ENERGIES)
    for name in NUMBERS:
        without = on_chip(replace(ONE_OF_EACH, **{name: 0}), SYSTEM.accelerator, ENERGIES)
        costs = total(items).mid > total(without).mid
        assert costs != (name in NOT_COSTED), name


NOT_COSTED = {
    "cycles", "macs", "activation_bits", "vector_elements", "weight_beats_out", "row_scalars",
}  # fmt: skip
"""Events that cost nothing beside others that stand for them; cycles are those of main memory, and the fit finds that what row
scalars take is in the elements that they come from."""


def test_bits_of_weights_double_what_a_multiply_accumulate_takes():
    wide = SYSTEM.with_(**{"cim.tile.macro.weight_bits": 8})
    narrow, doubled = (of(each, driven_products=100)["CIM multiply-accumulate"] for each in (SYSTEM, wide))
    assert doubled.joules == pytest.approx(2 * narrow.joules)


def test_more_rows_make_writing_a_weight_dearer():
    nano = load_system("nano").with_(process="SG13G2")
    low, high = (
        of(nano.with_(**{"cim.tile.macro.rows": rows}), weight_bits=1)["CIM weight write"].pj_per_event
        for rows in (8, 16)
    )
    assert high > low
    assert high - low == pytest.approx(8 * ENERGIES.weight_row_pj_per_bit)


def test_large_buffers_are_memories_and_small_ones_grow_with_their_words():
    def buffer(beats: int, burst: int) -> float:
        changes = {"fabric.weight_buffer_beats": beats, "fabric.max_burst": burst}
        return (
            of(SYSTEM.with_(changes), weight_beats_in=1)["weight buffer"].pj_per_event - ENERGIES.weight_load_pj_per_bit
        )

    assert buffer(32, 8) == pytest.approx(2 * buffer(16, 8))
    for words, macro in ((64, 0), (256, 1), (1024, 2), (4096, 2)):
        memory = ENERGIES.memories[macro]
        assert buffer(words, 8) == pytest.approx((memory.read_pj + memory.write_pj) / memory.bits)


def test_deeper_banks_take_more():
    names = (f"{BANKS}, reads", f"{BANKS}, writes")
    shallow, deep = (
        of(SYSTEM.with_(**{"vector.address_bits": bits}), scratchpad_reads=1, scratchpad_writes=1) for bits in (10, 14)
    )
    for name in names:
        assert shallow[name].pj_per_event < deep[name].pj_per_event


def test_a_published_macro_beside_a_process_says_that_they_are_mixed():
    item = of(SYSTEM.with_(**{"energy.macro": "isscc-2021-22nm"}), driven_products=1)["CIM multiply-accumulate"]
    assert "macro of 22 nm" in item.source
    assert "beside SG13G2" in item.source
