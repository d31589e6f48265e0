"""Randomly corrupted programs of the accelerator that the exact model says are stopped."""

from collections.abc import Callable
from math import prod

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.bench.program_cases import Case, Failure, Run, encoded, patch
from tilewright.bench.random_programs import (
    PROGRAM,
    Areas,
    ProgramMaker,
    random_memory,
    random_timing,
    safe,
)
from tilewright.bench.timing import Timing
from tilewright.cocotb_tests.accelerator.cb_accelerator import predict
from tilewright.cocotb_tests.accelerator.stopped_programs import descriptor_patches, good_run, with_fields
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import COMMANDS, Loop
from tilewright.sim.isa.encoding import decode, layout
from tilewright.sim.isa.widths import COMMAND_BYTES
from tilewright.sim.machine.accelerator.accelerator import AcceleratorModel
from tilewright.sim.machine.accelerator.program_run import AcceleratorRun

MOST_ROUNDS = 4096
"""Maximum number of loop iterations; programs that a corrupted count makes longer take too long to simulate."""
MOST_CYCLES = 100_000


def _bit(program: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    changed = program.copy()
    changed[rng.integers(len(program)), rng.integers(COMMAND_BYTES)] ^= 1 << rng.integers(8)
    return changed


def _field(program: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    changed = program.copy()
    at = rng.integers(len(program))
    kind = COMMANDS[program[at, 0]]
    fields = layout(kind)
    if fields:
        name = sorted(fields)[rng.integers(len(fields))]
        value = int(rng.integers(1 << min(fields[name].bits, 63)) >> rng.integers(fields[name].bits))
        changed[at] = np.frombuffer(with_fields(program[at].tobytes(), kind, **{name: value}), np.uint8)
    return changed


def _lost(program: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.delete(program, rng.integers(len(program)), axis=0)


def _doubled(program: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    at = rng.integers(len(program))
    return np.insert(program, at, program[at], axis=0)


def _exchanged(program: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    changed = program.copy()
    one, other = rng.choice(len(program), 2, replace=False)
    changed[[one, other]] = program[[other, one]]
    return changed


CORRUPTIONS: dict[str, Callable[[np.ndarray, np.random.Generator], np.ndarray]] = {
    "a bit": _bit,
    "a field": _field,
    "a command lost": _lost,
    "a command doubled": _doubled,
    "two commands exchanged": _exchanged,
}
"""Functions that corrupt a program, (commands, 64) uint8, by name."""


def _ends(config: AcceleratorConfig, image: np.ndarray, areas: Areas, timing: Timing) -> AcceleratorRun | None:
    """Return the model's end of the program in an image of memory, or ``None`` if it is not to be compared."""
    rounds = []
    for command in image[PROGRAM : areas.image].reshape(-1, COMMAND_BYTES):
        try:
            decoded = decode(config, command.tobytes())
        except ValueError:
            continue
        if isinstance(decoded, Loop):
            rounds.append(decoded.count)
    if prod(rounds) > MOST_ROUNDS:
        return None
    memory = image.copy()
    try:
        ended = predict(AcceleratorModel(config, memory), Run(name="", address=PROGRAM), timing)
    except ConfigError:  # A command has more values than the model computes.
        return None
    # What writes into the program that is being fetched has no right end.
    if not ended.error or ended.cycles > MOST_CYCLES or not np.array_equal(memory[: areas.image], image[: areas.image]):
        return None
    return ended


def corrupted_case(config: AcceleratorConfig, seed: int, *, count: int, commands: int = 12, good: int = 12) -> Case:
    """Return a case of random programs that are corrupted, all of them stopped; now and then a good one.

    A corruption that leaves a program without an error, says the model, is tried again. Data, and the copy of the
    scratchpad with which a program ends, may be written by what runs until it is stopped; all other memory is compared.

    Parameters
    ----------
    count : int
        Programs that are stopped.
    commands : int
        Of a program before its signals, at most.
    good : int
        Stopped programs from a good one to the next.
    """
    areas, rng = Areas(config), np.random.default_rng(seed)
    timing = random_timing(rng)
    memory = random_memory(areas, rng)
    # Commands that a lost END leads to are the same in every case.
    memory[PROGRAM : areas.image] = 0
    image, names = memory.copy(), list(CORRUPTIONS)
    runs: list[Run] = []
    while sum(run.failure is not None for run in runs) < count:
        maker = ProgramMaker(config, areas, rng)
        maker.add(int(rng.integers(1, commands + 1)))
        name = names[rng.integers(len(names))]
        program = encoded(config, safe(config, maker.commands)).reshape(-1, COMMAND_BYTES)
        tried = image.copy()
        lines = patch(tried, PROGRAM, CORRUPTIONS[name](program, rng).reshape(-1))
        jobs = descriptor_patches(tried, areas.jobs, maker.descriptors)
        ended = _ends(config, tried, areas, timing)
        if ended is None:
            continue
        image = tried
        failure = Failure(
            error=ended.error, detail=ended.detail, index=ended.index, spared=((areas.shown, areas.memory_bytes),)
        )
        runs.append(Run(name=f"{name}: {ended.error.name}", address=PROGRAM, patches=(lines, *jobs), failure=failure))
        if len(runs) % good == 0:
            runs.append(good_run(config, areas, rng, image, f"behind {len(runs)}"))
    runs.append(good_run(config, areas, rng, image, "in the end"))
    return Case(name=f"corrupted, seed {seed}", memory=memory, runs=tuple(runs), timing=timing, seed=seed)
