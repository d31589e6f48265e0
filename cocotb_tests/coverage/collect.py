"""The coverage of the suites that tests run: what each bench has exercised, and the holes."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tilewright.bench.program_cases import Case
from tilewright.bench.random_programs import Areas
from tilewright.cocotb_tests.accelerator import layers_suite, whole_decoder_suite
from tilewright.cocotb_tests.accelerator import suite as accelerator
from tilewright.cocotb_tests.accelerator.corrupted_programs import corrupted_case
from tilewright.cocotb_tests.accelerator.directed_programs import directed_case
from tilewright.cocotb_tests.accelerator.suite import AcceleratorSuite
from tilewright.cocotb_tests.arith import suite as arith
from tilewright.cocotb_tests.coverage import explained
from tilewright.cocotb_tests.coverage.jobs import JobCoverage
from tilewright.cocotb_tests.coverage.numbers import NumberCoverage
from tilewright.cocotb_tests.coverage.passes import PassCoverage
from tilewright.cocotb_tests.coverage.points import Coverage, Explained, Explanation, explain
from tilewright.cocotb_tests.coverage.programs import ProgramCoverage
from tilewright.cocotb_tests.mac import suite as mac
from tilewright.cocotb_tests.npe import suite as npe
from tilewright.cocotb_tests.npe.cases import Draws
from tilewright.cocotb_tests.npe.cb_npe import random_case, stalled_case
from tilewright.cocotb_tests.npe.cb_npe_errors import bad_fields, bad_starts, memory_error
from tilewright.cocotb_tests.npe.failing_starts_driver import changed, plan
from tilewright.cocotb_tests.npe.suite import NpeSuite
from tilewright.cocotb_tests.vector import directed_programs as vector_directed
from tilewright.cocotb_tests.vector import suite as vector
from tilewright.sim.formats import ALL_MODES


def programs() -> Coverage:
    """Return the coverage of programs of the accelerator.

    Random programs without and with stalls, directed, stopped and corrupted ones, layers, a whole decoder; without the
    preset nano, whose scratchpad takes the exact model minutes to show.
    """
    collected = ProgramCoverage()
    for suite in accelerator.SUITES:
        if suite.config is not accelerator.NANO:
            for case in _random_programs(suite):
                collected.sample(suite.config, case, suite.memory_bytes)
    config = accelerator.TINY
    corrupted = corrupted_case(config, seed=8, count=50)
    for case in (*accelerator.failing_cases(config, seed=5), corrupted):
        collected.sample(config, case, Areas(config).memory_bytes)
    config = accelerator.BESIDE
    for case in accelerator.failing_cases(config, seed=5):
        collected.sample(config, case, Areas(config).memory_bytes)
    for suite in (layers_suite.SUITES[0], whole_decoder_suite.SUITES[0]):
        for case in suite.cases():
            collected.sample(suite.config, case, suite.memory_bytes)
    return collected.coverage


def _random_programs(suite: AcceleratorSuite) -> Iterator[Case]:
    yield from suite.cases()
    yield from accelerator.stalled_cases(suite.config, seed=1, cases=3, programs=3)
    yield directed_case(suite.config)


def jobs() -> Coverage:
    """Return the coverage of starts of the NPE: the table, directed and random jobs, and everything that is refused."""
    collected = JobCoverage()
    for suite in npe.SUITES[:4]:
        for case in (*suite.starts, *_random_jobs(suite)):
            collected.sample_case(suite.config, case, suite.memory_bytes)
    for case in npe.DIRECTED:
        collected.sample_case(npe.SUITES[0].config, case, npe.SUITES[0].memory_bytes)
    for suite in npe.SUITES[:3]:
        _refused_jobs(collected, suite)
    return collected.coverage


def _random_jobs(suite: NpeSuite):
    for make in (random_case, stalled_case):
        draws = Draws(suite.config, random.Random(1), suite.memory_bytes)
        for index in range(12):
            yield make(draws, f"{make.__name__} {index}")


def _refused_jobs(collected: JobCoverage, suite: NpeSuite) -> None:
    config, size = suite.config, suite.memory_bytes
    draws = Draws(config, random.Random(1), size)
    for index in range(24):
        made = plan(draws)
        address, response, _, _ = memory_error(draws, made, index)
        collected.sample(config, made.image, size, bad_address=address, bad_response=response)
    good = plan(draws, 2)
    for fields in bad_fields(config, good.image.descriptors[1]):
        collected.sample(config, changed(draws, good, 1, **fields).image, size)
    for address, count in bad_starts(config, good.image.address):
        collected.sample(config, good.image, size, address=address, count=count)


def passes() -> Coverage:
    """Return the coverage of commands of the vector unit alone: the table and directed passes."""
    collected = PassCoverage()
    for suite in vector.SUITES:
        for case in suite.cases():
            collected.sample(suite.config, case)
    collected.sample(vector.SMALL, vector_directed.directed_case(vector.SMALL))
    return collected.coverage


def units() -> Coverage:
    """Return the coverage of operands, results and roundings of the arithmetic units of the table."""
    collected = NumberCoverage()
    for suite in arith.SUITES:
        collected.sample_unit(suite)
    return collected.coverage


def dots() -> Coverage:
    """Return the coverage of operands, results and roundings of the SIMD MAC of all modes."""
    collected = NumberCoverage()
    for make in mac.CASES.values():
        collected.sample_dots(make(ALL_MODES, np.random.default_rng(1)))
    return collected.coverage


@dataclass(frozen=True)
class Bench:
    """A bench whose coverage is collected."""

    name: str
    about: str
    collect: Callable[[], Coverage]
    explanations: tuple[Explanation, ...]

    def explained(self, coverage: Coverage) -> Explained:
        """Return the holes of a coverage, with the reasons of those that have one."""
        return explain(coverage.holes(), self.explanations)


BENCHES = (
    Bench("accelerator", "programs of the accelerator", programs, explained.PROGRAMS),
    Bench("npe", "starts of the NPE", jobs, explained.JOBS),
    Bench("vector", "commands of the vector unit alone", passes, explained.PASSES),
    Bench("arith", "arithmetic units", units, explained.UNITS),
    Bench("simd-mac", "SIMD MAC of all modes", dots, explained.DOTS),
)
"""The benches whose coverage is collected."""
