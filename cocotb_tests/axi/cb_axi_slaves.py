"""Bench of the slaves of the bus, ``AxiMemory`` and the NPE's registers, under masters of cocotbext-axi."""

import logging
import random

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import FallingEdge, RisingEdge
from cocotbext.axi import AxiBus, AxiLiteBus, AxiLiteMaster, AxiMaster, AxiResp

from tilewright.cocotb_tests.axi.cb_axi_memory import Port
from tilewright.cocotb_tests.axi.driver import SHARES, waits
from tilewright.cocotb_tests.harness.job import received
from tilewright.sim.isa.npe_registers import Register
from tilewright.sim.isa.registers import Access

BENCH = "tilewright.cocotb_tests.axi.cb_axi_slaves"
"""Name of this module, as cocotb imports it."""


def pause(master: AxiMaster | AxiLiteMaster, rng: random.Random) -> None:
    """Let each channel wait at random."""
    for interface, names in ((master.write_if, ("aw", "w", "b")), (master.read_if, ("ar", "r"))):
        interface.log.setLevel(logging.ERROR)
        for name in names:
            getattr(interface, f"{name}_channel").set_pause_generator(waits(rng, rng.choice(SHARES)))


async def start(dut, inputs: dict[str, int]) -> tuple[dict, random.Random]:
    """Start the clock and reset; return configuration and options of the job, and its generator of random numbers."""
    job = received()
    dut._log.info("seed %s", job.seed)
    for name, value in inputs.items():
        getattr(dut, name).value = value
    dut.rst.value = 1
    Clock(dut.clk, 2, unit="ns").start()
    return job.config | job.options, random.Random(job.seed)


async def release(dut) -> None:
    for _ in range(3):
        await RisingEdge(dut.clk)
    dut.rst.value = 0
    await RisingEdge(dut.clk)


@cocotb.test()
async def memory_under_axi_master(dut) -> None:
    """Any bytes, in any order of the channels: values, errors, and every cycle of the port."""
    inputs = {"restart": 1, "error_enable": 0, "write_enable": 0}
    job, rng = await start(dut, inputs)
    port = Port(dut, job, rng)
    port.choose(inputs)
    master = AxiMaster(AxiBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)
    await release(dut)
    await port.fill(rng.randbytes(port.size))

    async def watch() -> None:
        while True:
            await FallingEdge(dut.clk)
            port.record()

    cocotb.start_soon(watch())

    async def transfer(region: int, size: int) -> None:
        """Write and read within a region that no other transfer uses."""
        held = bytearray(port.content[region : region + size])
        for _ in range(6):
            length = rng.choice((1, rng.randrange(1, 20), rng.randrange(1, size)))
            offset = rng.randrange(size - length)
            if rng.random() < 0.5:
                data = rng.randbytes(length)
                answer = await master.write(region + offset, data)
                held[offset : offset + length] = data
                assert answer.resp == AxiResp.OKAY
            else:
                answer = await master.read(region + offset, length)
                assert answer.resp == AxiResp.OKAY
                assert answer.data == held[offset : offset + length]

    for _ in range(job["rounds"]):
        pause(master, rng)
        await RisingEdge(dut.clk)
        port.recording = False
        port.choose(inputs, fast=rng.random() < 0.3)
        error = port.error
        inputs |= {"restart": 1, "error_enable": 0}
        port.error = None
        for name, value in inputs.items():
            getattr(dut, name).value = value
        for _ in range(3):
            await RisingEdge(dut.clk)
        dut.restart.value = 0
        port.start()
        regions = [cocotb.start_soon(transfer(region, 1024)) for region in range(512, port.end - 1024, 5 * 1024)]
        for region in regions:
            await region
        # Errors: beyond the end, across it, and at the place chosen.
        answer = await master.read(port.end - port.beat, 3 * port.beat)
        assert answer.resp == AxiResp.DECERR
        assert (await master.write(port.end, b"abc")).resp == AxiResp.DECERR
        await RisingEdge(dut.clk)
        port.check()
        assert dut.broken.value == 0
        if error:
            port.recording = False
            address, response = error
            dut.error_enable.value = 1
            assert (await master.write(address, b"x")).resp == response
            assert (await master.read(address, port.beat)).resp == response
            dut.error_enable.value = 0
            after = await master.read(address, port.beat)
            assert after.data == port.content[address : address + port.beat], "the beat was written"
        await port.look(5)
    # What it does not do is refused, and remembered.
    answer = await master.write(1, b"y", size=0)
    assert answer.resp == AxiResp.SLVERR
    assert dut.broken.value == 1
    assert (await master.read(0, 1)).data == port.content[:1]


@cocotb.test()
async def registers_under_axi_lite_master(dut) -> None:
    """Reads and writes of any bytes of any registers; refused accesses have no effect."""
    dut.busy.value = dut.done.value = 0
    job, rng = await start(dut, {"error": 0x0304, "completed": 77, "events": 0})
    master = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)
    await release(dut)
    content = {int(entry): entry.reset or 0 for entry in Register}
    content |= {Register.GEOMETRY: job["geometry"], Register.MODES: job["modes"]}
    content |= {Register.COMPLETED: 77, Register.ERROR: 0x0304}
    entries = {int(entry): entry for entry in Register}
    starts = aborts = 0

    async def follow() -> None:
        """Be busy from the cycle after start on."""
        nonlocal starts, aborts
        while True:
            await FallingEdge(dut.clk)
            started, aborted = int(dut.start.value), int(dut.abort_now.value)
            starts, aborts = starts + started, aborts + aborted
            await RisingEdge(dut.clk)
            if started:
                dut.busy.value = 1

    cocotb.start_soon(follow())
    expected_starts = expected_aborts = 0
    for index in range(job["rounds"] * 40):
        if index % 40 == 0:
            pause(master, rng)
        address = rng.choice((*range(0, 0x50, 4), *[Register.CONTROL] * 5, Register.COUNT, 0x48, 0x400, 0xFFC))
        entry = entries.get(address)
        known = entry is not None
        busy = int(dut.busy.value)
        first = rng.randrange(4)
        length = rng.randrange(1, 5 - first)
        if address == Register.STATUS or Register.CYCLES <= address <= Register.WRITE_BEATS:
            continue
        if rng.random() < 0.5:
            answer = await master.read(address + first, length)
            right = content[address] if known else 0
            assert answer.data == right.to_bytes(4, "little")[first : first + length], hex(address)
            assert answer.resp == (AxiResp.OKAY if known else AxiResp.SLVERR), hex(address)
            continue
        data = rng.randbytes(length)
        if address == Register.CONTROL:
            first, data = 0, bytes([rng.randrange(4)])
        answer = await master.write(address + first, data)
        refused = entry is None or entry.access is Access.READ
        if address == Register.CONTROL:
            started = data[0] & 1
            refused = bool(started and busy)
            expected_starts += started and not busy
            expected_aborts += data[0] == 2 and busy
        elif entry and entry.access is Access.READ_WRITE:
            old = bytearray(content[address].to_bytes(4, "little"))
            old[first : first + length] = data
            content[address] = int.from_bytes(old, "little") & ((1 << entry.bits) - 1)
        assert answer.resp == (AxiResp.SLVERR if refused else AxiResp.OKAY), hex(address)
        assert (starts, aborts) == (expected_starts, expected_aborts)
        if busy and rng.random() < 0.3:
            await RisingEdge(dut.clk)
            dut.done.value = 1
            await RisingEdge(dut.clk)
            dut.done.value = dut.busy.value = 0
            await FallingEdge(dut.clk)
            content[Register.IRQ_STATUS] = 1
        await FallingEdge(dut.clk)
        assert dut.irq.value == (content[Register.IRQ_STATUS] & content[Register.IRQ_ENABLE])
        if content[Register.IRQ_STATUS]:
            assert (await master.write(Register.IRQ_STATUS, b"\1")).resp == AxiResp.OKAY
            content[Register.IRQ_STATUS] = 0
        address = content[Register.DESCRIPTOR_LOW] | content[Register.DESCRIPTOR_HIGH] << 32
        assert int(dut.descriptor_address.value) == address
    assert min(expected_starts, expected_aborts) > 1, "too few starts and aborts"
