"""Programs that benches of the accelerator run: valid ones, and such as are to be stopped."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from tilewright.bench.program_cases import Case, Run, encoded, patch, patched
from tilewright.bench.random_programs import PROGRAM, Areas, random_memory
from tilewright.bench.timing import NEAR, Timing
from tilewright.cocotb_tests.accelerator.cb_accelerator import check_model, predict
from tilewright.cocotb_tests.accelerator.corrupted_programs import CORRUPTIONS, corrupted_case
from tilewright.cocotb_tests.accelerator.stopped_programs import BadCommands
from tilewright.cocotb_tests.accelerator.suite import SUITES, WITH_NPE, failing_cases, random_cases
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import Command, End, Fence, Load, Loop, Product, Store, Vector, Weights
from tilewright.sim.isa.descriptor import Descriptor
from tilewright.sim.isa.encoding import decode
from tilewright.sim.isa.errors import AcceleratorError
from tilewright.sim.isa.units import Unit, Units
from tilewright.sim.isa.widths import COMMAND_BYTES, DESCRIPTOR_BYTES
from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel, run_commands
from tilewright.sim.machine.accelerator.product import product_beats
from tilewright.sim.machine.accelerator.values import AcceleratorValues
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

CONFIGS = [pytest.param(design.config, id=design.name) for design in SUITES]
STOPPED = [
    pytest.param(
        design.config, id=design.name, marks=[pytest.mark.slow] * (design not in (SUITES[0], WITH_NPE[0], SUITES[2]))
    )
    for design in SUITES
]
"""The same; in everyday tests those whose RTL is tested every day, and one with tiles in groups."""


def program(config: AcceleratorConfig, memory: np.ndarray, run: Run) -> list[Command]:
    """Return the commands of a run, up to its end."""
    commands: list[Command] = []
    while not (commands and isinstance(commands[-1], End)):
        begin = run.address + COMMAND_BYTES * len(commands)
        commands.append(decode(config, memory[begin : begin + COMMAND_BYTES].tobytes()))
    return commands


@pytest.mark.parametrize("config", CONFIGS)
def test_units_beside_one_another_do_what_they_do_one_after_the_other(config):
    for case in random_cases(config, seed=1, cases=3, programs=5):
        model = AcceleratorModel(config, case.memory.copy())
        values = AcceleratorValues(config, case.memory.copy())
        for run in case.runs:
            patched(model.memory, run)
            patched(values.memory, run)
            check_model(run.name, run, predict(model, run, Timing(latency=9)))
            values.run(program(config, values.memory, run))
            assert (model.memory == values.memory).all(), f"{case.name}, {run.name}"


@pytest.mark.parametrize("config", STOPPED)
def test_programs_that_are_to_be_stopped_are(config):
    for case in failing_cases(config, seed=2):
        model = AcceleratorModel(config, case.memory.copy())
        for run in case.runs:
            patched(model.memory, run)
            check_model(run.name, run, predict(model, run, NEAR))


@pytest.mark.parametrize("config", STOPPED)
def test_programs_corrupted_at_random_are_stopped_for_many_reasons(config):
    runs = corrupted_case(config, seed=1, count=100).runs
    assert len({run.failure.error for run in runs if run.failure}) >= 6
    assert len({run.name.split(":")[0] for run in runs if run.failure}) == len(CORRUPTIONS)


@pytest.mark.parametrize(("products", "error"), [(2, AcceleratorError.NONE), (1, AcceleratorError.LOAD_BUS)])
def test_a_product_ends_while_its_weights_command_still_brings_beats(products, error):
    """Beats for another product, or, where there is none, beats beyond memory: its results are stored all the same."""
    config = SUITES[0].config
    areas, rng = Areas(config), np.random.default_rng(1)
    product = replace(BadCommands(config, areas, rng).product, signal=Units.STORE)
    store = Store(address=areas.data, size=2, count=product.n, source=product.out, element_pitch=4, wait=Units.ARRAY)
    beats, memory = product_beats(config, product), random_memory(areas, rng)
    load = Load(address=areas.data, beats=product.k // config.bus_bytes * product.vectors, destination=0)
    weights = Weights(address=areas.memory_bytes - products * beats * config.bus_bytes, beats=2 * beats)
    commands = [load, Fence(), weights, product, store, replace(product, signal=Units.NONE), End()]
    patch(memory, PROGRAM, encoded(config, commands))
    values = AcceleratorValues(config, memory.copy())
    values.run([load, replace(weights, beats=beats), product, store])
    model = AcceleratorModel(config, memory)
    run = model.run(PROGRAM, AxiMemoryModel(rate=Fraction(1, 99)))
    assert (run.error, run.index) == (error, 2 if error else 0)
    assert (model.memory == values.memory).all()


def every_command(config: AcceleratorConfig, cases: tuple[Case, ...]) -> list[Command]:
    found: list[Command] = []
    for case in cases:
        memory = case.memory.copy()
        for run in case.runs:
            patched(memory, run)
            found += program(config, memory, run)
    return found


@pytest.mark.parametrize("config", [design.config for design in WITH_NPE])
def test_jobs_run_beside_everything_else(config):
    beside = dict.fromkeys(Unit, 0)
    for case in random_cases(config, seed=4, cases=8, programs=5):
        model = AcceleratorModel(config, case.memory.copy())
        for run in case.runs:
            patched(model.memory, run)
            spans = model.run(run.address, AxiMemoryModel(latency=9), timeline=True).spans
            for jobs in (span for span in spans if span.unit is Unit.NPE):
                for unit in {span.unit for span in spans if span.begin < jobs.end and jobs.begin < span.end}:
                    beside[unit] += 1
    assert all(beside[unit] > 10 for unit in Unit), beside


def test_times_of_jobs_without_memory_are_the_same():
    config = WITH_NPE[0].config
    for case in random_cases(config, seed=5, cases=2, programs=4):
        model = AcceleratorModel(config, case.memory.copy())
        for run in case.runs:
            patched(model.memory, run)
            commands = program(config, model.memory, run)
            memory = model.memory.copy()

            def descriptor_at(address: int, memory: np.ndarray = memory) -> Descriptor:
                return Descriptor.decode(memory[address : address + DESCRIPTOR_BYTES].tobytes())

            whole = model.run(run.address, AxiMemoryModel(latency=9), npe_timing=AxiMemoryModel(latency=30))
            alone = run_commands(
                config, commands, AxiMemoryModel(latency=9), npe_timing=AxiMemoryModel(latency=30),
                descriptor_at=descriptor_at,
            )  # fmt: skip
            assert (alone.cycles, alone.counters) == (whole.cycles, whole.counters)


def test_without_a_timing_of_its_own_the_co_processor_has_the_same():
    config = WITH_NPE[0].config
    [case] = random_cases(config, seed=5, cases=1, programs=4)
    totals = []
    for latency in (70, None, 1):
        model = AcceleratorModel(config, case.memory.copy())
        cycles = 0
        for run in case.runs:
            patched(model.memory, run)
            program(config, model.memory, run)
            own = AxiMemoryModel(latency=latency) if latency else None
            cycles += model.run(run.address, AxiMemoryModel(latency=70), npe_timing=own).cycles
        totals.append(cycles)
    assert totals[0] == totals[1] > totals[2]


def test_random_programs_have_everything():
    config = SUITES[0].config
    commands = every_command(config, random_cases(config, seed=3, cases=6, programs=10))
    products = [command for command in commands if isinstance(command, Product)]
    high = config.cim.tile.rows
    assert {product.reduce for product in products} == {False, True}
    assert any(product.k > high for product in products)
    assert any(product.n > config.cim.columns for product in products)
    assert {command.size for command in commands if isinstance(command, Store)} == {0, 1, 2, 3}
    assert any(command.packed for command in commands if isinstance(command, Store))
    assert any(command.planes > 1 < command.rows for command in commands if isinstance(command, Weights))
    assert any(command.count > 1 for command in commands if isinstance(command, Loop))
    passes = [command.command for command in commands if isinstance(command, Vector)]
    for part in ("b", "c", "d", "scatter", "add", "multiply", "square", "reduce", "inverse", "causal", "rotate"):
        assert any(getattr(each, part) for each in passes), part
    waits = {command.wait for command in commands if isinstance(command, Vector | Store | Product | Weights)}
    assert {Units.LOAD, Units.ARRAY, Units.VECTOR, Units.STORE} <= waits
