"""Bench of the NPE: all of memory and all cycles against the exact model."""

from dataclasses import asdict, replace
from fractions import Fraction

import cocotb

from tilewright.bench.golden import npe_differences, predict_npe
from tilewright.bench.npe_jobs import Job, random_job
from tilewright.bench.scoreboard import memory_differences
from tilewright.bench.timing import Timing
from tilewright.cocotb_tests.harness.axi_driver import padded
from tilewright.cocotb_tests.harness.job import return_rows
from tilewright.cocotb_tests.npe.cases import Case, Source
from tilewright.cocotb_tests.npe.driver import NpeBench
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import Mode
from tilewright.sim.isa.descriptor import Descriptor
from tilewright.sim.isa.npe_registers import NpeError, Register

BENCH = "tilewright.cocotb_tests.npe.cb_npe"
"""Name of this module, as cocotb imports it."""
STALLS_TIMES = 40
"""Factor that bounds the length of a run with random stalls."""


def array_cycles(config: NpeConfig, job: Descriptor) -> int:
    """Return the cycles in which the array takes a word: one for each word of K, for each output tile."""
    tiles = -(-job.m // config.rows) * -(-job.n // config.columns)
    return tiles * config.words(Mode(job.mode), job.k)


async def run_case(bench: NpeBench, case: Case) -> dict:
    """Run the jobs of a case; return its row of the table.

    Raises
    ------
    AssertionError
        If it ends with an error, or what the registers count cannot be.
    """
    config = bench.config
    image = case.image(config)
    memory = padded(image.memory)
    predicted = predict_npe(config, memory, image.address, len(case.jobs), case.timing)
    assert predicted.error is NpeError.NONE, f"{case.name}: {predicted.error.name} {predicted.detail} of the model"
    await bench.fill(memory)
    bench.set_timing(case.timing)
    bench.set_shares(case.shares, case.seed)
    stalled = any(case.shares)
    ended = await bench.run(image.address, len(case.jobs), predicted.cycles * (STALLS_TIMES if stalled else 4) + 20000)
    counters = ended.counters
    busy = sum(array_cycles(config, descriptor) for descriptor in image.descriptors)
    assert counters[Register.BUSY] == busy, f"{case.name}: BUSY {counters[Register.BUSY]}, not {busy}"
    found = npe_differences(ended, predicted, timed=not stalled)
    # The row tells by how many cycles they are apart.
    found = [each for each in found if not each.startswith(Register.CYCLES.name)]
    assert not found, f"{case.name}: {'; '.join(found)}"
    got = await bench.memory_after(len(memory))
    mismatches = int((got != predicted.memory).sum())
    if mismatches:
        bench.dut._log.error("%s: %s", case.name, memory_differences(got, predicted.memory))
    return {
        "name": case.name,
        "m": case.jobs[0].m,
        "n": case.jobs[0].n,
        "k": case.jobs[0].k,
        "mode": case.jobs[0].mode.label,
        "jobs": len(case.jobs),
        **{name: str(value) for name, value in asdict(case.timing).items()},
        "rtl_cycles": counters[Register.CYCLES],
        # Random stalls have no model.
        "model_cycles": counters[Register.CYCLES] if stalled else predicted.cycles,
        "busy_cycles": busy,
        "utilisation": busy / counters[Register.CYCLES],
        "values": sum(job.m * job.n for job in case.jobs),
        "mismatches": mismatches,
    }


@cocotb.test()
async def table(dut) -> None:
    """The runner's cases: writes a row for each, for the runner to judge."""
    bench = NpeBench(dut)
    await bench.begin()
    return_rows([await run_case(bench, case) for case in bench.job.cases])


def random_timing(bench: Source) -> Timing:
    """Return a timing from near and fast to far and slow."""
    rng = bench.rng

    def rate() -> Fraction:
        return Fraction(1) if rng.random() < 0.4 else Fraction(rng.randrange(1, 8), rng.randrange(8, 12))

    return Timing(
        latency=rng.choice((1, 2, 9, 50, 200)),
        rate=rate(),
        write_latency=rng.choice((1, 3, 60)),
        write_rate=rate(),
    )


def random_case(bench: Source, name: str, most: int = 4) -> Case:
    """Return one to some random jobs of one start."""
    jobs: list[Job] = []
    for _ in range(bench.rng.randint(1, most)):
        jobs.append(random_job(bench.config, bench.rng, jobs[-1] if jobs else None))
    return Case(name=name, jobs=tuple(jobs), timing=random_timing(bench), seed=bench.rng.randrange(1 << 30))


def stalled_case(bench: Source, name: str) -> Case:
    """Return random jobs during which the channels of the bus wait at random."""
    shares = tuple(bench.rng.choice((0, 3, 8, 14)) for _ in range(5))
    return replace(random_case(bench, name, most=2), shares=shares)


@cocotb.test()
async def random_jobs(dut) -> None:
    """Random jobs on random memory: all of memory and every counter as the models say."""
    bench = NpeBench(dut)
    await bench.begin()
    for index in range(bench.job.options["programs"]):
        row = await run_case(bench, case := random_case(bench, f"random {index}"))
        assert row["mismatches"] == 0, f"{row} {case}"
        assert row["rtl_cycles"] == row["model_cycles"], f"{row} {case}"


@cocotb.test()
async def random_stalls(dut) -> None:
    """Values stay the same when every channel waits at random, and the master keeps its contract."""
    bench = NpeBench(dut)
    await bench.begin()
    for index in range(bench.job.options["programs"]):
        row = await run_case(bench, case := stalled_case(bench, f"stalled {index}"))
        assert row["mismatches"] == 0, f"{row} {case}"
