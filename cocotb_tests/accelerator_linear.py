"""A linear layer of FP4 weights on the accelerator, put together command by command.

``y = x @ w + bias`` of int8 activations: a plain E2M1 matrix with a scale for each column, or an MXFP4 one whose scales
of blocks are shifts in the array. Columns go through in panels, so that weights of the next one come while the vector
unit scales this one.
"""

from collections.abc import Iterator

import numpy as np

from tilewright.cocotb_tests.accelerator_cases import NEAR, Case, Run, encoded
from tilewright.cocotb_tests.npe_cases import Timing
from tilewright.mapping.microscaling import from_mxfp4
from tilewright.mapping.program.memory_map import MemoryMap
from tilewright.mapping.program.synchronise import synchronise
from tilewright.mapping.tiling import ArrayMatmul
from tilewright.sim.config.accelerator import COMMAND_BYTES, AcceleratorConfig
from tilewright.sim.config.program import Command, End, Load, Product, Store, Vector, Weights
from tilewright.sim.config.vector_command import Matrix, Storage, VectorCommand
from tilewright.sim.formats import E2M1, MXFP4
from tilewright.sim.machine.cim_array import block_limits
from tilewright.sim.machine.vector_values import encode
from tilewright.sim.machine.weights import E2M1_UNITS

SEED = 11


def linear_case(config: AcceleratorConfig, *, vectors: int, k: int, panels: int, timing: Timing = NEAR) -> Case:
    """Return the layer with weights at random, quantised as the array holds them.

    Parameters
    ----------
    config : AcceleratorConfig
        Weights of fp4_e2m1, without scales of groups or with e8m0.
    vectors, k : int
        Rows and columns of the activations.
    panels : int
        Blocks of columns of the array; that many.
    """
    cim, rng = config.cim, np.random.default_rng(SEED)
    wide = block_limits(cim, reduce=False)[1]
    n = panels * wide
    x = rng.integers(-128, 128, (vectors, k), dtype=np.int8)
    weights, scales, columns = _quantised(config, rng.standard_normal((k, n)) * 2.0 ** rng.integers(-6, 1, (1, n)))
    bias = rng.standard_normal(n).astype(np.float32)
    layout = ArrayMatmul(cim, vectors, k, n, False)

    places, contents = MemoryMap(), {
        "x": x.view(np.uint8),
        "weights": layout.weight_words(weights, scales),
        "columns": columns.view(np.uint8),
        "bias": bias.view(np.uint8),
    }  # fmt: skip
    at = {name: places.place(name, content.size).address for name, content in contents.items()}
    at["y"] = places.place("y", vectors * n * 2).address
    panel_beats = contents["weights"].shape[0] // panels
    program = [*synchronise(config, _commands(config, at, vectors, k, wide, panels, panel_beats)), End()]
    at["program"] = places.place("program", COMMAND_BYTES * len(program)).address
    memory = np.zeros(places.next_page, np.uint8)
    for name, content in {**contents, "program": encoded(config, program)}.items():
        memory[at[name] : at[name] + content.size] = content.ravel()

    factors = np.ones_like(weights) if scales is None else np.repeat(1 << scales, cim.tile.group_rows, axis=0)[:k]
    sums = x.astype(np.int64) @ (weights * factors)
    y = encode("bf16", sums.astype(np.float32) * columns + bias)
    run = Run(
        name=f"{vectors} vectors",
        address=at["program"],
        expected=((at["y"], y.tobytes()),),
        macs=vectors * k * n,
    )
    return Case(name=f"linear {k}-{n}", memory=memory, runs=(run,), timing=timing)


def _quantised(config: AcceleratorConfig, w: np.ndarray) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Return weights in units of 1/2, shifts of their groups if there are any, and a float32 factor of each column."""
    if config.cim.tile.group_rows:
        scaled = from_mxfp4(MXFP4.encode(w.T), config.cim.tile.max_shift)
        factors = 2.0**scaled.exponents / E2M1_UNITS
        return scaled.weights, scaled.shifts, factors.astype(np.float32)
    steps = np.abs(w).max(axis=0) / E2M1.max
    weights = np.asarray(E2M1.decode(E2M1.encode(w / steps))) * E2M1_UNITS
    return weights.astype(np.int64), None, (steps / E2M1_UNITS).astype(np.float32)


def _commands(
    config: AcceleratorConfig, at: dict[str, int], vectors: int, k: int, wide: int, panels: int, beats: int
) -> Iterator[Command]:
    """Yield the commands, right one after the other.

    Activations lie in bank 0, factors of columns behind them; sums in banks 1 and 2 by turns; biases in bank 3, results
    behind them.
    """
    bank, bus, lanes = config.bank_bytes, config.bus_bytes, config.vector.lanes
    row = 4 * wide
    factors, biases, results = vectors * k, 3 * bank, 3 * bank + row
    yield Load(address=at["x"], beats=vectors * k // bus, destination=0)
    for panel in range(panels):
        sums = (1 + panel % 2) * bank
        yield Weights(address=at["weights"] + panel * beats * bus, beats=beats)
        yield Product(vectors=vectors, k=k, n=wide, a=0, a_pitch=k, out=sums, out_pitch=row)
        yield Load(address=at["columns"] + panel * row, beats=row // bus, destination=factors)
        yield Load(address=at["bias"] + panel * row, beats=row // bus, destination=biases)
        yield Vector(
            command=VectorCommand(
                rows=vectors,
                columns=wide,
                a=Matrix(address=sums // lanes, stride=row // lanes, storage=Storage.INT32),
                b=Matrix(address=factors // lanes),
                c=Matrix(address=biases // lanes),
                d=Matrix(address=results // lanes, stride=row // 2 // lanes, storage=Storage.BF16),
            )
        )
        yield Store(
            address=at["y"] + panel * row // 2,
            size=bus.bit_length() - 1,
            count=row // 2 // bus,
            rows=vectors,
            stride=panels * row // 2,
            source=results,
            element_pitch=bus,
            pitch=row // 2,
        )
