"""The simulated AXI memory, as far as no Verilog is needed: its rate, and what it refuses."""

import pytest

from tests.hw.simulate import simulate
from tilewright.hw.memory.axi_memory import AxiMemory
from tilewright.hw.memory.slots import RateSlots


@pytest.mark.parametrize(
    ("words", "cycles"), [(1, 1), (1, 2), (2, 5), (7, 8), (1, 1000), (65535, 65535), (32767, 65535)]
)
@pytest.mark.parametrize(("period", "refresh"), [(0, 0), (1, 0), (2, 1), (7, 3), (390, 28), (1000, 999)])
def test_slots_are_spread_as_the_rule_says(words, cycles, period, refresh):
    dut = RateSlots()

    def slot(n: int, active: int) -> bool:
        """Return whether cycle ``n`` is one, given the number of cycles before it without refresh."""
        refreshed = refresh > 0 and n % period < refresh
        return not refreshed and (active + 1) * words // cycles > active * words // cycles

    async def bench(ctx):
        for name, value in (
            ("words", words), ("cycles", cycles), ("refresh_period", period), ("refresh_cycles", refresh)
        ):  # fmt: skip
            ctx.set(getattr(dut, name), value)
        for length in (3, 2100):
            ctx.set(dut.restart, 1)
            await ctx.tick().repeat(2)
            assert ctx.get(dut.slot) == slot(0, 0), "as cycle 0"
            ctx.set(dut.restart, 0)
            active = 0
            for n in range(length):
                assert ctx.get(dut.slot) == slot(n, active), n
                active += refresh == 0 or n % period >= refresh
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
