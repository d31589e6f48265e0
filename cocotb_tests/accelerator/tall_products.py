"""Products with blocks of as many rows as a command can say, and of one more and one fewer."""

from typing import Any

import numpy as np

from tilewright.bench.program_cases import Case, Run, encoded, patch
from tilewright.bench.random_programs import PROGRAM, random_timing
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import divide_up
from tilewright.sim.isa.commands import End, Load, Product, Store, Weights
from tilewright.sim.isa.units import Units
from tilewright.sim.isa.widths import PAGE_BYTES
from tilewright.sim.machine.cim.matmul import ArrayMatmul


def tall_case(config: AcceleratorConfig, *, seed: int) -> Case:
    """Return products of integers, on a memory of random timing; numpy says what they are."""
    rng = np.random.default_rng(seed)
    rows, columns = config.cim_array.rows, config.cim_array.tile.columns
    memory, runs = np.zeros(0, np.uint8), []
    for vectors, k, n, reduce in (
        (1, rows, columns, True),
        (2, rows + 1, columns, True),
        (3, rows - 1, 2 * columns, True),
        (2, 2 * rows, columns, True),
        (2, config.cim_array.tile.rows, config.cim_array.columns, False),
    ):
        x, w = rng.integers(-128, 128, (vectors, k)), rng.integers(-128, 128, (k, n))
        weights = ArrayMatmul(config.cim_array, vectors, k, n, reduce).weight_words(w).ravel()
        pitch = divide_up(k, PAGE_BYTES) * PAGE_BYTES
        lines = np.zeros((vectors, pitch), np.uint8)
        lines[:, :k] = x.astype(np.int8).view(np.uint8)
        inputs = PAGE_BYTES
        there = inputs + lines.size
        results = there + divide_up(len(weights), PAGE_BYTES) * PAGE_BYTES
        beat = config.bus_bytes
        pages, rest = divmod(len(weights), PAGE_BYTES)
        parts: list[dict[str, Any]] = [
            {"address": there, "beats": PAGE_BYTES // beat, "rows": pages, "stride": PAGE_BYTES}
        ]
        parts += [{"address": there + pages * PAGE_BYTES, "beats": rest // beat}] if rest else []
        program = encoded(
            config,
            [
                Load(signal=Units.ARRAY, address=inputs, beats=pitch // beat, rows=vectors, stride=pitch, destination=0,
                     pitch=pitch),
                *(Weights(**part) for part in parts),
                Product(wait=Units.LOAD, signal=Units.STORE, reduce=reduce, vectors=vectors, k=k, n=n, a=0,
                        a_pitch=pitch, out=config.bank_bytes, out_pitch=4 * n),
                Store(wait=Units.ARRAY, size=2, address=results, count=n, rows=vectors, stride=4 * n,
                      source=config.bank_bytes, element_pitch=4, pitch=4 * n),
                End(),
            ],
        )  # fmt: skip
        image = np.zeros(results + PAGE_BYTES, np.uint8)
        patches = tuple(
            patch(image, place, content)
            for place, content in ((PROGRAM, program), (inputs, lines.ravel()), (there, weights))
        )
        memory = np.zeros(max(len(memory), len(image)), np.uint8)
        name = f"{vectors} x {k} x {n}{', added' if reduce else ''}"
        expected = (results, (x @ w).astype("<i4").tobytes())
        runs.append(Run(name=name, address=PROGRAM, patches=patches, expected=(expected,), macs=vectors * k * n))
    return Case(name=f"products of integers, seed {seed}", memory=memory, runs=tuple(runs), timing=random_timing(rng))
