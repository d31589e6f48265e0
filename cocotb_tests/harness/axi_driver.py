"""Software of benches of AXI4 masters: registers, memory, and the checks of the bus."""

import random
from typing import Any

import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge, Timer

from tilewright.bench.clock import CLOCK_NS
from tilewright.bench.host import Host
from tilewright.bench.register_port import SLVERR
from tilewright.bench.timing import NEAR, Timing
from tilewright.cocotb_tests.harness.axi_contract import RULES, SHARE_BITS
from tilewright.cocotb_tests.harness.axi_harness import ERRORS, LINE_BITS, TIMING


class AxiBench(Host):
    """Drives an :class:`AxiBenchHarness`: a host that also has the memory, and checks the bus at each end.

    A class that inherits from it and from a host calls the constructors of both, that of the host first.

    Parameters
    ----------
    dut
        cocotb's handle of the harness.
    bus_bytes, memory_bytes : int
        Bytes of a beat, and of memory.
    seed : int
        Of everything random.
    """

    def __init__(self, dut, *, bus_bytes: int, memory_bytes: int, seed: int):
        self.bus_bytes, self.memory_bytes = bus_bytes, memory_bytes
        self.rng = random.Random(seed)
        self.allowed: set[str] = set()
        """Names of the rules that may be broken."""
        dut._log.info("seed %s", seed)

    async def begin(self) -> None:
        """Start the clock and reset."""
        dut = self.dut
        for port in ("restart", "seed", "shares"):
            getattr(dut, port).value = 0
        for port in (*ERRORS, "write_enable", "write_address", "write_data", "read_address"):
            getattr(dut, f"memory_{port}").value = 0
        dut.memory_size.value = self.memory_bytes
        self.set_timing(NEAR)
        Clock(dut.clk, CLOCK_NS, unit="ns").start()
        await self.reset()

    async def reset(self) -> None:
        """Reset both sides of the bus for one cycle; memory keeps its content."""
        self.dut.rst.value = 1
        await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0
        await self.restart()
        await self.enable_interrupt()

    async def restart(self) -> None:
        """Make the observer forget."""
        self.dut.restart.value = 1
        await RisingEdge(self.dut.clk)
        self.dut.restart.value = 0
        await RisingEdge(self.dut.clk)

    def set_timing(self, timing: Timing) -> None:
        """Set latencies, rates, refresh and turns of memory."""
        values = (
            timing.latency, *timing.rate.as_integer_ratio(), timing.write_latency,
            *timing.write_rate.as_integer_ratio(), timing.refresh_period, timing.refresh_cycles,
            timing.turn_period, timing.read_to_write, timing.write_cycles, timing.write_to_read,
        )  # fmt: skip
        for name, value in zip(TIMING, values, strict=True):
            getattr(self.dut, f"memory_{name}").value = value

    def set_shares(self, shares: tuple[int, ...], seed: int = 1) -> None:
        """Set how often each channel waits, in sixteenths; in force from ``restart`` on."""
        self.dut.shares.value = sum(share << SHARE_BITS * index for index, share in enumerate(shares))
        self.dut.seed.value = seed

    def set_error(self, address: int | None, response: int = SLVERR) -> None:
        """Let memory answer at one byte address with an error, or with none."""
        self.dut.memory_error_enable.value = int(address is not None)
        self.dut.memory_error_address.value = address or 0
        self.dut.memory_error_response.value = response

    async def fill(self, memory: np.ndarray, start: int = 0) -> None:
        """Write memory from byte ``start`` on, both in whole lines."""
        dut, size = self.dut, LINE_BITS // 8
        assert len(memory) % size == 0 == start % size
        assert start + len(memory) <= self.memory_bytes, f"{start + len(memory)} bytes do not fit"
        dut.memory_write_enable.value = 1
        for index, line in enumerate(memory.reshape(-1, size), start // size):
            dut.memory_write_address.value = index
            dut.memory_write_data.value = int.from_bytes(line.tobytes(), "little")
            await RisingEdge(dut.clk)
        dut.memory_write_enable.value = 0
        await RisingEdge(dut.clk)

    async def dump(self, size: int) -> np.ndarray:
        """Read memory up to byte ``size``, (size,) uint8, a line at a time."""
        dut, line = self.dut, LINE_BITS // 8
        lines = []
        for index in range(-(-size // line)):
            dut.memory_read_address.value = index
            await Timer(1, unit="ps")
            lines.append(int(dut.memory_read_data.value).to_bytes(line, "little"))
        await RisingEdge(dut.clk)
        return np.frombuffer(b"".join(lines), np.uint8)[:size].copy()

    async def memory_after(self, size: int, *, whole: bool = True) -> np.ndarray:
        """Return memory up to byte ``size`` after a start, (size,) uint8.

        Parameters
        ----------
        whole : bool
            Whether nothing may have been written behind it.

        Raises
        ------
        AssertionError
            If something was.
        """
        end = int(self.dut.write_end.value)
        assert not whole or end <= size, f"written up to {end:#x}, behind all {size:#x} bytes that there are"
        return await self.dump(size)

    async def read_ending(self, timeout_cycles: int) -> tuple[int, int, dict[Any, int]]:
        """Wait for the interrupt, check everything that must hold then, and clear the interrupt.

        Returns the error's code and detail, and the counters.

        Raises
        ------
        AssertionError
            If it does not come, the bus was or is not left as it must be, or registers contradict one another or what
            was seen on the bus.
        """
        dut, registers = self.dut, self.REGISTERS
        code, detail, counters = await super().read_ending(timeout_cycles)
        assert counters[registers.CYCLES] == int(dut.cycles.value), f"CYCLES {counters[registers.CYCLES]}"
        assert counters[registers.READ_BEATS] == int(dut.read_beats.value)
        assert counters[registers.WRITE_BEATS] == int(dut.write_beats.value)
        return code, detail, counters

    async def end_in_silence(self, timeout_cycles: int) -> None:
        """Check that a start without IRQ_ENABLE ends without an interrupt until IRQ_ENABLE is set.

        Raises
        ------
        AssertionError
            If it does not.
        """
        dut, registers = self.dut, self.REGISTERS
        for _ in range(timeout_cycles):
            if await self.get(registers.STATUS) != 1:
                break
        assert await self.get(registers.STATUS) == 2
        assert dut.irq.value == 0
        assert await self.get(registers.IRQ_STATUS) == 1
        await self.write(registers.IRQ_ENABLE, 1)
        await FallingEdge(dut.clk)
        assert dut.irq.value == 1
        await self.write(registers.IRQ_STATUS, 0)
        assert dut.irq.value == 1, "a 0 clears nothing"
        await self.write(registers.IRQ_STATUS, 1)
        assert dut.irq.value == 0
        await RisingEdge(dut.clk)

    def check_bus(self) -> None:
        """Check the bus: nothing is in flight, and no rule has been broken since ``restart``.

        Raises
        ------
        AssertionError
            If it is not so.
        """
        self.check_rules()
        assert self.dut.idle.value == 1, "something is in flight"

    def check_rules(self) -> None:
        """Check that no rule has been broken since ``restart``.

        Raises
        ------
        AssertionError
            If one has.
        """
        flags = int(self.dut.broken.value)
        broken = [text for index, text in enumerate(RULES) if flags >> index & 1 and text not in self.allowed]
        assert not broken, ", ".join(broken)
        assert self.dut.memory_broken.value == 0, "memory saw a burst that is none"

    async def interrupted(self, timeout_cycles: int) -> None:
        """Wait for the interrupt, and check the bus.

        Raises
        ------
        AssertionError
            If it does not come, or the bus was or is not left as it must be.
        """
        try:
            await super().interrupted(timeout_cycles)
        except AssertionError:
            self.check_rules()
            raise
        await ClockCycles(self.dut.clk, 4)  # whatever came too late would come now
        await FallingEdge(self.dut.clk)
        self.check_bus()


def padded(memory: np.ndarray) -> np.ndarray:
    """Return memory up to a whole line."""
    return np.pad(memory, (0, -len(memory) % (LINE_BITS // 8)))
