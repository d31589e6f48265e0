"""Co-simulation of the accelerator: its configurations and programs, and how they are run."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from tilewright.bench.program_cases import Case
from tilewright.bench.random_programs import Areas, random_case, random_timing, with_refresh, with_turns
from tilewright.cocotb_tests.accelerator.cb_accelerator import BENCH
from tilewright.cocotb_tests.accelerator.harness import DUT, TOP, harness_verilog, prepared, repeated
from tilewright.cocotb_tests.accelerator.stopped_programs import BadCommands, failing_case, fetch_runs
from tilewright.cocotb_tests.accelerator.tall_products import tall_case
from tilewright.cocotb_tests.harness.suite import HarnessSuite
from tilewright.sim.config import load_system
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.cim import MacroConfig, TileConfig
from tilewright.sim.config.cim_array import CIMArrayConfig
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.config.vector import VectorConfig
from tilewright.sim.formats.simd import parse_modes

SEED = 20261125


@dataclass(frozen=True, kw_only=True)
class AcceleratorSuite(HarnessSuite):
    """An accelerator with its memory, and the programs that run on it."""

    top = TOP
    coroutines = BENCH
    circuit = DUT
    config: AcceleratorConfig
    make_cases: Callable[[AcceleratorConfig], tuple[Case, ...]]
    """Function that makes the cases for a configuration; another process must find it by its name."""
    memory_bytes: int
    label: str = ""
    optimisation: str = "-Og"
    """Optimisation level of the C++ compiler. For the smallest accelerator ``-Og`` takes 12 CPU seconds more to build
    than ``-O0`` and half as long to simulate; ``-O1`` takes another 12, and pays for large ones."""

    @property
    def name(self) -> str:
        """Shape in short: tiles, lanes, bits of the bus, banks, and what runs."""
        config, cim = self.config, self.config.cim
        array = "no array" if cim is None else f"{cim.tiles} x {cim.tile.rows}x{cim.tile.columns}"
        shape = f"{array}, {config.vector.lanes} lanes"
        if config.npe is not None:
            shape += f", NPE {config.npe.rows}x{config.npe.columns} bus{config.npe.bus_bits}"
        return f"{shape}, bus{config.bus_bits}, {config.banks} banks{self.label and ', '}{self.label}"

    @property
    def effort(self) -> float:
        return self.config.macs_per_cycle

    def repeated(self) -> tuple[str, ...]:
        return repeated(self.config)

    def verilog(self) -> str:
        return harness_verilog(self.config, self.memory_bytes)

    def prepared(self, verilog: str) -> str:
        return prepared(self.config, verilog)

    def cases(self) -> tuple[Case, ...]:
        return self.make_cases(self.config)

    def seeded(self, seed: int) -> "AcceleratorSuite | None":
        make = self.make_cases
        if not isinstance(make, partial) or "seed" not in make.keywords:
            return None
        return replace(self, make_cases=partial(make, seed=seed))

    def options(self) -> dict[str, Any]:
        return {"memory_bytes": self.memory_bytes}


def configuration(
    *, lanes: int, bank_address_bits: int, bus_bits: int, tiles: int = 1, scalars: int = 32, tile: dict, macro: dict,
    **options: Any,
) -> AcceleratorConfig:  # fmt: skip
    """Return a configuration of parts."""
    cim = TileConfig(
        macro=MacroConfig(input_bits=8, **macro), **{"weight_bus_bits": bus_bits, "activation_bus_bits": 64, **tile}
    )
    return AcceleratorConfig(
        cim=CIMArrayConfig(tiles=tiles, tile=cim),
        vector=VectorConfig.model_validate({"lanes": lanes, "address_bits": bank_address_bits, "scalars": scalars}),
        bus_bits=bus_bits,
        **options,
    )


TINY = configuration(
    lanes=4, bank_address_bits=8, bus_bits=64, banks=4, outstanding=2, max_burst=8, weight_buffer_beats=16,
    queue_depth=2, fetch_depth=2, tile={"accumulator_vectors": 4}, macro={"rows": 8, "columns": 8, "weight_bits": 8},
)  # fmt: skip
NARROW = configuration(
    lanes=8, bank_address_bits=8, bus_bits=32, tiles=2, weight_buffer_beats=128, queue_depth=4,
    tile={"result_bus_bits": 128, "result_buffer_vectors": 4},
    macro={"rows": 16, "columns": 16, "weight_bits": 4, "input_bits_per_cycle": 2},
)  # fmt: skip
SCALED = configuration(
    lanes=16, bank_address_bits=8, bus_bits=64, tiles=2, outstanding=4, max_burst=8, weight_buffer_beats=64,
    tile={
        "grid_rows": 2, "activation_bus_bits": 128, "result_bus_bits": 256, "group_scale": "uint8", "group_rows": 32,
    },
    macro={"rows": 16, "columns": 8, "weight_bits": 8, "input_bits_per_cycle": 4},
)  # fmt: skip
WIDE = configuration(
    lanes=16, bank_address_bits=8, bus_bits=512, banks=4, max_burst=256, address_bits=40, weight_buffer_beats=256,
    tile={"result_bus_bits": 512, "input_buffer_vectors": 8, "grid_columns": 2},
    macro={"rows": 8, "columns": 64, "weight_bits": 4, "weight_format": "fp4_e2m1", "input_bits_per_cycle": 1},
)  # fmt: skip
TWO_A_BEAT = configuration(
    lanes=32, bank_address_bits=8, bus_bits=1024, banks=4, max_burst=16, weight_buffer_beats=64, fetch_depth=4,
    tile={"result_bus_bits": 1024, "grid_columns": 2, "accumulator_vectors": 8},
    macro={"rows": 8, "columns": 64, "weight_bits": 8, "input_bits_per_cycle": 2},
)  # fmt: skip
"""Accelerator with the widest bus, of whose beats each contains two commands."""
TALL = configuration(
    lanes=4, bank_address_bits=12, bus_bits=32, tiles=16, banks=4, weight_buffer_beats=64,
    tile={
        "grid_rows": 4, "activation_bus_bits": 128, "result_bus_bits": 32, "accumulator_vectors": 4,
        "input_buffer_vectors": 2,
    },
    macro={"rows": 64, "columns": 4, "weight_bits": 8, "input_bits_per_cycle": 4},
)  # fmt: skip
"""Array with as many rows as a command can say: 16 tiles of 256."""
MIXED = configuration(
    lanes=8, bank_address_bits=8, bus_bits=64, tiles=2, weight_buffer_beats=64, outstanding=4,
    tile={"grid_columns": 2, "result_bus_bits": 128, "accumulator_vectors": 8, "narrow_weights": "int4"},
    macro={"rows": 16, "columns": 8, "weight_bits": 8, "input_bits_per_cycle": 2},
)  # fmt: skip
"""Array with INT8 weights and INT4 weights that take half the bytes."""
NANO = load_system("nano").accelerator
"""The preset that fits on an FPGA, without changes."""
MXFP4 = configuration(
    lanes=8, bank_address_bits=10, bus_bits=64, tiles=2, scalars=64, weight_buffer_beats=128,
    tile={
        "grid_rows": 2, "result_bus_bits": 256, "accumulator_vectors": 8, "group_scale": "e8m0", "group_rows": 32,
        "max_shift": 7,
    },
    macro={"rows": 16, "columns": 16, "weight_bits": 4, "weight_format": "fp4_e2m1", "input_bits_per_cycle": 4},
)  # fmt: skip
"""Array with E2M1 weights and a scale for each 32 of them; smaller layers run on it."""
SMALL = load_system("small").accelerator
"""Array with 256 multiply-accumulates per cycle, 16 lanes and 512 KiB; layers run on it."""
BESIDE = TINY.model_copy(
    update={
        "npe": NpeConfig(
            rows=2, columns=2, bus_bits=64, depth=4, panels=2, modes=parse_modes("int4,int8"), outstanding=4
        )
    }
)
"""The first configuration with an NPE."""
APART = NARROW.model_copy(
    update={
        "npe": NpeConfig(
            rows=4, columns=2, bus_bits=128, depth=8, panels=3, modes=parse_modes("fp4_e2m1,fp8_e4m3,bf16")
        )
    }
)
"""The second configuration with an NPE that has a wider bus."""
FAR = WIDE.model_copy(
    update={
        "npe": NpeConfig(
            rows=2, columns=4, bus_bits=64, depth=8, panels=2, modes=parse_modes("posit8_0,int8"), address_bits=40
        )
    }
)
"""The last configuration with an NPE that has a narrower bus."""
LAYER_BYTES = 4 << 20
"""Size of memory in which a layer has room."""
LARGE = 256
"""Number of multiply-accumulates in a cycle from which on a longer build pays."""


def optimisation_for(config: AcceleratorConfig) -> str:
    """Return the optimisation level of the C++ compiler for programs of a user's model."""
    return "-O1" if config.macs_per_cycle >= LARGE else "-Og"


def random_cases(config: AcceleratorConfig, *, seed: int, cases: int, programs: int) -> tuple[Case, ...]:
    """Return cases of random programs, each with another timing of memory."""
    timings = (random_timing(np.random.default_rng(seed + number)) for number in range(cases))
    return tuple(
        random_case(config, seed + number, programs=programs, timing=timing) for number, timing in enumerate(timings)
    )


def refreshed_cases(config: AcceleratorConfig, *, seed: int, programs: int) -> tuple[Case, ...]:
    """Return cases of random programs on a memory that is refreshed, one for each latency from 1 to 200."""
    rng = np.random.default_rng(seed)
    timings = (
        with_refresh(replace(random_timing(rng), latency=latency), rng) for latency in (1, 2, 9, 30, 50, 100, 200)
    )
    return tuple(
        random_case(config, seed + number, programs=programs, timing=timing) for number, timing in enumerate(timings)
    )


def turning_cases(config: AcceleratorConfig, *, seed: int, programs: int) -> tuple[Case, ...]:
    """Return cases of random programs on a memory whose directions take turns, every other one with refresh, too."""
    rng = np.random.default_rng(seed)
    timings = [with_turns(replace(random_timing(rng), latency=latency), rng) for latency in (1, 9, 50, 200)]
    timings[1::2] = [with_refresh(timing, rng) for timing in timings[1::2]]
    return tuple(
        random_case(config, seed + number, programs=programs, timing=timing) for number, timing in enumerate(timings)
    )


def stalled_cases(config: AcceleratorConfig, *, seed: int, cases: int, programs: int) -> tuple[Case, ...]:
    """Return cases of random programs during which the channels of the bus wait at random."""
    made = []
    for number, case in enumerate(random_cases(config, seed=seed, cases=cases, programs=programs)):
        rng = np.random.default_rng(seed + number)
        shares = tuple(int(share) for share in rng.choice((0, 3, 8, 14), 5))
        made.append(replace(case, shares=shares if any(shares) else (8,) * 5))
    return tuple(made)


def failing_cases(
    config: AcceleratorConfig, *, seed: int, share: float = 1.0, kinds: tuple[str, ...] = ("",)
) -> tuple[Case, ...]:
    """Return programs that must be stopped, and all starts that cannot read their commands.

    Of those whose name begins with one of ``kinds`` there is a share.
    """
    rng = np.random.default_rng(seed)
    every = [bad for bad in BadCommands(config, Areas(config), rng).all() if bad.name.startswith(kinds)]
    chosen = [every[index] for index in sorted(rng.choice(len(every), round(share * len(every)), replace=False))]
    return failing_case(config, seed, chosen, timing=random_timing(rng)), fetch_runs(config, seed)


def tall_cases(config: AcceleratorConfig) -> tuple[Case, ...]:
    """Return cases of products with as many rows as the array has, and about as many, on memory near and far."""
    return tuple(tall_case(config, seed=seed) for seed in (7, 13))


def random_suite(config: AcceleratorConfig, *, cases: int = 4, programs: int = 5, seed: int = SEED) -> AcceleratorSuite:
    """Return a suite that runs random programs."""
    return AcceleratorSuite(
        config=config,
        make_cases=partial(random_cases, seed=seed, cases=cases, programs=programs),
        memory_bytes=Areas(config).memory_bytes,
        label="random programs",
    )


WIDEST = random_suite(TWO_A_BEAT)
"""The widest bus, apart from the table."""
HIGHEST = AcceleratorSuite(config=TALL, make_cases=tall_cases, memory_bytes=LAYER_BYTES, label="products")
"""The most rows, apart from the table."""
WITH_NPE = tuple(random_suite(config) for config in (BESIDE, APART, FAR))
SUITES = (*(random_suite(config) for config in (TINY, NARROW, SCALED, WIDE, MIXED, NANO)), *WITH_NPE)
"""The suites of the table."""
