"""The NPE's registers, and the AXI4-Lite slave that they are behind."""

import random

import pytest
from amaranth.hdl import Module, ResetInserter, Signal

from tests.hw.lite_bus import OKAY, SLVERR, Bus
from tests.hw.simulate import simulate
from tilewright.hw.bus.axi_lite import AxiLiteSlave
from tilewright.hw.npe.registers import Registers
from tilewright.sim.isa.npe_registers import NPE_ID, Register
from tilewright.sim.isa.registers import Access, register_table


def test_the_map_has_every_register_in_its_place():
    assert [int(entry) for entry in Register] == list(range(0, 0x48, 4))
    table = register_table(Register).splitlines()
    assert len(table) == 2 + len(Register)
    assert table[2] == "| 0x00 | ID | read | 0x54574E50 | `TWNP` |"
    assert "| 0x24 | COUNT | read, write | 1 |" in table[2 + 9]


def test_cycles_of_the_slave():
    dut = AxiLiteSlave()

    async def bench(ctx):
        ctx.set(dut.s_axi_bready, 1)
        ctx.set(dut.s_axi_rready, 1)
        ctx.set(dut.s_axi_awaddr, 0x127)
        ctx.set(dut.s_axi_awvalid, 1)
        await ctx.tick()
        ctx.set(dut.s_axi_awvalid, 0)
        assert not ctx.get(dut.s_axi_awready), "one address is kept"
        assert not ctx.get(dut.write), "no data yet"
        ctx.set(dut.s_axi_wvalid, 1)
        ctx.set(dut.s_axi_wdata, 5)
        await ctx.tick()
        ctx.set(dut.s_axi_wvalid, 0)
        assert ctx.get(dut.write)
        assert (ctx.get(dut.write_address), ctx.get(dut.write_data)) == (0x127 >> 2, 5)
        await ctx.tick()
        assert ctx.get(dut.s_axi_bvalid)
        assert not ctx.get(dut.write)
        # Address and data all the time: a write every two cycles. Likewise reads.
        for valid in (dut.s_axi_awvalid, dut.s_axi_wvalid, dut.s_axi_arvalid):
            ctx.set(valid, 1)
        await ctx.tick()
        for cycle in range(10):
            assert ctx.get(dut.write) == (cycle % 2 == 0)
            assert ctx.get(dut.s_axi_bvalid) == (cycle % 2 == 1)
            assert ctx.get(dut.read) == (cycle % 2 == 1)
            assert ctx.get(dut.s_axi_rvalid) == (cycle % 2 == 0)
            await ctx.tick()

    simulate(dut, bench)


def test_a_transfer_during_reset_is_lost():
    dut = AxiLiteSlave()
    reset = Signal()
    m = Module()
    m.submodules.dut = ResetInserter(reset)(dut)

    async def bench(ctx):
        ctx.set(reset, 1)
        for valid in (dut.s_axi_awvalid, dut.s_axi_wvalid, dut.s_axi_arvalid):
            ctx.set(valid, 1)
        await ctx.tick()
        for ready in (dut.s_axi_awready, dut.s_axi_wready, dut.s_axi_arready):
            assert ctx.get(ready)
        await ctx.tick()
        ctx.set(reset, 0)
        for valid in (dut.s_axi_awvalid, dut.s_axi_wvalid, dut.s_axi_arvalid):
            ctx.set(valid, 0)
        for _ in range(4):
            await ctx.tick()
            assert not ctx.get(dut.write)
            assert not ctx.get(dut.s_axi_bvalid)
            assert not ctx.get(dut.s_axi_rvalid)

    simulate(m, bench)


def registers() -> Registers:
    return Registers(rows=16, columns=8, bus_bytes=32, modes_mask=0x8B)


def test_random_accesses_do_what_the_map_says():
    dut = registers()
    rng = random.Random(7)

    async def bench(ctx):
        bus = Bus(ctx, dut, rng)
        content = {entry: entry.reset for entry in Register}
        content[Register.GEOMETRY] = 16 | 8 << 8 | 5 << 16
        content[Register.MODES] = 0x8B
        ctx.set(dut.completed, 0x1234)
        ctx.set(dut.error, 0x0201)
        content[Register.COMPLETED], content[Register.ERROR] = 0x1234, 0x0201
        assert content[Register.ID] == NPE_ID
        for entry in Register:
            assert await bus.read(entry) == [content[entry], OKAY], entry
        for _ in range(300):
            address = rng.choice((*range(0, 0x50, 4), 0x48, 0x80, 0xFFC))
            known = next((entry for entry in Register if entry == address), None)
            if rng.random() < 0.5:
                expected = [content[known], OKAY] if known is not None else [0, SLVERR]
                assert await bus.read(address + rng.randrange(4)) == expected
                continue
            value, strobe = rng.getrandbits(32), rng.getrandbits(4)
            if address == Register.CONTROL:
                value &= ~1
            response = await bus.write(address, value, strobe)
            writable = known is not None and known.access is not Access.READ
            assert response == (OKAY if writable else SLVERR), hex(address)
            if writable and known.access is Access.READ_WRITE:
                mask = sum(0xFF << 8 * byte for byte in range(4) if strobe >> byte & 1)
                mixed = (content[known] & ~mask) | (value & mask)
                content[known] = mixed & ((1 << known.bits) - 1)
            address = content[Register.DESCRIPTOR_LOW] | content[Register.DESCRIPTOR_HIGH] << 32
            assert ctx.get(dut.descriptor_address) == address
            assert ctx.get(dut.count) == content[Register.COUNT]
            assert not ctx.get(dut.irq)

    simulate(dut, bench)


def test_start_abort_status_and_interrupt():
    dut = registers()
    pulses = {"start": 0, "abort_now": 0}
    over = False

    async def follow(ctx):
        """Count the pulses; be busy after start, as the NPE is."""
        while not over:
            _, _, start, abort = await ctx.tick().sample(dut.start, dut.abort_now)
            pulses["start"] += start
            pulses["abort_now"] += abort
            if start:
                ctx.set(dut.busy, 1)

    async def finish(ctx, error):
        ctx.set(dut.error, error)
        ctx.set(dut.done, 1)
        await ctx.tick()
        ctx.set(dut.done, 0)
        ctx.set(dut.busy, 0)

    async def bench(ctx):
        nonlocal over
        bus = Bus(ctx, dut)
        assert await bus.write(Register.CONTROL, 2) == OKAY
        assert pulses == {"start": 0, "abort_now": 0}, "there is nothing to abort"
        assert await bus.write(Register.CONTROL, 1, strobe=0b1110) == OKAY
        assert pulses["start"] == 0, "a byte without strobe"
        assert await bus.write(Register.CONTROL, 3) == OKAY
        assert pulses == {"start": 1, "abort_now": 0}
        assert await bus.read(Register.STATUS) == [1, OKAY]
        assert await bus.write(Register.CONTROL, 3) == SLVERR
        assert pulses == {"start": 1, "abort_now": 0}, "refused: without effect"
        assert await bus.write(Register.CONTROL, 2) == OKAY
        assert pulses == {"start": 1, "abort_now": 1}
        await finish(ctx, 0x0008)
        assert await bus.read(Register.STATUS) == [4, OKAY]
        assert await bus.read(Register.ERROR) == [8, OKAY]
        assert not ctx.get(dut.irq), "not enabled"
        await bus.write(Register.IRQ_ENABLE, 1)
        assert ctx.get(dut.irq)
        await bus.write(Register.IRQ_STATUS, 0)
        assert ctx.get(dut.irq)
        await bus.write(Register.IRQ_STATUS, 1, strobe=0b1110)
        assert ctx.get(dut.irq)
        await bus.write(Register.IRQ_STATUS, 1)
        assert not ctx.get(dut.irq)
        assert await bus.write(Register.CONTROL, 1) == OKAY
        assert await bus.read(Register.STATUS) == [1, OKAY]
        await finish(ctx, 0)
        assert ctx.get(dut.irq)
        assert await bus.read(Register.STATUS) == [2, OKAY]
        over = True

    simulate(dut, bench, follow)


@pytest.mark.parametrize("again", [False, True])
def test_an_end_in_the_cycle_of_a_clearing_write_is_kept(again):
    dut = registers()

    async def bench(ctx):
        ctx.set(dut.s_axi_bready, 1)
        await Bus(ctx, dut).write(Register.IRQ_ENABLE, 1)
        ctx.set(dut.done, 1)
        await ctx.tick()
        ctx.set(dut.done, 0)
        assert ctx.get(dut.irq)
        for port, value in (("awaddr", Register.IRQ_STATUS), ("wdata", 1), ("wstrb", 1)):
            ctx.set(getattr(dut, f"s_axi_{port}"), value)
        for valid in (dut.s_axi_awvalid, dut.s_axi_wvalid):
            ctx.set(valid, 1)
        await ctx.tick()
        ctx.set(dut.done, again)  # in the cycle in which the write is carried out
        for valid in (dut.s_axi_awvalid, dut.s_axi_wvalid):
            ctx.set(valid, 0)
        await ctx.tick()
        ctx.set(dut.done, 0)
        assert ctx.get(dut.irq) == again

    simulate(dut, bench)


def test_the_counters_are_those_of_the_last_start():
    dut = registers()
    rng = random.Random(3)
    names = ("busy", "stall_load", "stall_store", "read_beats", "write_beats")

    async def bench(ctx):
        bus = Bus(ctx, dut)
        for cycles in (37, 5):
            ctx.set(dut.s_axi_bready, 1)
            ctx.set(dut.s_axi_awaddr, Register.CONTROL)
            ctx.set(dut.s_axi_wdata, 1)
            ctx.set(dut.s_axi_wstrb, 1)
            ctx.set(dut.s_axi_awvalid, 1)
            ctx.set(dut.s_axi_wvalid, 1)
            await ctx.tick()
            ctx.set(dut.s_axi_awvalid, 0)
            ctx.set(dut.s_axi_wvalid, 0)
            assert ctx.get(dut.start)
            ctx.set(dut.events, dict.fromkeys(names, 1))  # in the cycle of start: not of this run
            await ctx.tick()
            ctx.set(dut.busy, 1)
            counted = dict.fromkeys(names, 0)
            for cycle in range(cycles):
                events = {name: rng.getrandbits(1) for name in names}
                counted = {name: counted[name] + events[name] for name in names}
                ctx.set(dut.events, events)
                ctx.set(dut.done, cycle == cycles - 1)
                await ctx.tick()
            ctx.set(dut.done, 0)
            ctx.set(dut.busy, 0)
            ctx.set(dut.events, dict.fromkeys(names, 1))
            read = [(await bus.read(register))[0] for register in range(Register.CYCLES, Register.WRITE_BEATS + 4, 4)]
            assert read == [cycles, *counted.values()]

    simulate(dut, bench)
