"""Compiled programs beside the steps that they were made from."""

from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np

from tests.mapping.compile.interleaving import Interleaving
from tilewright.bench.program_cases import Case
from tilewright.mapping.compile.compiled import Compiled
from tilewright.mapping.lower.lowering import Lowered
from tilewright.sim.config import CIMArrayConfig, MacroConfig, TileConfig
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.vector import VectorConfig
from tilewright.sim.isa.commands import Product, UnitCommand
from tilewright.sim.isa.units import Unit
from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel
from tilewright.sim.machine.accelerator.values import AcceleratorValues
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel
from tilewright.sim.machine.steps import Memory, empty_memory, load, run_steps, store

Runner = Callable[[AcceleratorValues, Compiled], None]


def accelerator(
    *,
    lanes: int = 16,
    bus_bits: int = 128,
    address_bits: int = 12,
    tiles: int = 4,
    rows: int = 16,
    columns: int = 16,
    weight_bits: int = 8,
    weight_format: str = "int",
    group_rows: int = 0,
    group_scale: str = "uint8",
    max_shift: int = 7,
    grid_rows: int = 1,
    **fields,
) -> AcceleratorConfig:
    """Return a small accelerator; without options the contract's own."""
    macro = MacroConfig(
        rows=rows, columns=columns, weight_bits=weight_bits, weight_format=weight_format, input_bits=8,
        input_bits_per_cycle=2,
    )  # fmt: skip
    tile = TileConfig(
        macro=macro,
        grid_rows=grid_rows,
        weight_bus_bits=bus_bits,
        activation_bus_bits=min(128, 8 * rows * grid_rows),
        result_bus_bits=min(32 * lanes, 32 * columns),
        accumulator_vectors=64,
        input_buffer_vectors=8,
        result_buffer_vectors=8,
        group_scale=group_scale if group_rows else "none",
        group_rows=group_rows,
        max_shift=max_shift,
    )
    return AcceleratorConfig(
        cim=CIMArrayConfig(tiles=tiles, tile=tile),
        vector=VectorConfig(lanes=lanes, address_bits=address_bits),
        bus_bits=bus_bits,
        **fields,
    )


def step_memory(
    lowered: Lowered, constants: Mapping[str, np.ndarray], x: np.ndarray, states: Memory | None = None
) -> Memory:
    """Return the memory of steps with their input."""
    memory = empty_memory(lowered.buffers.values(), dict(constants) | (states or {}))
    store(memory, lowered.input, x)
    return memory


def in_sequence(machine: AcceleratorValues, compiled: Compiled) -> None:
    """Run a program one command after the other."""
    machine.run(compiled.commands)


def beside_one_another(seed: int) -> Runner:
    """Return what runs a program's units beside one another, in an order that a seed chooses."""

    def run(machine: AcceleratorValues, compiled: Compiled) -> None:
        rng = np.random.default_rng(seed)
        late: set[int] = set()

        def begin(number: int, command: UnitCommand, value: int) -> None:
            # A product takes weights until its end; a pass hands on row scalars in order.
            if isinstance(command, Product) or (command.UNIT is not Unit.LOAD and rng.random() < 0.5):
                late.add(number)
            else:
                machine.execute(command, value)

        def end(number: int, command: UnitCommand, value: int) -> None:
            if number in late:
                machine.execute(command, value)

        Interleaving(compiled.config, compiled.commands, rng, begin, end).run()

    return run


def on_the_model(machine: AcceleratorValues, compiled: Compiled) -> None:
    """Run a program from memory on the exact model, which refuses what the hardware refuses."""
    run = AcceleratorModel(compiled.config, machine.memory).run(compiled.program_address, AxiMemoryModel(latency=20))
    assert not run.error, f"{run.error.name}: command {run.index}, {compiled.commands[run.index]}"


def check(
    compiled: Compiled,
    lowered: Lowered,
    steps: Memory,
    image: np.ndarray,
    x: np.ndarray,
    run: Runner = in_sequence,
) -> AcceleratorValues:
    """Run a program and its steps; see that output and states are the same bits."""
    compiled.write_input(image, x)
    compiled.write_program(image)
    machine = AcceleratorValues(compiled.config, image)
    machine.scratchpad[:] = np.random.default_rng(1).integers(0, 256, len(machine.scratchpad))
    run(machine, compiled)
    run_steps(lowered.steps, steps, lanes=compiled.config.vector.lanes)
    assert not len(machine.weights)
    expected, got = load(steps, lowered.output), compiled.read_output(image)
    assert np.abs(expected).max() > 0
    assert (expected == got).all(), f"{(expected != got).mean():.2%} of the output differ"
    for name in lowered.states:
        assert (compiled.read(image, name) == steps[name]).all(), name
    return machine


def kinds(compiled: Compiled) -> dict[str, int]:
    """Return how many commands of each kind a program has."""
    names = [type(command).__name__ for command in compiled.commands]
    return {name: names.count(name) for name in dict.fromkeys(names)}


def wrong_bytes(config: AcceleratorConfig, case: Case, memory: np.ndarray | None = None) -> list[str]:
    """Run a case on the exact model; return the runs that leave other bytes than the steps, or other numbers than
    float64 would."""
    machine = AcceleratorModel(config, (case.memory if memory is None else memory).copy())
    timing = {"latency": 20, "rate": Fraction(1), "write_latency": 20, "write_rate": Fraction(1)}
    wrong = []
    for run in case.runs:
        for address, content in run.patches:
            machine.memory[address : address + len(content)] = np.frombuffer(content, np.uint8)
        ended = machine.run(run.address, AxiMemoryModel(**timing))
        assert not ended.error, f"{run.name}: {ended.error.name} at command {ended.index}"
        same = all(machine.memory[at : at + len(content)].tobytes() == content for at, content in run.expected)
        near = run.reference is None or run.reference.cosine(machine.memory) >= run.reference.least
        wrong += [] if same and near else [run.name]
    assert case.runs
    return wrong
