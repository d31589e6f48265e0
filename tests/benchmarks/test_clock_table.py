"""The share of flip-flops with a clock gate: what parts say, and the share of the whole where they do not."""

import pytest

from benchmarks.clock_table import Measured, fitted
from tilewright.hw.synth.clock_gates import MOST_FLIP_FLOPS
from tilewright.hw.synth.parts import PartClock
from tilewright.sim.energy.area import AreaModel, Coefficients
from tilewright.sim.energy.clock_gates import ClockModel, FlipFlops, part_flip_flops
from tilewright.sim.energy.structure import MemoryShape, Part

ONE = Coefficients(flip_flops=1)
MODEL = AreaModel(
    tools={}, clock_pj=0.05, bit_area_um2=1, ranges={},
    parts={"tree": {"registers": ONE, "sums": ONE}, "queue": {"one": Coefficients(flip_flops=10)},
           "memory": {"bits": ONE}},
)  # fmt: skip


def measured(name: str, gated: int, gates: int, memories=(), **features: float) -> Measured:
    part = Part(name, "unit", 1, features, memories)
    flip_flops = round(sum(features.values()))
    return Measured(part, 1, PartClock(flip_flops, gated, gates))


def test_shares_follow_from_parts_of_several_sizes():
    # Sums have gates, registers none.
    seen = [
        measured("tree", sums, sums // 10, registers=regs, sums=sums) for regs, sums in ((10, 20), (40, 20), (9, 90))
    ]
    found = fitted(MODEL, seen)["tree"]
    assert found["registers"].gated_flip_flops == pytest.approx(0, abs=0.02)
    assert found["sums"].gated_flip_flops == pytest.approx(1, abs=0.02)
    assert found["sums"].clock_gates == pytest.approx(0.1, abs=0.01)


def test_one_part_alone_has_one_share_for_all():
    found = fitted(MODEL, [measured("tree", 30, 3, registers=20, sums=40)])["tree"]
    for each in found.values():
        assert each.gated_flip_flops == pytest.approx(0.5, abs=0.01)
        assert each.clock_gates == pytest.approx(0.05, abs=0.01)


def test_memories_in_flip_flops_have_gates_and_are_no_part_of_the_share():
    memory = MemoryShape(8, 4)
    seen = [measured("queue", 32 + 5, 4, (memory,), one=1)]
    found = fitted(MODEL, seen)
    assert found["queue"]["one"].gated_flip_flops == pytest.approx(5)
    assert found["memory"]["bits"].gated_flip_flops == 1
    assert found["memory"]["bits"].clock_gates == pytest.approx(1 / MOST_FLIP_FLOPS)
    clocks = ClockModel(tools={}, gate_pj=0.02, parts=found)
    said = part_flip_flops(seen[0].part, MODEL, clocks)
    assert (said.count, said.gated) == (pytest.approx(42), pytest.approx(37))
    assert said.idle_pj(0.05, 0.02) == pytest.approx(5 * 0.05 + said.gates * 0.02)


def test_a_part_that_was_not_synthesised_has_no_gates():
    assert "tree" not in fitted(MODEL, [])
    part = Part("tree", "unit", 1, {"registers": 5, "sums": 5})
    assert part_flip_flops(part, MODEL, ClockModel(tools={}, gate_pj=0.02, parts={})) == FlipFlops(10, 0, 0)
