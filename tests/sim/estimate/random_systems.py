"""Random systems for tests of estimates: most fields as in a preset, some drawn, many of them not allowed."""

import numpy as np

from tilewright.sim.config import load_system, system_names
from tilewright.sim.estimate.designs import Designs

VALUES: dict[str, tuple] = {
    "clock_mhz": (1, 100, 500, 1000, 1400, 0, 1_000_001),
    "memory.kind": ("LPDDR5", "HBM2E", "own"),
    "memory.bandwidth_mb_per_s": (100, 3200, 12_800, 51_200, 68_000, 0),
    "memory.latency_ns": (0.5, 50.0, 114.0, 300.0, 100_000.0, 0.0, -1.0),
    "memory.devices": (1, 4, 0, 5000),
    "memory.energy_pj_per_bit": (1.0, 7.5, -1.0),
    "memory.background_mw.low": (1.0, 30.0),
    "memory.background_mw.mid": (2.0, 30.0),
    "memory.background_mw.high": (2.0, 60.0, -1.0),
    "memory.refresh.interval_ns": (3906.0, 280.0, 1.0),
    "memory.refresh.time_ns": (280.0, 0.0, 5000.0),
    "cim.tiles": (1, 2, 3, 4, 8, 16, 1024, 0, 1025),
    "cim.tile.macro.rows": (2, 16, 32, 48, 64, 128, 256, 1024, 1),
    "cim.tile.macro.columns": (1, 8, 16, 32, 48, 64, 128, 1024, 2000),
    "cim.tile.macro.weight_bits": (4, 8, 5),
    "cim.tile.macro.weight_format": ("int", "fp4_e2m1", "fp2m1", "fp8_e4m3"),
    "cim.tile.macro.input_bits": (4, 8, 16),
    "cim.tile.macro.input_bits_per_cycle": (1, 2, 4, 3, 8),
    "cim.tile.macro.weight_banks": (2, 4, 8, 1, 9),
    "cim.tile.macro.tree_levels_per_stage": (1, 5, 32, 0, 33),
    "cim.tile.grid_rows": (1, 2, 3, 4, 16, 17),
    "cim.tile.grid_columns": (1, 2, 3, 4, 16, 0),
    "cim.tile.weight_bus_bits": (8, 24, 32, 64, 128, 256, 512, 1024, 4096),
    "cim.tile.activation_bus_bits": (8, 24, 32, 64, 128, 256, 2048),
    "cim.tile.result_bus_bits": (16, 32, 64, 96, 128, 256, 512),
    "cim.tile.input_buffer_vectors": (2, 8, 4096, 1),
    "cim.tile.accumulator_vectors": (1, 16, 256, 32_768, 65_536, 65_537),
    "cim.tile.accumulator_bits": (16, 24, 32, 48, 64, 65),
    "cim.tile.result_buffer_vectors": (1, 8, 64, 0),
    "cim.tile.command_queue_depth": (1, 4, 64, 65),
    "cim.tile.group_scale": ("none", "uint8", "e8m0", "e4m3"),
    "cim.tile.group_rows": (0, 32, 64, 128, 16),
    "cim.tile.max_shift": (3, 7, 15, 31, 8),
    "cim.tile.narrow_weights": ("none", "int4", "fp4_e2m1", "int3"),
    "vector.lanes": (2, 4, 8, 16, 32, 64, 5, 128),
    "vector.scalars": (16, 64, 100, 256, 65_536, 8),
    "vector.address_bits": (8, 11, 14, 20, 28, 32, 33),
    "fabric.banks": (4, 8, 12, 16, 32, 2),
    "fabric.address_bits": (16, 32, 36, 48, 49),
    "fabric.bus_bits": (32, 64, 96, 128, 256, 512, 1024, 2048),
    "fabric.outstanding": (1, 16, 64, 0, 65),
    "fabric.max_burst": (1, 4, 16, 48, 64, 256, 512),
    "fabric.weight_buffer_beats": (4, 16, 128, 1024, 3000, 65_536, 131_072),
    "fabric.queue_depth": (2, 16, 64, 1, 65),
    "fabric.fetch_depth": (2, 8, 64, 1, 65),
    "energy.mac_pj": (0.0, 0.05, -0.1),
    "energy.vector_element_pj": (0.0, 1.5, 2e9),
}
"""Values of each field that are drawn, allowed and not."""
BUSES = ("fabric.bus_bits", "cim.tile.weight_bus_bits")
"""Fields of which every legal system has the same value."""
TOGETHER = (
    BUSES,
    ("cim.tile.group_scale", "cim.tile.group_rows"),
    ("cim.tile.macro.weight_bits", "cim.tile.macro.weight_format"),
    ("memory.refresh.interval_ns", "memory.refresh.time_ns"),
    ("memory.background_mw.low", "memory.background_mw.mid", "memory.background_mw.high"),
)
"""Fields that are drawn together."""


def random_designs(rng: np.random.Generator, count: int) -> Designs:
    """Return systems around a preset that have random values of a few random fields."""
    base = load_system(str(rng.choice(system_names())))
    chosen = set(rng.choice(list(VALUES), size=rng.integers(1, 9), replace=False).tolist())
    for fields in TOGETHER:
        chosen |= set(fields) if chosen & set(fields) else set()
    fields = {name: rng.choice(np.array(VALUES[name]), count) for name in sorted(chosen)}
    if chosen & set(BUSES):
        same = rng.random(count) < 0.9
        fields[BUSES[1]] = np.where(same, fields[BUSES[0]], fields[BUSES[1]])
    return Designs(base, fields)
