"""The accelerator's registers."""

import random

import pytest

from tests.hw.lite_bus import OKAY, SLVERR, Bus
from tests.hw.simulate import simulate
from tilewright.cocotb_tests.accelerator.suite import SMALL
from tilewright.hw.accelerator.registers import Registers
from tilewright.hw.bus.register_file import events_layout
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.isa.accelerator_registers import ACCELERATOR_ID, Register, registers_of
from tilewright.sim.isa.registers import Access

WITH_NPE = SMALL.model_copy(update={"npe": NpeConfig()})
REGISTERS = [register for register in Register if register < Register.NPE_BUSY]
"""Configuration without an NPE."""
COUNTERS = [register for register in REGISTERS if register > Register.CYCLES]


def test_the_map_has_every_register_in_its_place():
    assert [int(entry) for entry in Register] == list(range(0, 0x70, 4))
    assert registers_of(WITH_NPE) == tuple(Register)
    assert list(registers_of(SMALL)) == REGISTERS
    assert [entry for entry in registers_of(SMALL) if entry.counts] == [Register.CYCLES, *COUNTERS]
    names = [name for name, _ in events_layout(registers_of(SMALL))]
    assert names == [register.name.lower() for register in COUNTERS]


def test_random_accesses_do_what_the_map_says():
    dut = Registers(config=SMALL)
    rng = random.Random(5)

    async def bench(ctx):
        bus = Bus(ctx, dut, rng)
        there = registers_of(SMALL)
        content = {int(entry): entry.reset for entry in there}
        writable = {int(entry): entry for entry in there if entry.access is not Access.READ}
        assert content[Register.ID] == ACCELERATOR_ID
        assert sorted(writable) == [0x04, 0x0C, 0x10, 0x14, 0x18]
        ctx.set(dut.error, 0x0506)  # without done: nothing
        ctx.set(dut.error_index, 99)
        for _ in range(300):
            address = rng.choice((*range(0, 0x70, 4), Register.PROGRAM_LOW, Register.PROGRAM_HIGH, 0x100, 0xFFC))
            if rng.random() < 0.5:
                known = address in content
                expected = [content[address], OKAY] if known else [0, SLVERR]
                assert await bus.read(address + rng.randrange(4)) == expected, hex(address)
                continue
            value, strobe = rng.getrandbits(32), rng.getrandbits(4)
            if address == Register.CONTROL:
                value &= ~1
            assert await bus.write(address, value, strobe) == (OKAY if address in writable else SLVERR), hex(address)
            if address in writable and writable[address].access is Access.READ_WRITE:
                mask = sum(0xFF << 8 * byte for byte in range(4) if strobe >> byte & 1)
                mixed = (content[address] & ~mask) | (value & mask)
                content[address] = mixed & ((1 << writable[address].bits) - 1)
            assert ctx.get(dut.program_address) == content[0x14] | content[0x18] << 32
            assert not ctx.get(dut.start)

    simulate(dut, bench)


def check_programs(dut: Registers) -> None:
    """Run three programs: what a start clears and counts, and what an end leaves."""
    rng = random.Random(11)
    names = [register.name.lower() for register in COUNTERS]
    busy_cycles = 0
    over = False

    async def count(ctx):
        nonlocal busy_cycles
        while not over:
            _, _, busy = await ctx.tick().sample(dut.busy)
            busy_cycles += busy

    async def start(ctx):
        """Write to CONTROL; return in the cycle in which the write is carried out."""
        ctx.set(dut.s_axi_bready, 1)
        ctx.set(dut.s_axi_awaddr, Register.CONTROL)
        ctx.set(dut.s_axi_wdata, 1)
        ctx.set(dut.s_axi_wstrb, 1)
        for valid in (dut.s_axi_awvalid, dut.s_axi_wvalid):
            ctx.set(valid, 1)
        await ctx.tick()
        for valid in (dut.s_axi_awvalid, dut.s_axi_wvalid):
            ctx.set(valid, 0)

    async def bench(ctx):
        nonlocal busy_cycles, over
        bus = Bus(ctx, dut)
        await bus.write(Register.IRQ_ENABLE, 1)
        assert await bus.write(Register.CONTROL, 1, strobe=0b1110) == OKAY
        assert await bus.read(Register.STATUS) == [0, OKAY], "a byte without strobe"
        for cycles, error, index in ((37, 0x0507, 123456), (5, 0, 0), (6, 0x0009, 2)):
            await start(ctx)
            assert ctx.get(dut.start), "start"
            ctx.set(dut.events, dict.fromkeys(names, 1))  # in the cycle of start: not of this program
            await ctx.tick()
            assert not ctx.get(dut.start), "start for one cycle"
            ctx.set(dut.busy, 1)
            ctx.set(dut.events, dict.fromkeys(names, 0))
            ctx.set(dut.error, 0xFFFF)  # not done yet
            busy_cycles = 0
            assert await bus.read(Register.STATUS) == [1, OKAY]
            assert await bus.read(Register.ERROR) == [0, OKAY], "start clears ERROR"
            assert await bus.read(Register.ERROR_INDEX) == [0, OKAY]
            assert await bus.write(Register.CONTROL, 1) == SLVERR, "start while busy"
            counted = dict.fromkeys(names, 0)
            for cycle in range(cycles):
                events = {name: rng.getrandbits(1) for name in names}
                counted = {name: counted[name] + events[name] for name in names}
                ctx.set(dut.events, events)
                if cycle == cycles - 1:
                    ctx.set(dut.done, 1)
                    ctx.set(dut.error, error)
                    ctx.set(dut.error_index, index)
                await ctx.tick()
            ctx.set(dut.done, 0)
            ctx.set(dut.busy, 0)
            ctx.set(dut.events, dict.fromkeys(names, 1))
            ctx.set(dut.error, 0x1111)
            ctx.set(dut.error_index, 7)
            assert ctx.get(dut.irq)
            await bus.write(Register.IRQ_STATUS, 1)
            assert not ctx.get(dut.irq)
            read = {register: (await bus.read(register))[0] for register in REGISTERS}
            assert read[Register.STATUS] == (4 if error else 2), "STATUS at the end"
            assert (read[Register.ERROR], read[Register.ERROR_INDEX]) == (error, index), "ERROR at the end"
            assert read[Register.CYCLES] == busy_cycles > cycles, "CYCLES"
            assert {register.name.lower(): read[register] for register in COUNTERS} == counted, "events"
        over = True

    simulate(dut, bench, count)


def test_start_and_end():
    check_programs(Registers(config=SMALL))


FAULTS = {
    "ERROR follows its input": (lambda dut, file: file.contents.error.eq(dut.error), "start clears ERROR"),
    "every end is a good one": (lambda dut, file: file.failed.eq(0), "STATUS at the end"),
    "ERROR is not kept for a cycle": (lambda dut, file: file.contents.error_index.eq(dut.error_index), "ERROR at"),
    "two events are swapped": (lambda dut, file: file.events.load_busy.eq(dut.events.array_busy), "events"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_seen(name):
    fault, said = FAULTS[name]

    class Faulty(Registers):
        def elaborate(self, platform):
            m = super().elaborate(platform)
            m.d.comb += fault(self, m.submodules.file)
            return m

    with pytest.raises(AssertionError, match=said):
        check_programs(Faulty(config=SMALL))
