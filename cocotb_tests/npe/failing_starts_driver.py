"""Starts of the NPE that must end with an error, and the memory after each."""

from dataclasses import dataclass, replace

import numpy as np

from tilewright.bench.npe_host import NpeEnding
from tilewright.bench.npe_jobs import Image, ImageBuilder, Job
from tilewright.bench.scoreboard import memory_differences
from tilewright.cocotb_tests.harness.axi_driver import padded
from tilewright.cocotb_tests.npe.cases import Source
from tilewright.cocotb_tests.npe.cb_npe import random_timing
from tilewright.cocotb_tests.npe.driver import NpeBench
from tilewright.sim.formats.simd import ResultFormat, SumFormat
from tilewright.sim.isa.descriptor import Activation, Along, Descriptor
from tilewright.sim.isa.npe_registers import NpeError
from tilewright.sim.isa.widths import DESCRIPTOR_BYTES
from tilewright.sim.machine.npe import values as npe_values

TIMEOUT_CYCLES = 300_000
"""More than any job here takes with the slowest memory and the most stalls."""


@dataclass
class Plan:
    """A memory, and what a start makes of it."""

    image: Image
    memory: np.ndarray
    outcome: npe_values.Outcome

    @classmethod
    def of(cls, bench: Source, image: Image) -> "Plan":
        # As much memory as there is: what lies behind the image is of no account, but it is there.
        memory = np.zeros(bench.memory_bytes, np.uint8)
        memory[: len(image.memory)] = image.memory
        return cls(image, memory, npe_values.run(bench.config, memory, image.address, len(image.descriptors)))

    @property
    def shown(self) -> int:
        """Bytes that are written to the bench's memory and read back."""
        return len(padded(self.image.memory))


def everything(bench: Source) -> Job:
    """Return a job of more than one tile each way that reads every stream and writes both."""
    config, rng = bench.config, bench.rng
    mode = rng.choice(config.modes)
    results: tuple[ResultFormat, ...] = (*config.modes, SumFormat.FP32)
    return Job(
        m=config.rows + rng.randint(1, config.rows),
        n=config.columns + rng.randint(1, config.columns),
        k=rng.randint(2, 3 * config.words_per_beat) * mode.lanes,
        mode=mode,
        out=rng.choice(results),
        scale=rng.choice((Along.ROW, Along.COLUMN)),
        bias=rng.choice((Along.ROW, Along.COLUMN)),
        residual=rng.choice(config.modes),
        activation=rng.choice(tuple(Activation)),
        transpose=rng.random() < 0.3,
        sum=True,
        maximum=rng.random() < 0.5,
    )


def plan(bench: Source, count: int = 1) -> Plan:
    """Return a start of jobs that end well."""
    jobs = [everything(bench) for _ in range(count)]
    made = Plan.of(bench, ImageBuilder(bench.config, bench.rng.randrange(1 << 30)).build(jobs))
    assert made.outcome.error is NpeError.NONE
    return made


def changed(bench: Source, good: Plan, index: int, **fields: object) -> Plan:
    """Return the same start with a descriptor that differs in some fields."""
    image = good.image
    descriptors = list(image.descriptors)
    descriptors[index] = replace(descriptors[index], **fields)  # type: ignore[arg-type]
    memory = image.memory.copy()
    for number, descriptor in enumerate(descriptors):
        where = image.address + number * DESCRIPTOR_BYTES
        memory[where : where + DESCRIPTOR_BYTES] = np.frombuffer(descriptor.encode(), np.uint8)
    return Plan.of(bench, Image(memory, image.address, tuple(descriptors)))


async def prepare(bench: NpeBench, made: Plan) -> None:
    """Fill memory, choose a timing and stalls."""
    timing = random_timing(bench)
    await bench.fill(padded(made.image.memory))
    bench.set_timing(timing)
    stalled = bench.rng.random() < 0.3
    bench.set_shares(tuple(bench.rng.choice((0, 4, 12)) * stalled for _ in range(5)), bench.rng.randrange(1 << 30))


async def check_memory(bench: NpeBench, made: Plan, completed: int, spared: Descriptor | None = None) -> None:
    """Compare memory after ``completed`` jobs; what job ``spared`` writes may be there already, byte by byte."""
    got = await bench.dump(made.shown)
    before = npe_values.run(bench.config, made.memory, made.image.address, completed) if completed else None
    expected = (made.memory if before is None else before.memory).copy()
    if spared is not None:
        values = None
        if made.outcome.failed is None:
            values = [new for _, new in npe_values.results(bench.config, spared, expected)]
        for index, places in enumerate(npe_values.places(bench.config, spared)):
            inside = places < made.shown
            where = places[inside].astype(np.int64)
            there = got[where]
            # Of a job that reads what is not there, nothing can be said of what it may have written before.
            new = there if values is None else values[index][inside]
            expected[where] = np.where(there == new, new, expected[where])
    expected = expected[: made.shown]
    assert (got == expected).all(), f"after {completed} jobs: {memory_differences(got, expected)}"


async def goes_on(bench: NpeBench, made: Plan) -> None:
    """Run jobs that end well, after whatever was before, and compare all of memory.

    Raises
    ------
    AssertionError
        If they do not.
    """
    bench.set_error(None)
    await prepare(bench, made)
    ended = await bench.run(made.image.address, len(made.image.descriptors), TIMEOUT_CYCLES)
    assert ended.error is NpeError.NONE, f"the next start ends with {ended.error.name}, detail {ended.detail}"
    assert ended.completed == len(made.image.descriptors)
    await check_memory(bench, made, ended.completed)


def expect(ended: NpeEnding, error: NpeError, detail: int, completed: int, what: str) -> None:
    got = (ended.error, ended.detail, ended.completed)
    wanted = (error, int(detail), completed)
    assert got == wanted, f"{what}: {got[0].name} {got[1:]}, not {wanted[0].name} {wanted[1:]}"
