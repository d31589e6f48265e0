"""Bench of CIM tile and array: programs in the harness, values and cycles against the exact model."""

from dataclasses import replace
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import ClockCycles, FallingEdge

from tilewright.cocotb_tests.cim.driver import CIMBench, random_program, random_timing, reported_error, small_case
from tilewright.cocotb_tests.harness.job import return_rows
from tilewright.sim.isa.cim_command import CommandError

BENCH = "tilewright.cocotb_tests.cim.cb_cim"
"""Name of this module, as cocotb imports it."""


@cocotb.test()
async def table(dut) -> None:
    """The runner's cases: writes a row for each, for the runner to judge."""
    bench = CIMBench(dut)
    await bench.start()
    return_rows([await bench.run_case(case) for case in bench.job.cases])


@cocotb.test()
async def random_stalls(dut) -> None:
    """Values stay the same when every stream stalls at random; no stream takes back an offer."""
    bench = CIMBench(dut)
    await bench.start()
    for index in range(20):
        row = await bench.run_case(small_case(bench, f"stalled {index}"), stalls=True)
        assert row["mismatches"] == 0, row


@cocotb.test()
async def reset_in_flight(dut) -> None:
    """A reset in any cycle leaves a tile that runs the next program right, to the cycle."""
    bench = CIMBench(dut)
    await bench.start()
    for index in range(25):
        case = small_case(bench, f"cut off {index}")
        commands = await bench.write_case(case)
        whole = bench.subject.model(case.timing.memories()).run(commands)
        dut.run.value = 1
        await ClockCycles(dut.clk, bench.rng.randrange(1, whole))
        await bench.reset()
        row = await bench.run_case(small_case(bench, f"after {index}"))
        assert row["mismatches"] == 0, row
        assert row["rtl_cycles"] == row["model_cycles"], row


@cocotb.test()
async def random_programs(dut) -> None:
    """Random programs on random memory: values and cycles of the exact model."""
    bench = CIMBench(dut)
    await bench.start()
    cfg = bench.config
    words = 2048
    data = np.random.default_rng(bench.job.seed)
    weights = data.integers(0, 256, (words, cfg.weight_bus_bits // 8), dtype=np.uint8)
    activations = data.integers(0, 256, (words, cfg.activation_bus_bits // 8), dtype=np.uint8)
    await bench.write_data(weights, activations)
    for index in range(bench.job.options["programs"]):
        program = random_program(bench.subject, bench.rng, bench.rng.randrange(1, 30), words)
        timing = random_timing(bench.rng)
        bench.set_timing(timing)
        model_cycles = bench.subject.model(timing.memories()).run(program)
        await bench.write_program(program)
        cycles, vectors = await bench.run(program, 20 * model_cycles + 10000)
        expected = bench.subject.values(program, weights, activations)
        for position, (got, wanted) in enumerate(zip(vectors, expected, strict=True)):
            assert (got == wanted).all(), f"program {index}: result vector {position}: {got} instead of {wanted}"
        assert cycles == model_cycles, f"program {index}: {cycles} cycles, model {model_cycles}, {timing}"


@cocotb.test()
async def refused_commands(dut) -> None:
    """A bad command is refused with its code; what came before it ends, what comes after is not taken."""
    bench = CIMBench(dut)
    await bench.start()
    cfg = bench.config
    subject = bench.subject
    slots = cfg.accumulator_vectors
    most_slot = (1 << subject.layout["slot"].width) - 1
    good = subject.command(False, rows=1, columns=1)
    bad: dict[Any, list[dict]] = {
        CommandError.ROWS: [{"rows": 0}, {"rows": 4095}],
        CommandError.COLUMNS: [{"columns": 0}, {"columns": 65535}],
        CommandError.VECTORS: [{"vectors": 0}],
        CommandError.SLOT: [
            {"emit": False, "slot": slots},
            {"emit": False, "slot": most_slot},
            {"accumulate": True, "vectors": slots + 1},
            {"accumulate": True, "slot": slots - 1, "vectors": 2},
        ],
        CommandError.BANK: [{"load": False}],
    }
    for mode in subject.modes:
        rows, columns = subject.limits(mode)
        bad[CommandError.ROWS].append({"mode": mode, "rows": rows + 1})
        bad[CommandError.COLUMNS].append({"mode": mode, "columns": columns + 1})
    zeros = np.zeros((64, 1), np.uint8)
    await bench.write_data(
        zeros.repeat(cfg.weight_bus_bits // 8, axis=1), zeros.repeat(cfg.activation_bus_bits // 8, axis=1)
    )
    for error, changes in bad.items():
        for change in changes:
            refused = subject.command(**{"mode": False, "rows": 1, "columns": 1, **change})
            await bench.write_program([good, refused, good])
            dut.run.value = 1
            await ClockCycles(dut.clk, 400)
            await FallingEdge(dut.clk)
            assert reported_error(dut) is error, f"{change}: {reported_error(dut)}, not {error}"
            received = int(dut.received.value)
            assert received == bench.result_words([good]), f"{change}: {received} result words"
            await bench.reset()
            assert reported_error(dut) is CommandError.NONE, f"{change}: error survives reset"
    # Holding a block and loading another is refused as well.
    hold = replace(good, release=False)
    await bench.write_program([hold, good])
    dut.run.value = 1
    await ClockCycles(dut.clk, 400)
    assert reported_error(dut) is CommandError.BANK
