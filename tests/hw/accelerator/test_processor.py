"""The command processor on a bus of which a beat contains two commands."""

from collections import deque

import pytest

from tests.hw.simulate import simulate
from tilewright.cocotb_tests.accelerator.suite import TWO_A_BEAT
from tilewright.hw.accelerator.processor import Processor
from tilewright.sim.isa.commands import Add, End, Load, Loop, Repeat, Set
from tilewright.sim.isa.encoding import encode_program
from tilewright.sim.isa.units import Unit
from tilewright.sim.isa.widths import COMMAND_BYTES

BEAT = TWO_A_BEAT.bus_bytes
LATENCY = 5
"""Cycles from a request to its beat."""


@pytest.mark.parametrize("start", [0x200, 0x240])
@pytest.mark.parametrize("before", [0, 1])
def test_each_command_is_taken_from_its_half_of_a_beat(start, before):
    # The loop begins in either half.
    loads = [Load(register=1, address=number * BEAT, beats=1, destination=0) for number in range(3)]
    program = [*loads[:before], Set(register=1, value=0), Loop(count=3), *loads, Add(register=1, value=4096), Repeat()]
    memory = bytes(start) + encode_program(TWO_A_BEAT, [*program, End()])
    memory += bytes(-len(memory) % BEAT + TWO_A_BEAT.fetch_depth * BEAT)
    dut = Processor(config=TWO_A_BEAT)
    found = []

    async def bench(ctx):
        coming: deque[tuple[int, int]] = deque()
        enter = getattr(dut, f"enter{Unit.LOAD}")
        for port, value in ((dut.program, start), (dut.start, 1), (dut.fetch_ready, 1), (enter.ready, 1)):
            ctx.set(port, value)
        for cycle in range(1000):
            if ctx.get(dut.fetch_valid):
                address = ctx.get(dut.fetch_address)
                assert address % BEAT == 0
                coming.append((cycle + LATENCY, int.from_bytes(memory[address : address + BEAT], "little")))
            here = bool(coming) and coming[0][0] <= cycle
            ctx.set(dut.beat_valid, here)
            ctx.set(dut.beat_last, here)
            if here:
                ctx.set(dut.beat_data, coming.popleft()[1])
            if ctx.get(enter.valid):
                found.append((ctx.get(enter.p.index), ctx.get(enter.p.address)))
            assert not ctx.get(dut.error)
            if ctx.get(dut.ended):
                return
            await ctx.tick()
            ctx.set(dut.start, 0)
        raise AssertionError("the program does not end")

    simulate(dut, bench)
    first = [(number, number * BEAT) for number in range(before)]
    body = before + 2
    assert found == first + [(body + n, 4096 * run + n * BEAT) for run in range(3) for n in range(3)]
    assert body * COMMAND_BYTES % BEAT == before * COMMAND_BYTES
