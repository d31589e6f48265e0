"""The simulated AXI memory, as far as no Verilog is needed: its rate, and what it refuses."""

import random
from fractions import Fraction

import pytest

from tests.hw.simulate import simulate
from tilewright.hw.memory.axi_memory import AxiMemory
from tilewright.hw.memory.axi_memory_pair import _Port
from tilewright.hw.memory.slots import FOREVER, RateSlots
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel


@pytest.mark.parametrize(("words", "cycles"), [(1, 1), (2, 5), (7, 8), (1, 1000), (32767, 65535)])
@pytest.mark.parametrize(("period", "refresh"), [(0, 0), (2, 1), (7, 3), (390, 28)])
@pytest.mark.parametrize("turns", [(0, 0, FOREVER), (5, 2, 4), (300, 0, 17), (61, 60, 61)])
def test_slots_are_spread_as_the_rule_says(words, cycles, period, refresh, turns):
    dut = RateSlots()
    turn_period, first, end = turns

    def belongs(n: int, awake: int) -> bool:
        """Return whether cycle ``n`` belongs to the direction, given the number of cycles before it without refresh."""
        refreshed = refresh > 0 and n % period < refresh
        return not refreshed and (turn_period == 0 or first <= awake % turn_period < end)

    def slot(n: int, awake: int, active: int) -> bool:
        """Return whether cycle ``n`` is one, given the number of cycles before it that belong to the direction, too."""
        return belongs(n, awake) and (active + 1) * words // cycles > active * words // cycles

    async def bench(ctx):
        for name, value in (
            ("words", words), ("cycles", cycles), ("refresh_period", period), ("refresh_cycles", refresh),
            ("turn_period", turn_period), ("open_first", first), ("open_end", end),
        ):  # fmt: skip
            ctx.set(getattr(dut, name), value)
        for length in (3, 1400):
            ctx.set(dut.restart, 1)
            await ctx.tick().repeat(2)
            assert ctx.get(dut.slot) == slot(0, 0, 0), "as cycle 0"
            ctx.set(dut.restart, 0)
            active = awake = 0
            for n in range(length):
                assert ctx.get(dut.slot) == slot(n, awake, active), n
                active += belongs(n, awake)
                awake += refresh == 0 or n % period >= refresh
                await ctx.tick()

    simulate(dut, bench)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"words": 1}, "words = 1 is not allowed"),
        ({"words": 100, "line_words": 8}, "words = 100 is not allowed: it must be a multiple of line_words"),
        ({"line_words": 6}, "line_words = 6 is not allowed: it must be a power of two"),
        ({"words": 1 << 14}, "words = 16384 is not allowed: 16 address bits do not reach them"),
        ({"data_bits": 65}, "data_bits = 65 is not allowed"),
    ],
)
def test_what_cannot_be_is_refused(change, said):
    with pytest.raises(ValueError, match=said):
        AxiMemory(**{"address_bits": 16, "data_bits": 64, "words": 1024, **change})


TURNS = {"turn_period": 61, "read_to_write": 3, "write_cycles": 9, "write_to_read": 7}


@pytest.mark.parametrize(
    "timing",
    [
        TURNS,
        TURNS | {"refresh_period": 50, "refresh_cycles": 11},
        TURNS | {"read_to_write": 0, "write_to_read": 0, "turn_period": 10},
        TURNS | {"write_cycles": 0},
    ],
)
def test_directions_take_turns_as_in_the_exact_model(timing):
    dut = _Port(address_bits=16, data_bits=64, words=1024, requests=8, max_latency=40)
    rng = random.Random(19)
    inputs = {"refresh_period": 1, "refresh_cycles": 0, "latency": 7, "write_latency": 5} | timing
    rates = {"rate": Fraction(4, 5), "write_rate": Fraction(2, 3)}
    model = AxiMemoryModel(**inputs, **rates)
    words: list[tuple[int, int]] = []
    reads: list[tuple[int, int]] = []

    async def bench(ctx):
        for name, value in inputs.items():
            ctx.set(getattr(dut, name), value)
        for prefix, rate in (("rate", Fraction(4, 5)), ("write_rate", Fraction(2, 3))):
            ctx.set(getattr(dut, f"{prefix}_words"), rate.numerator)
            ctx.set(getattr(dut, f"{prefix}_cycles"), rate.denominator)
        ctx.set(dut.size, 8192)
        ctx.set(dut.turn, 1)
        for name in ("s_axi_rready", "s_axi_bready"):
            ctx.set(getattr(dut, name), 1)
        for channel in ("ar", "aw"):
            ctx.set(getattr(dut, f"s_axi_{channel}size"), 3)
            ctx.set(getattr(dut, f"s_axi_{channel}burst"), 1)
        ctx.set(dut.restart, 1)
        await ctx.tick().repeat(3)
        ctx.set(dut.restart, 0)
        waiting, accepted, offered = 0, 0, None
        for cycle in range(900):
            # Now and then a burst of reads, and of writes if none is under way.
            beats = rng.randrange(1, 5) if rng.random() < 0.04 and cycle < 800 else 0
            ctx.set(dut.s_axi_arvalid, bool(beats))
            ctx.set(dut.s_axi_arlen, max(0, beats - 1))
            if beats:
                reads.append((cycle, beats))
            begins = waiting == 0 and rng.random() < 0.1
            length = rng.randrange(1, 4)
            ctx.set(dut.s_axi_awvalid, begins)
            ctx.set(dut.s_axi_awlen, length - 1)
            if waiting and offered is None:
                offered = max(cycle, accepted + 1)
            ctx.set(dut.s_axi_wvalid, offered is not None)
            ctx.set(dut.s_axi_wlast, waiting == 1)
            if offered is not None and ctx.get(dut.s_axi_wready):
                words.append((cycle, model.write_word(offered, accepted)))
                waiting, offered = waiting - 1, None
            if begins:
                waiting, accepted = length, cycle
            if ctx.get(dut.s_axi_rvalid) and ctx.get(dut.s_axi_rlast):
                ended.append(cycle)
            await ctx.tick()

    ended: list[int] = []
    simulate(dut, bench)
    assert len(words) > 20
    assert [cycle for cycle, _ in words] == [expected for _, expected in words]
    assert len(reads) > 20
    expected = [model.read(cycle, beats) for cycle, beats in reads]
    assert ended == [cycle for cycle in expected if cycle < 900]
