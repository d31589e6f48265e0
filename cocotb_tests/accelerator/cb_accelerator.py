"""Bench of the accelerator: all of memory, cycles and counters beside its exact model."""

from dataclasses import asdict
from time import process_time

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles

from tilewright.bench.golden import predict_program, program_differences
from tilewright.bench.program_cases import Case, Failure, Run, patched
from tilewright.bench.register_port import OKAY, SLVERR
from tilewright.bench.scoreboard import memory_differences
from tilewright.bench.timing import Timing
from tilewright.cocotb_tests.accelerator.driver import AcceleratorBench
from tilewright.cocotb_tests.harness.axi_driver import padded
from tilewright.cocotb_tests.harness.job import return_rows
from tilewright.sim.isa.accelerator_registers import ACCELERATOR_ID, Register, registers_of
from tilewright.sim.isa.errors import AcceleratorError
from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel
from tilewright.sim.machine.accelerator.program_run import AcceleratorRun

BENCH = "tilewright.cocotb_tests.accelerator.cb_accelerator"
"""Name of this module, as cocotb imports it."""
LATE = "a request after an error"
"""Rule that does not hold for commands read ahead, because it is known only later whether they are reached."""
STALLS_TIMES = 40
"""Factor that bounds the length of a run with random stalls."""
UNKNOWN_CYCLES = 100_000
"""Number of cycles after which any program that gets stuck has got stuck."""


def model_of(bench: AcceleratorBench, case: Case) -> AcceleratorModel:
    """Return a model with the memory of a case, as large as the bench's."""
    memory = np.zeros(bench.memory_bytes, np.uint8)
    memory[: len(case.memory)] = case.memory
    return AcceleratorModel(bench.config, memory)


def predict(model: AcceleratorModel, run: Run, timing: Timing) -> AcceleratorRun:
    """Run a program on a model; the NPE's port has the memory timing of the other port."""
    failure = run.failure or Failure(error=AcceleratorError.NONE)
    return predict_program(
        model, run.address, timing, bad_address=failure.bus_address, bad_response=failure.bus_response
    )  # fmt: skip


async def run_case(bench: AcceleratorBench, case: Case) -> list[dict]:
    """Run the programs of a case; return their rows of the table.

    Raises
    ------
    AssertionError
        If the model says other than the case how a program ends, or the bus is not as it must be.
    """
    model = model_of(bench, case)
    await bench.fill(padded(case.memory))
    bench.set_timing(case.timing)
    bench.set_shares(case.shares, case.seed)
    timed = not any(case.shares)
    rows = []
    for run in case.runs:
        name = f"{case.name}, {run.name}" if run.name else case.name
        patched(model.memory, run)
        failure = run.failure
        predicted = predict(model, run, case.timing)
        check_model(name, run, predicted)
        await bench.prepare(run)
        bench.allowed = {LATE} if run.errors_ahead else set()
        try:
            # When nothing moves any more the model does not say.
            cycles = UNKNOWN_CYCLES if predicted.error is AcceleratorError.DEADLOCK else predicted.cycles
            ended = await bench.run(run.address, cycles * (4 if timed else STALLS_TIMES) + 20000)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from error
        found = program_differences(ended, predicted, timed=timed)
        # What lies behind is of no account, if nothing is written there.
        size = len(padded(case.memory))
        got = await bench.memory_after(size, whole=not run.failure)
        expected = model.memory[:size]
        for begin, end in failure.spared if failure else ():
            expected[begin:end] = got[begin:end]
        mismatches = int((got != expected).sum())
        for address, content in run.expected:
            if got[address : address + len(content)].tobytes() != content:
                found.append(f"not the {len(content)} bytes at {address:#x} that the steps make")
                mismatches += not mismatches
        if mismatches:
            found.append(memory_differences(got, expected))
        near = None
        if run.reference:
            near = run.reference.cosine(got)
            if near < run.reference.least:
                found.append(f"cosine {near:.5f} to the layer without quantisation, not {run.reference.least}")
        for text in found:
            bench.dut._log.error("%s: %s", name, text)
        cycles = ended.counters[Register.CYCLES]
        rows.append(
            {
                "name": name,
                "commands": ended.counters[Register.COMMANDS],
                **{key: str(value) for key, value in asdict(case.timing).items()},
                "bytes_per_cycle": float(case.timing.rate * bench.bus_bytes),
                "rtl_cycles": cycles,
                # Neither random stalls have a model, nor what follows an error.
                "model_cycles": predicted.cycles if timed and not predicted.error else cycles,
                "utilisation": run.macs / bench.config.macs_per_cycle / cycles if run.macs else None,
                "cosine": near,
                "values": len(got),
                "mismatches": mismatches,
                "found": "; ".join(found),
            }
        )
    return rows


def check_model(name: str, run: Run, predicted: AcceleratorRun) -> None:
    """Check that the model ends a run as its maker expects.

    Raises
    ------
    AssertionError
        If it does not.
    """
    failure = run.failure
    wanted = (failure.error, failure.detail, failure.index) if failure else (AcceleratorError.NONE, 0, 0)
    if failure and failure.index is None:
        wanted = (failure.error, failure.detail, predicted.index)
    got = (predicted.error, predicted.detail, predicted.index)
    assert got == wanted, f"{name}: the model ends with {got}, not {wanted}"


@cocotb.test()
async def table(dut) -> None:
    """The runner's cases: writes a row for each program, for the runner to judge."""
    bench = AcceleratorBench(dut)
    await bench.begin()
    rows = [row for case in bench.job.cases for row in await run_case(bench, case)]
    return_rows(rows)


@cocotb.test()
async def right(dut) -> None:
    """The runner's cases: stops at the first program that is not as the model says in every byte and every cycle."""
    bench = AcceleratorBench(dut)
    await bench.begin()
    for case in bench.job.cases:
        for row in await run_case(bench, case):
            assert not row["found"], f"{row['name']}: {row['found']}"


@cocotb.test()
async def speed(dut) -> None:
    """The runner's cases: returns cycles and CPU seconds between each start and its end."""
    bench = AcceleratorBench(dut)
    await bench.begin()
    rows = []
    for case in bench.job.cases:
        model = model_of(bench, case)
        await bench.fill(padded(case.memory))
        bench.set_timing(case.timing)
        for run in case.runs:
            patched(model.memory, run)
            predicted = predict(model, run, case.timing)
            await bench.prepare(run)
            begin = process_time()
            ended = await bench.run(run.address, 4 * predicted.cycles + 20000)
            seconds = process_time() - begin
            found = program_differences(ended, predicted, timed=True)
            assert not found, f"{run.name}: {found}"
            rows.append({"name": run.name, "cycles": predicted.cycles, "seconds": seconds})
        size = len(padded(case.memory))
        assert (await bench.dump(size) == model.memory[:size]).all()
    return_rows(rows)


@cocotb.test()
async def reset_in_flight(dut) -> None:
    """A reset of both sides in any cycle leaves an accelerator that runs the same case right."""
    bench = AcceleratorBench(dut)
    await bench.begin()
    for case in bench.job.cases:
        model = model_of(bench, case)
        patched(model.memory, case.runs[0])
        whole = predict(model, case.runs[0], case.timing).cycles
        await bench.fill(padded(case.memory))
        bench.set_timing(case.timing)
        await bench.prepare(case.runs[0])
        await bench.restart()
        await bench.start(case.runs[0].address)
        await ClockCycles(dut.clk, bench.rng.randrange(1, whole))
        await bench.reset()
        for register, content in (
            (Register.STATUS, 0),
            (Register.ERROR, 0),
            (Register.IRQ_STATUS, 0),
            (Register.CYCLES, 0),
            (Register.COMMANDS, 0),
            (Register.PROGRAM_LOW, 0),
        ):
            assert await bench.get(register) == content, f"{register.name} after reset"
        bench.check_bus()
        for row in await run_case(bench, case):
            assert not row["found"], f"{row['name']}: {row['found']}"


@cocotb.test()
async def registers(dut) -> None:
    """Registers report, refuse and ignore what they should."""
    bench = AcceleratorBench(dut)
    await bench.begin()
    assert await bench.get(Register.ID) == ACCELERATOR_ID
    for address in (max(Register) + 4, 0x7C, 0x80, 0xFFC):
        assert (await bench.read(address))[1] == SLVERR, f"read of {address:#x}"
        assert await bench.write(address, 1) == SLVERR, f"write to {address:#x}"
    writable = {
        Register.CONTROL, Register.IRQ_ENABLE, Register.IRQ_STATUS, Register.PROGRAM_LOW, Register.PROGRAM_HIGH,
    }  # fmt: skip
    for register in set(registers_of(bench.config)) - writable:
        before = await bench.get(register)
        assert await bench.write(register, 0x5A5A5A5A) == SLVERR, f"write to {register.name}"
        assert await bench.get(register) == before, f"{register.name} has changed"
    await bench.write(Register.PROGRAM_LOW, 0x11223344)
    await bench.write(Register.PROGRAM_LOW, 0xAABBCCDD, strobe=0b0101)
    assert await bench.get(Register.PROGRAM_LOW) == 0x11BB33DD, "bytes without strobe stay"
    assert await bench.get(Register.CONTROL) == 0
    await bench.write(Register.CONTROL, 1, strobe=0b1110)
    await ClockCycles(dut.clk, 10)
    assert await bench.get(Register.STATUS) == 0, "a start without strobe"

    # While it runs: a second start is refused, and the registers of the next start can be written.
    [case] = bench.job.cases
    [run] = case.runs
    await bench.fill(padded(case.memory))
    await bench.prepare(run)
    bench.set_timing(Timing(latency=200))
    await bench.restart()
    await bench.start(run.address)
    assert await bench.get(Register.STATUS) == 1
    assert await bench.write(Register.CONTROL, 1) == SLVERR, "start while busy"
    for register in (Register.PROGRAM_LOW, Register.PROGRAM_HIGH):
        assert await bench.write(register, 0xFFFFFFFF) == OKAY
    first = await bench.get(Register.CYCLES)
    assert await bench.get(Register.CYCLES) > first
    model = model_of(bench, case)
    patched(model.memory, run)
    predicted = predict(model, run, Timing(latency=200))
    ended = await bench.ending(4 * predicted.cycles)
    found = program_differences(ended, predicted, timed=True)
    assert not found, f"a start with software at the registers: {found}"
    assert (await bench.dump(len(model.memory)) == model.memory).all()

    # Without IRQ_ENABLE it ends in silence.
    await bench.write(Register.IRQ_ENABLE, 0)
    await bench.start(run.address)
    await bench.end_in_silence(predicted.cycles)
