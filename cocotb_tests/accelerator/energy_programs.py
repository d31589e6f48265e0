"""Programs that repeat one kind of event each, for measurements of its energy."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tilewright.bench.program_cases import Case, Run, encoded, patched
from tilewright.bench.random_programs import PROGRAM, Areas, safe
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.energy.events import Counts
from tilewright.sim.energy.program import run_counts
from tilewright.sim.isa.commands import Command, Fence, Load, Product, Set, Store, Vector, Weights
from tilewright.sim.isa.vector_command import Function, Inverse, Matrix, Reduce, Storage, VectorCommand
from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel
from tilewright.sim.machine.accelerator.product import product_beats
from tilewright.sim.machine.memory.axi_memory import AxiMemoryModel

SEED = 1
ROWS = 4
"""Number of rows of a pass, which fill a bank in FP32."""
REPEATS = 4
"""Number of times that a program executes the command that it measures."""


@dataclass(frozen=True)
class EnergyProgram:
    """A program that fills the scratchpad and then repeats one kind of event."""

    name: str
    case: Case
    counts: Counts
    """Events of the program."""


def energy_programs(config: AcceleratorConfig) -> list[EnergyProgram]:
    """Return the programs of a configuration; the first one only fills the scratchpad, as all others do before."""
    bodies: dict[str, list[Command]] = {"nothing": []}
    bodies["registers"] = [Set(register=1 + i % 8, value=0x1234567 * i) for i in range(24)]
    bodies["loads"] = _loads(config) * 2
    bodies |= {name: [command] * REPEATS for name, command in _passes(config).items()}
    bodies |= {name: [command] * REPEATS for name, command in _stores(config).items()}
    bodies |= {name: _with_weights(config, product) for name, product in _products(config).items()}
    return [_program(config, name, body) for name, body in bodies.items()]


def _program(config: AcceleratorConfig, name: str, body: Sequence[Command]) -> EnergyProgram:
    areas, rng = Areas(config), np.random.default_rng(SEED)
    memory = np.zeros(areas.memory_bytes, np.uint8)
    for bank in range(config.banks):
        begin = areas.image + bank * config.bank_bytes
        values = rng.standard_normal(config.bank_bytes // 4).astype("<f4")
        memory[begin : begin + config.bank_bytes] = values.view(np.uint8)
    # The last bank but one has what the array multiplies, and the data have its weights.
    begin = areas.image + (config.banks - 2) * config.bank_bytes
    inputs = _normal(rng, config.cim_array.tile.macro.input_bits, config.bank_bytes)
    memory[begin : begin + config.bank_bytes] = inputs.view(np.uint8)
    weights = _normal(rng, config.cim_array.tile.macro.weight_bits, 2 * areas.data_bytes).view(np.uint8)
    if config.cim_array.tile.macro.weight_bits == 4:
        weights = (weights[::2] & 15 | weights[1::2] << 4).astype(np.uint8)
    memory[areas.data : areas.data + areas.data_bytes] = weights[: areas.data_bytes]
    commands = safe(config, [*_loads(config), _scalars(config), Fence(), *body])
    program = np.frombuffer(encoded(config, commands), np.uint8)
    memory[PROGRAM : PROGRAM + len(program)] = program
    case = Case(name=name, memory=memory, runs=(Run(name="", address=PROGRAM),))
    return EnergyProgram(name, case, case_counts(config, case))


def case_counts(config: AcceleratorConfig, case: Case) -> Counts:
    """Return the events of all programs of a case."""
    model, counts = AcceleratorModel(config, case.memory.copy()), Counts()
    for run in case.runs:
        patched(model.memory, run)
        counts.add(run_counts(model, run.address, AxiMemoryModel(**asdict(case.timing))))
    return counts


def _normal(rng: np.random.Generator, bits: int, count: int) -> np.ndarray:
    """Return normally distributed integers whose deviation is a quarter of their range."""
    largest = (1 << bits - 1) - 1
    return np.clip(np.rint(rng.standard_normal(count) * largest / 2), -largest, largest).astype(np.int8)


def _loads(config: AcceleratorConfig) -> list[Command]:
    areas, beats = Areas(config), config.bank_bytes // config.bus_bytes
    return [
        Load(address=areas.image + start, beats=beats, destination=start)
        for start in range(0, config.scratchpad_bytes, config.bank_bytes)
    ]


def _scalars(config: AcceleratorConfig) -> Vector:
    """Return the pass that leaves the row scalars which other passes take: magnitudes, and their reciprocals."""
    steps = config.bank_bytes // config.word_bytes // ROWS
    lanes = config.vector.lanes
    return Vector(
        command=VectorCommand(
            rows=ROWS, columns=steps * lanes, a=Matrix(stride=4 * steps), reduce=Reduce.MAGNITUDE,
            inverse=Inverse.RECIPROCAL,
        )
    )  # fmt: skip


def _passes(config: AcceleratorConfig) -> dict[str, Vector]:
    """Return passes over FP32 numbers that differ in one option each, and some of other storages."""
    lanes, bank = config.vector.lanes, config.bank_bytes
    rows = ROWS
    columns = bank // (4 * rows)

    def matrix(number: int, storage: Storage = Storage.FP32) -> Matrix:
        step = columns // lanes << storage.size
        return Matrix(address=number * bank // lanes, stride=step, storage=storage)

    def command(**fields: Any) -> Vector:
        settings: dict[str, Any] = {
            "rows": rows,
            "columns": columns,
            "a": matrix(0),
            "d": matrix(config.banks - 1),
        } | fields
        return Vector(command=VectorCommand(**settings))

    return {
        "copy": command(),
        "copy of a step": command(rows=1, columns=lanes),
        "integers": command(a=matrix(config.banks - 2, Storage.INT8)),
        "quantise": command(d=matrix(config.banks - 1, Storage.INT8)),
        "short": command(d=matrix(config.banks - 1, Storage.BF16)),
        "scalar added": command(add=0),
        "scalar multiplied": command(multiply=0),
        "exponential": command(function=Function.EXP),
        "silu": command(function=Function.SILU),
        "gelu": command(function=Function.GELU),
        "product": command(b=matrix(1)),
        "offset": command(c=matrix(1)),
        "square": command(square=True),
        "sum": command(d=None, reduce=Reduce.SUM, out=4),
        "sum of a step": command(rows=1, columns=lanes, d=None, reduce=Reduce.SUM, out=4),
        "maximum": command(d=None, reduce=Reduce.MAXIMUM, out=4),
        "maximum of a step": command(rows=1, columns=lanes, d=None, reduce=Reduce.MAXIMUM, out=4),
        "magnitude": command(d=None, reduce=Reduce.MAGNITUDE, out=4),
        "root": command(d=None, square=True, reduce=Reduce.SUM, inverse=Inverse.RSQRT, out=4),
    }


def _stores(config: AcceleratorConfig) -> dict[str, Store]:
    areas, bank = Areas(config), config.bank_bytes
    beat = config.bus_bytes
    return {
        "store of beats": Store(
            address=areas.shown, size=beat.bit_length() - 1, count=bank // beat, source=0, element_pitch=beat
        ),
        "store of bytes": Store(address=areas.shown, size=0, count=bank // 4, source=0, element_pitch=4),
    }


def _products(config: AcceleratorConfig) -> dict[str, Product]:
    """Return products that differ in the vectors of a block, in the blocks of a column and in their columns."""
    high, wide = config.cim_array.tile.rows, config.cim_array.columns
    bank = config.bank_bytes
    few = config.cim_array.tile.accumulator_vectors

    def product(vectors: int, k: int, n: int) -> Product:
        # Rows of activations or results that have no room in a bank lie one over the other.
        a_pitch = -(-k // config.activation_bytes) * config.activation_bytes
        out_pitch = 4 * n if vectors * n * 4 <= bank else 0
        return Product(
            vectors=vectors, k=k, n=n, a=(config.banks - 2) * bank, a_pitch=a_pitch if vectors * a_pitch <= bank else 0,
            out=(config.banks - 1) * bank, out_pitch=out_pitch,
        )  # fmt: skip

    return {
        "one block": product(bank // high, high, wide),
        "few vectors": product(2, high, wide),
        "blocks below one another": product(few, 4 * high, wide),
        "blocks side by side": product(few, high, 2 * wide),
        "low block": product(bank // high, high // 2, wide),
    }


def _with_weights(config: AcceleratorConfig, product: Product) -> list[Command]:
    """Return a product, with its weights before it, several times."""
    beats = product_beats(config, product)
    # Two commands at most: they and the product have room in the queues.
    step, most = max(config.weight_buffer_beats, beats) // 2, Areas(config).data_bytes // config.bus_bytes
    commands: list[Command] = []
    for repeat in range(REPEATS):
        first = repeat * beats % max(1, most - beats)
        for at in range(0, beats, step):
            address = Areas(config).data + (first + at) * config.bus_bytes
            commands.append(Weights(address=address, beats=min(step, beats - at)))
        commands.append(product)
    return commands
