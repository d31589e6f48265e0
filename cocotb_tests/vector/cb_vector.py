"""Bench of the vector unit: all of its scratchpad and the cycles of each command against the exact model."""

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge

from tilewright.cocotb_tests.harness.job import received, return_rows
from tilewright.cocotb_tests.vector.cases import Case, payload
from tilewright.cocotb_tests.vector.harness import line_words
from tilewright.sim.config.vector import VectorConfig
from tilewright.sim.machine.vector.unit import VectorModel

BENCH = "tilewright.cocotb_tests.vector.cb_vector"
"""Name of this module, as cocotb imports it."""


class VectorBench:
    """Drives the harness."""

    def __init__(self, dut, config: VectorConfig):
        self.dut, self.config = dut, config
        self.line_bytes = line_words(config) * config.word_bits // 8

    async def begin(self) -> None:
        """Start the clock and reset."""
        for port in ("run", "gap", "count", "command_enable", "command_address", "command", "write_enable", "address",
                     "write_data", "log_address"):  # fmt: skip
            getattr(self.dut, port).value = 0
        Clock(self.dut.clk, 2, unit="ns").start()
        await self.reset()

    async def reset(self) -> None:
        """Reset for one cycle; the scratchpad keeps its content."""
        self.dut.rst.value = 1
        await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)

    async def fill(self, case: Case) -> None:
        """Store the scratchpad and the commands."""
        dut = self.dut
        dut.write_enable.value = 1
        for index, line in enumerate(case.memory.reshape(-1, self.line_bytes)):
            dut.address.value = index
            dut.write_data.value = int.from_bytes(line.tobytes(), "little")
            await RisingEdge(dut.clk)
        dut.write_enable.value = 0
        dut.command_enable.value = 1
        for index, command in enumerate(case.commands):
            dut.command_address.value = index
            dut.command.value = payload(self.config, command)
            await RisingEdge(dut.clk)
        dut.command_enable.value = 0
        await RisingEdge(dut.clk)

    async def run(self, count: int, limit: int, gap: int = 0) -> None:
        """Run the stored commands."""
        dut = self.dut
        dut.count.value, dut.gap.value, dut.run.value = count, gap, 1
        await FallingEdge(dut.clk)
        for _ in range(limit // 64 + 1):
            if int(dut.done.value):
                break
            await ClockCycles(dut.clk, 64)
            await FallingEdge(dut.clk)
        assert int(dut.done.value), f"no end within {limit} cycles"

    async def stop(self) -> None:
        """Take back the run."""
        self.dut.run.value = 0
        await ClockCycles(self.dut.clk, 2)

    async def log(self, count: int) -> list[tuple[int, int]]:
        """Return the cycles and the error of each command."""
        read = []
        for index in range(count):
            self.dut.log_address.value = index
            await FallingEdge(self.dut.clk)
            word = int(self.dut.log.value)
            read.append((word & 0xFFFFFFFF, word >> 32))
        return read

    async def dump(self) -> np.ndarray:
        """Return the scratchpad."""
        lines = []
        for index in range((self.config.lanes << self.config.address_bits) // self.line_bytes):
            self.dut.address.value = index
            await FallingEdge(self.dut.clk)
            lines.append(int(self.dut.read_data.value).to_bytes(self.line_bytes, "little"))
        return np.frombuffer(b"".join(lines), np.uint8)


async def run_case(bench: VectorBench, case: Case) -> dict:
    """Run a case; return its row of the table: what differs, and by how many cycles."""
    model = VectorModel(bench.config, case.memory.copy())
    predicted, errors = [], []
    for command in case.commands:
        predicted.append(model.run(command))
        errors.append(model.error)
    await bench.fill(case)
    await bench.run(len(case.commands), 2 * sum(predicted) + case.gap * len(predicted) + 1000, case.gap)
    log, got = await bench.log(len(predicted)), await bench.dump()
    cycles = [entry[0] for entry in log]
    await bench.stop()
    differ = np.flatnonzero(got.view(np.uint32) != model.memory.view(np.uint32))
    apart = [index for index, pair in enumerate(zip(cycles, predicted, strict=True)) if pair[0] != pair[1]]
    found = [
        f"word {index} is {got.view(np.uint32)[index]:08x}, not {model.memory.view(np.uint32)[index]:08x}"
        for index in differ[:3]
    ]
    found += [f"{case.commands[index]} took {cycles[index]} cycles, not {predicted[index]}" for index in apart[:3]]
    for command, (_, error), wanted in zip(case.commands, log, errors, strict=True):
        assert error == wanted, f"{case.name}: {command} ends with error {error}, not {wanted.name}"
    assert not int(bench.dut.strays.value), f"{case.name}: written while no command is under way"
    return {
        "name": case.name,
        "commands": len(case.commands),
        "values": len(got) // 4,
        "mismatches": len(differ),
        "rtl_cycles": sum(cycles),
        "model_cycles": sum(predicted),
        "apart": sum(abs(cycles[index] - predicted[index]) for index in apart),
        "found": "; ".join(found),
    }


@cocotb.test()
async def table(dut):
    """Run every case up to the first that differs from its model, where it fails; return a row for each."""
    job = received()
    bench = VectorBench(dut, job.config)
    await bench.begin()
    rows = []
    for case in job.cases:
        rows.append(row := await run_case(bench, case))
        assert row["mismatches"] == row["apart"] == 0, f"{row['name']}: {row['found']}"
    return_rows(rows)


@cocotb.test()
async def reset_in_flight(dut):
    """A reset at any time leaves the unit as new: the case that follows is right."""
    job = received()
    [interrupted, *todo] = job.cases
    bench = VectorBench(dut, job.config)
    await bench.begin()
    for index, case in enumerate(todo):
        await bench.fill(interrupted)
        bench.dut.count.value, bench.dut.run.value = len(interrupted.commands), 1
        await ClockCycles(dut.clk, 3 + 29 * index)
        bench.dut.run.value = 0
        await bench.reset()
        row = await run_case(bench, case)
        assert row["mismatches"] == row["apart"] == 0, f"{case.name}: {row['found']}"
