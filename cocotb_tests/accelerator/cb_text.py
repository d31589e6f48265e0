"""A decoder that writes a text in RTL, program by program, with its exact model beside it."""

from dataclasses import asdict
from pathlib import Path

import cocotb

from tilewright.bench.golden import predict_program, program_differences
from tilewright.bench.program_cases import changes
from tilewright.bench.scoreboard import memory_differences
from tilewright.cocotb_tests.accelerator.driver import AcceleratorBench
from tilewright.cocotb_tests.harness.axi_driver import padded
from tilewright.cocotb_tests.harness.job import return_rows
from tilewright.mapping.written import ProgramRow
from tilewright.sim.isa.accelerator_registers import Register
from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel

SPARE_CYCLES = 20_000
"""Cycles for which the bench waits longer than four times those of the model, before a program counts as stuck."""


@cocotb.test()
async def write(dut) -> None:
    """The text of the job: each next token follows from the logits in the memory of the RTL.

    Leaves a row for each program; stops after the first one that is not as the model says in every byte and cycle. The
    option ``damage`` has addresses and masks of bits that are flipped in the memory of the RTL alone.
    """
    bench = AcceleratorBench(dut)
    await bench.begin()
    job, timeline = bench.job.options["job"], bench.job.options["timeline"]
    writer = job.writer()
    image = padded(writer.image())
    model = AcceleratorModel(bench.config, image.copy())
    for address, value in bench.job.options.get("damage", ()):
        image[address] ^= value
    await bench.fill(image)
    bench.set_timing(job.timing)
    rows: list[ProgramRow] = []
    with Path(bench.job.options["tokens"]).open("a") as tokens:
        for start in writer.starts():
            before = model.memory.copy()
            writer.write(model.memory, start)
            for first, lines in changes(before, model.memory):
                await bench.fill(lines, first)
            address = start.program.program_address
            predicted = predict_program(model, address, job.timing, timeline=timeline)
            ended = await bench.run(address, 4 * predicted.cycles + SPARE_CYCLES)
            found = program_differences(ended, predicted)
            got = await bench.memory_after(len(image))
            different = int((got != model.memory).sum())
            if different:
                found.append(memory_differences(got, model.memory))
            token = writer.take(got, start)
            rows.append(
                ProgramRow.of(
                    job.system,
                    start,
                    predicted,
                    token,
                    timeline=timeline,
                    rtl_cycles=ended.counters[Register.CYCLES],
                    mismatches=different,
                    found="; ".join(found),
                )
            )
            if token is not None:
                print(token, file=tokens, flush=True)
            if found:
                break
    return_rows([{**asdict(row), "stop": writer.stop} for row in rows])
