"""Programs of the accelerator that do what random programs do seldom or never: docs/coverage.md tells what."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from tilewright.bench.program_cases import Case, Failure, Run, encoded, patch
from tilewright.bench.random_jobs import random_descriptor
from tilewright.bench.random_programs import PROGRAM, Areas, fill_program, random_memory, show_program
from tilewright.bench.timing import NEAR, Timing
from tilewright.cocotb_tests.accelerator.stopped_programs import BadCommands
from tilewright.cocotb_tests.vector.directed_programs import directed_passes
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import (
    UNIT_COMMANDS,
    Add,
    Command,
    End,
    Fence,
    Jobs,
    Product,
    Set,
    Store,
    Vector,
    Weights,
    commands_of,
)
from tilewright.sim.isa.errors import AcceleratorError
from tilewright.sim.isa.units import Unit, Units
from tilewright.sim.machine.accelerator.product import product_beats

SEED = 17


class DirectedPrograms:
    """Makes programs out of one valid command of each kind.

    Parameters
    ----------
    config : AcceleratorConfig
    areas : Areas
        Of memory.
    rng : Generator
    """

    def __init__(self, config: AcceleratorConfig, areas: Areas, rng: np.random.Generator):
        self.config, self.areas = config, areas
        valid = BadCommands(config, areas, rng)
        weights = Weights(address=areas.data, beats=product_beats(config, valid.product))
        self.valid: dict[type, Any] = {
            type(each): each for each in (valid.load, weights, valid.product, valid.vector, valid.store)
        }
        self.kinds = [kind for kind in commands_of(config).values() if kind in UNIT_COMMANDS]
        if Jobs in self.kinds:
            self.valid[Jobs] = replace(valid.jobs, address=areas.jobs, count=1)

    def signals(self, giver: type) -> Iterator[Command]:
        """Yield a command of each kind that waits for a command of one kind, one after the other."""
        for taker in self.kinds:
            given = replace(self.valid[giver], signal=_of(taker))
            taken = replace(self.valid[taker], wait=_of(giver))
            yield from self._whole(given)
            yield from self._whole(taken)
            yield Fence()

    def _whole(self, command: Command) -> Iterator[Command]:
        """Yield a command and what belongs to it: a product has weights, and weights have a product."""
        if isinstance(command, Product):
            yield self.valid[Weights]
        yield command
        if isinstance(command, Weights):
            yield self.valid[Product]

    def endless(self) -> dict[type, Command]:
        """Return commands that wait for their own unit, by kind; loads overlap, and end with :meth:`signals`."""
        return {
            kind: replace(self.valid[kind], wait=_of(kind)) for kind in self.kinds if kind.UNIT is not Unit.LOAD
        }  # fmt: skip

    def registers(self) -> Iterator[Command]:
        """Yield commands whose address is an odd number and a multiple of a beat only with its address register."""
        for kind in (kind for kind in self.kinds if "register" in kind.FIELDS):
            command = self.valid[kind]
            for address, value in ((1, command.address - 1), (0, command.address)):
                yield Set(register=1, value=value)
                yield from self._whole(replace(command, register=1, address=address))
                yield Fence()
            yield Set(register=8, value=command.address - 1)
            yield Add(register=8, value=1)
            yield from self._whole(replace(command, register=8, address=0))
            yield Fence()

    def odd_bytes(self) -> Iterator[Command]:
        """Yield a store of bytes from odd addresses to odd addresses."""
        places = {"source": 1, "element_pitch": 3, "pitch": 11, "plane_pitch": 23, "stride": 7, "plane_stride": 50}
        yield replace(self.valid[Store], size=0, address=self.areas.data + 1, **places)

    def passes(self) -> Iterator[Command]:
        """Yield passes that random programs do not have; D is in the second bank."""
        vector = self.config.vector
        for command in directed_passes(vector, result=1 << vector.address_bits):
            yield Vector(command=command)
            yield Fence()


def directed_case(config: AcceleratorConfig, *, timing: Timing = NEAR) -> Case:
    """Return the programs of a configuration.

    After each that ends by itself all of the scratchpad and the row scalars are shown; those that never end come last.
    """
    areas, rng = Areas(config), np.random.default_rng(SEED)
    memory = random_memory(areas, rng)
    image = memory.copy()
    made = DirectedPrograms(config, areas, rng)
    programs: dict[str, Iterator[Command]] = {
        **{f"signals of {kind.OPCODE.name}": made.signals(kind) for kind in made.kinds},
        "address registers": made.registers(),
        "odd addresses": made.odd_bytes(),
        "passes": made.passes(),
    }
    runs = []
    for number, (name, commands) in enumerate(programs.items()):
        before = [*fill_program(config, areas), Fence()]
        program = encoded(config, [*before, *commands, Fence(), *_apart(show_program(config, areas)), End()])
        patches = [patch(image, PROGRAM, program)]
        if config.npe is not None and number == 0:
            job = random_descriptor(config.npe, rng, areas.data_end, areas.jobs)
            patches.append(patch(image, areas.jobs, np.frombuffer(job.encode(), np.uint8)))
        runs.append(Run(name=name, address=PROGRAM, patches=tuple(patches)))
    for kind, command in made.endless().items():
        program = encoded(config, [command, End()])
        stopped = Failure(error=AcceleratorError.DEADLOCK, index=1)
        name = f"{kind.OPCODE.name} waits for itself"  # type: ignore[attr-defined]
        runs.append(Run(name=name, address=PROGRAM, patches=(patch(image, PROGRAM, program),), failure=stopped))
    return Case(name="directed", memory=memory, runs=tuple(runs), timing=timing)


def _apart(commands: list[Command]) -> Iterator[Command]:
    """Yield commands with a fence after each."""
    for command in commands:
        yield command
        yield Fence()


def _of(kind: type) -> Units:
    """Return the unit of a kind of commands, as a set."""
    return Units(1 << kind.UNIT)  # type: ignore[attr-defined]
