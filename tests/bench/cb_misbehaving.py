"""Benches of a circuit that breaks the contracts of its ports: drivers, monitors and memory must notice."""

import random

import cocotb
from cocotb.triggers import ClockCycles

import tilewright.bench as tb
from tilewright.sim.formats import Int


async def begin(dut, fault: int) -> None:
    """Start the circuit with a fault, 0 for none."""
    dut.fault.value = fault
    await tb.start_and_reset(dut)


async def waits(dut) -> None:
    await ClockCycles(dut.clk, 60)


@cocotb.test()
@cocotb.parametrize(fault=range(11))
async def behaves(dut, fault):
    """All ports for a while; with a fault, this test must fail, and pytest looks at the message."""
    sink = tb.StreamSink(dut, "o", stall=0.5, rng=random.Random(3))
    source = tb.StreamSource(dut, "i", fields={"low": 3, "high": 5}, stall=0.5)
    memory = tb.AxiMemory(dut, 0x2000, stall={0: 0.4, 8: {"ar": 0.9}}.get(fault, 0.0), timing=tb.Timing(latency=3))
    board = tb.Scoreboard(sink, format=Int(8))
    board.expect(*range(8))
    source.put({"low": 5, "high": 30}, {"low": 0, "high": 1})
    await begin(dut, fault)
    await source.drained(timeout_cycles=50)
    while len(sink.received) < 8:
        await ClockCycles(dut.clk, 1)
    sink.stall = 1.0
    await waits(dut)
    del sink.received[8:]
    await board.complete(timeout_cycles=50)
    assert [each.value for each in source.sent] == [{"low": 5, "high": 30}, {"low": 0, "high": 1}]
    assert memory.idle
    assert (memory.read_beats, memory.write_beats) == (4, 2)
    assert memory.read(0x80, 8).tobytes().hex() == "00efcdab" + "0100cd00"


@cocotb.test()
async def monitors_alone(dut):
    """A monitor beside the sink sees the same transfers in the same cycles."""
    sink, monitor = tb.StreamSink(dut, "o", stall=0.5), tb.StreamMonitor(dut, "o")
    await begin(dut, 0)
    await waits(dut)
    assert len(sink.received) > 10
    assert sink.received == monitor.received
    board = tb.Scoreboard(sink)
    board.expect(*range(1000))
    sink.stall = 1.0
    try:
        await board.complete(timeout_cycles=20)
    except AssertionError as error:
        assert "of 1000 payloads, and no more for 20 cycles" in str(error)  # noqa: PT017 - no pytest here
    else:
        raise AssertionError("a stream that stops is not noticed")
