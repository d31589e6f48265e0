"""Programs of the accelerator that must be stopped, with the error and the command that is reported."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tilewright.bench.program_cases import Case, Failure, Run, patch
from tilewright.bench.random_jobs import random_descriptor
from tilewright.bench.random_programs import (
    JOBS,
    PROGRAM,
    Areas,
    ProgramMaker,
    fill_program,
    random_memory,
    safe,
    show_program,
)
from tilewright.bench.register_port import DECERR, SLVERR
from tilewright.bench.timing import NEAR, Timing
from tilewright.mapping.compile.synchronise import synchronise
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import (
    Add,
    Command,
    End,
    Fence,
    Jobs,
    Load,
    Loop,
    Product,
    Repeat,
    Set,
    Store,
    UnitCommand,
    Vector,
    Weights,
    commands_of,
)
from tilewright.sim.isa.encoding import encode, layout
from tilewright.sim.isa.errors import AcceleratorError
from tilewright.sim.isa.footprint import footprint
from tilewright.sim.isa.npe_registers import NpeError
from tilewright.sim.isa.units import Units
from tilewright.sim.isa.vector_command import Matrix, Storage, VectorCommand, VectorError
from tilewright.sim.isa.widths import ADDRESS_REGISTERS, COMMAND_BYTES, DESCRIPTOR_BYTES, LOOP_LEVELS
from tilewright.sim.machine.accelerator.product import product_beats

BUS = {SLVERR: "SLVERR", DECERR: "DECERR"}


@dataclass(frozen=True, kw_only=True)
class Bad:
    """Commands that must be refused, or that never end."""

    name: str
    commands: tuple[bytes, ...]
    error: AcceleratorError
    at: int | None = 0
    """Index of the command that is reported; ``None`` stands for the command at which the program stands."""
    detail: int = 0
    bus_address: int | None = None
    bus_response: int = SLVERR
    checked: bool = True
    """Flag: the command processor refuses the command, and no later command is executed."""
    descriptors: tuple[bytes, ...] = ()
    """Descriptors of the NPE's jobs, from ``areas.own_jobs`` on."""


class BadCommands:
    """Commands that must be refused, made from valid ones.

    Parameters
    ----------
    config : AcceleratorConfig
    areas : Areas
        Of memory: good commands load from data and store to them.
    rng : Generator
    """

    def __init__(self, config: AcceleratorConfig, areas: Areas, rng: np.random.Generator):
        self.config, self.areas, self.rng = config, areas, rng
        beat, bank, data = config.bus_bytes, config.bank_bytes, areas.data
        tile, units = config.cim_array.tile, bank // config.vector.lanes
        self.load = Load(
            address=data, beats=2, rows=2, stride=2 * beat, planes=2, plane_stride=4 * beat, pitch=2 * beat,
            destination=0,
        )  # fmt: skip
        self.weights = Weights(address=data, beats=2, rows=2, stride=2 * beat, planes=2, plane_stride=4 * beat)
        self.size = beat.bit_length() - 1
        self.store = Store(
            address=data, size=self.size, count=2, rows=2, stride=2 * beat, planes=2, plane_stride=4 * beat, source=0,
            element_pitch=beat, pitch=2 * beat, plane_pitch=4 * beat,
        )  # fmt: skip
        activations, results = config.activation_bytes, config.result_bytes
        self.product = Product(
            vectors=2, k=tile.rows, n=tile.columns, a=0, a_pitch=-(-tile.rows // activations) * activations,
            out=bank, out_pitch=-(-4 * tile.columns // results) * results,
        )  # fmt: skip
        self.vector = Vector(
            command=VectorCommand(
                rows=2, columns=config.vector.lanes, a=Matrix(address=0, stride=4), b=Matrix(address=units, stride=4),
                c=Matrix(address=2 * units, stride=4), d=Matrix(address=3 * units, stride=4),
            )
        )  # fmt: skip
        if config.npe is not None:
            self.jobs = Jobs(address=areas.own_jobs, count=2)

    def all(self) -> list[Bad]:
        """Return one of each kind."""
        return [
            *self.unknown(),
            *self.fields(),
            *self.of_the_vector_unit(),
            *self.loops(),
            *self.signals(),
            *self.bus_errors(),
            *self.of_the_npe(),
        ]

    def changed(self, command: Command, **fields: int) -> bytes:
        """Return a command some of whose fields hold other values."""
        return with_fields(encode(self.config, command), type(command), **fields)

    def unknown(self) -> Iterator[Bad]:
        """Yield operations that do not exist, and bits that belong to no field."""
        for code in sorted({0, 255, *range(16)} - set(commands_of(self.config))):
            data = bytearray(encode(self.config, self.load))
            data[0] = code
            yield Bad(name=f"opcode {code}", commands=(bytes(data),), error=AcceleratorError.OPCODE)
        commands: list[Command] = [
            self.load, self.weights, self.product, self.vector, self.store, Set(register=1, value=64),
            Add(register=1, value=0), Loop(count=1), Repeat(), Fence(), End(),
        ]  # fmt: skip
        commands += [self.jobs] if self.config.npe is not None else []
        for command in commands:
            data = bytearray(encode(self.config, command))
            used = field_bits(type(command), self.config)
            bit = int(self.rng.choice([bit for bit in range(8 * COMMAND_BYTES) if not used >> bit & 1]))
            data[bit // 8] |= 1 << bit % 8
            name = f"bit {bit} of {command.OPCODE.name}"
            yield Bad(name=name, commands=(bytes(data),), error=AcceleratorError.OPCODE)
        if self.config.npe is None:
            for command in (self.load, self.weights, self.product, self.vector, self.store):
                for name in ("wait", "signal"):
                    bits = self.changed(command, **{name: Units.NPE})
                    yield Bad(name=f"{command.OPCODE.name} with {name}=npe", commands=(bits,),
                              error=AcceleratorError.OPCODE)  # fmt: skip

    def fields(self) -> Iterator[Bad]:
        """Yield values that the command processor refuses, some for two reasons."""
        size, address, bank, register = (
            AcceleratorError.SIZE,
            AcceleratorError.ADDRESS,
            AcceleratorError.BANK,
            AcceleratorError.REGISTER,
        )
        config = self.config
        beat, bank_bytes, end = config.bus_bytes, config.bank_bytes, config.scratchpad_bytes
        in_memory: list[tuple[AcceleratorError, dict[str, int]]] = [
            (size, {"rows": 0}),
            (size, {"planes": 0}),
            (address, {"address": self.load.address + beat // 2}),
            (address, {"stride": 2 * beat + beat // 2}),
            (address, {"plane_stride": 1}),
            (address, {"address": 1 << config.address_bits}),
            (address, {"address": (1 << config.address_bits) - beat}),
            (address, {"address": 1 << 63}),
            (address, {"address": (1 << config.address_bits) - 8 * beat, "plane_stride": 8 * beat}),
            (register, {"register": ADDRESS_REGISTERS + 1}),
            (register, {"register": 15}),
            (size, {"rows": 0, "address": 1, "register": 9}),
            (address, {"address": 1, "register": 9}),
        ]
        loads = [(size, {"beats": 0}), *in_memory]
        in_scratchpad = [
            (address, {"destination": 1}),
            (address, {"pitch": 2 * beat + 1}),
            (address, {"destination": end - beat, "rows": 1, "planes": 1}),
            (address, {"destination": end}),
            (address, {"destination": (1 << 32) - beat}),
            (address, {"pitch": 1 << 31}),
            (bank, {"destination": bank_bytes - beat, "rows": 1, "planes": 1}),
            (bank, {"pitch": bank_bytes, "planes": 1}),
            (address, {"destination": bank_bytes - 1, "rows": 1, "planes": 1}),
        ]
        stores: list[tuple[AcceleratorError, dict[str, int]]] = [
            (size, {"count": 0}),
            (size, {"size": self.size + 1}),
            (size, {"size": 15}),
            (size, {"packed": 1}),
            *in_memory,
            (address, {"source": 1}),
            (address, {"element_pitch": beat // 2}),
            (address, {"pitch": 2 * beat + 1}),
            (address, {"plane_pitch": beat + beat // 2}),
            (address, {"source": end - beat}),
            (address, {"source": (1 << 32) - beat}),
            (address, {"plane_pitch": 1 << 31}),
            (bank, {"source": bank_bytes - beat}),
            (bank, {"pitch": bank_bytes, "planes": 1}),
            (address, {"size": 0, "element_pitch": 1, "source": end - 1, "rows": 1, "planes": 1}),
        ]
        tile, high = config.cim_array.tile, config.cim_array.tile.rows
        products: list[tuple[AcceleratorError, dict[str, int]]] = [
            (size, {"vectors": 0}),
            (size, {"k": 0}),
            (size, {"n": 0}),
            *([(size, {"n": tile.columns + 1})] if tile.results_per_beat > 1 else []),
            (size, {"k": high + 1, "vectors": tile.accumulator_vectors + 1}),
            (size, {"k": config.cim_array.rows + 1, "vectors": 65535, "reduce": 1}),
            (address, {"a": config.activation_bytes // 2}),
            (address, {"a_pitch": config.activation_bytes + 1}),
            (address, {"out": bank_bytes + config.result_bytes // 2}),
            (address, {"out_pitch": config.result_bytes // 2}),
            (address, {"a": end}),
            (address, {"out": end}),
            (address, {"out_pitch": 1 << 31, "vectors": 3}),
            (bank, {"a_pitch": bank_bytes}),
            (bank, {"out_pitch": bank_bytes}),
            (size, {"n": 0, "a": 1}),
        ]
        bits = config.vector.address_bits
        vectors: list[tuple[AcceleratorError, dict[str, int]]] = [
            (bank, {"b_address": 4}),
            (bank, {"c_address": 0}),
            (bank, {"c_address": 1 << bits}),
            *((address, {f"{name}_address": config.banks << bits}) for name in "abcd"),
            *((address, {f"{name}_stride": 1 << bits}) for name in "abcd"),
            (address, {"d_address": 1 << 31}),
            (address, {"scatter": 1, "d_address": config.banks << config.vector.element_address_bits}),
        ]
        kinds: list[tuple[Command, list[tuple[AcceleratorError, dict[str, int]]]]] = [
            (self.load, [*loads, *in_scratchpad]),
            (self.weights, loads),
            (self.store, stores),
            (self.product, products),
            (self.vector, vectors),
            (Set(register=1, value=1), [(register, {"register": number}) for number in (0, 9, 15)]),
            (Add(register=1, value=1), [(register, {"register": number}) for number in (0, 9, 15)]),
            (Loop(count=1), [(size, {"count": 0})]),
        ]
        if config.npe is not None:
            top = 1 << config.address_bits
            jobs: list[tuple[AcceleratorError, dict[str, int]]] = [
                (size, {"count": 0}),
                (address, {"address": self.areas.jobs + DESCRIPTOR_BYTES // 2}),
                (address, {"address": top}),
                (address, {"address": top - DESCRIPTOR_BYTES}),
                (address, {"address": top - 65535 * DESCRIPTOR_BYTES + DESCRIPTOR_BYTES, "count": 65535}),
                (address, {"address": 1 << 63}),
                (register, {"register": ADDRESS_REGISTERS + 1}),
                (size, {"count": 0, "address": 1, "register": 15}),
            ]
            kinds.append((self.jobs, jobs))
        for command, changes in kinds:
            for error, values in changes:
                name = f"{command.OPCODE.name} with {values}"
                yield Bad(name=name, commands=(self.changed(command, **values),), error=error)
        for value in (1, 1 << config.address_bits, (1 << 64) - config.bus_bytes):
            commands = (encode(config, Set(register=8, value=value)), self.changed(self.load, register=8))
            yield Bad(name=f"register 8 = {value:#x}", commands=commands, error=address, at=1)

    def of_the_vector_unit(self) -> Iterator[Bad]:
        """Yield passes that the vector unit refuses."""
        config = self.config.vector
        far = (1 << config.address_bits) - 4
        changes: list[tuple[VectorError, dict[str, int]]] = [
            (VectorError.SIZE, {"rows": 0}),
            (VectorError.SIZE, {"columns": 0}),
            (VectorError.CODE, {"b_storage": Storage.INT8}),
            (VectorError.CODE, {"c_storage": Storage.INT32}),
            (VectorError.CODE, {"d_storage": Storage.INT32}),
            (VectorError.CODE, {"function": 5}),
            (VectorError.CODE, {"inverse": 3}),
            (VectorError.CODE, {"scatter": 1, "columns": 2, "d_address": 0}),
            (VectorError.EMPTY, {"write": 0}),
            (VectorError.ALIGNMENT, {"a_address": 1}),
            (VectorError.ALIGNMENT, {"a_stride": 2}),
            (VectorError.RANGE, {"a_address": far}),
            (VectorError.RANGE, {"a_stride": far, "rows": 3}),
            (VectorError.SLOT, {"add": 1, "add_slot": config.scalars - 1}),
            (VectorError.SLOT, {"reduce": 1, "out_slot": 65535}),
            (VectorError.SLOT, {"reduce": 1, "rows": 2, "add": 1, "add_slot": 0, "out_slot": 1}),
            (VectorError.SLOT, {"reduce": 1, "rows": 2, "multiply": 1, "multiply_slot": 0, "out_slot": 1}),
            (VectorError.ROTATE, {"rotate": 1}),
            (VectorError.SIZE, {"rows": 0, "function": 7, "write": 0}),
        ]
        for error, values in changes:
            yield Bad(
                name=f"VECTOR with {values}",
                commands=(self.changed(self.vector, **values),),
                error=AcceleratorError.VECTOR,
                detail=error,
                checked=False,
            )

    def _encoded(self, *commands: Command) -> tuple[bytes, ...]:
        return tuple(encode(self.config, command) for command in commands)

    def loops(self) -> Iterator[Bad]:
        """Yield loops in one another, or none."""
        loop, error = Loop(count=2), AcceleratorError.LOOP
        deep = [loop] * (LOOP_LEVELS + 1)
        yield Bad(name="five loops", commands=self._encoded(*deep), error=error, at=LOOP_LEVELS)
        yield Bad(name="REPEAT without LOOP", commands=self._encoded(Repeat()), error=error)
        yield Bad(
            name="a REPEAT too many", commands=self._encoded(loop, Fence(), Repeat(), Repeat()), error=error, at=3
        )
        yield Bad(name="END in a loop", commands=self._encoded(loop, loop, Repeat(), End()), error=error, at=3)

    def signals(self) -> Iterator[Bad]:
        """Yield programs that would never end, or count too far, or leave weights."""
        deadlock = AcceleratorError.DEADLOCK
        after: dict[str, Any] = {"checked": False}
        given = replace(self.load, rows=1, planes=1, signal=Units.VECTOR)
        loop = (Loop(count=256), given, Repeat())
        yield Bad(
            name="256 signals", commands=self._encoded(*loop), error=AcceleratorError.SEMAPHORE, at=1, **after
        )  # fmt: skip
        pairs: list[tuple[UnitCommand, Units]] = [
            (self.load, Units.STORE), (self.store, Units.ARRAY), (self.vector, Units.LOAD)
        ]  # fmt: skip
        if self.config.npe is not None:
            pairs += [(self.jobs, Units.VECTOR), (self.load, Units.NPE)]
        for command, unit in pairs:
            waits = replace(command, wait=unit)
            name = f"{command.OPCODE.name} without a signal"
            yield Bad(name=name, commands=self._encoded(waits), error=deadlock, at=1, **after)
            fence = (waits, Fence(), self.load)
            yield Bad(name=f"{name}, a fence", commands=self._encoded(*fence), error=deadlock, at=1, **after)
            many = [waits] * (self.config.queue_depth + 3)
            yield Bad(name=f"{name}, a full queue", commands=self._encoded(*many), error=deadlock, at=None, **after)
        beats = product_beats(self.config, self.product)
        weights = Weights(address=self.areas.data, beats=beats)
        short = replace(weights, beats=beats - 1) if beats > 1 else Fence()
        yield Bad(name="no weights", commands=self._encoded(self.product), error=deadlock, at=1, **after)
        yield Bad(name="a beat of weights missing", commands=self._encoded(short, self.product), error=deadlock, at=2,
                  **after)  # fmt: skip
        room = self.config.weight_buffer_beats
        full: list[Command] = [replace(weights, beats=room), replace(weights, beats=1)]
        yield Bad(name="too many weights", commands=self._encoded(*full), error=deadlock, at=2, **after)
        # What waits behind could begin, but for the unit.
        again = (self.product, self.product)
        yield Bad(name="no weights, a product behind", commands=self._encoded(*again), error=deadlock, at=2, **after)
        behind = (*full, self.load)
        yield Bad(
            name="too many weights, a load behind", commands=self._encoded(*behind), error=deadlock, at=3, **after
        )
        left = AcceleratorError.WEIGHTS
        yield Bad(name="weights left", commands=self._encoded(replace(weights, beats=1)), error=left, at=1, **after)
        yield Bad(
            name="a beat of weights left",
            commands=self._encoded(replace(weights, beats=beats + 1), self.product),
            error=left,
            at=2,
            **after,
        )

    def bus_errors(self) -> Iterator[Bad]:
        """Yield accesses that memory answers with an error."""
        end, beat = self.areas.memory_bytes, self.config.bus_bytes
        load_error, store_error = AcceleratorError.LOAD_BUS, AcceleratorError.STORE_BUS
        for command, error in ((self.load, load_error), (self.weights, load_error), (self.store, store_error)):
            name = command.OPCODE.name
            for address in (end, end - 2 * beat, (1 << self.config.address_bits) - 8 * beat):
                moved = replace(command, address=address)
                yield Bad(name=f"{name} beyond memory", commands=self._encoded(moved), error=error, checked=False)
            for response, text in BUS.items():
                bad = command.address + int(self.rng.integers(8 * beat))
                yield Bad(
                    name=f"{name}, {text}", commands=self._encoded(command), error=error, bus_address=bad,
                    bus_response=response, checked=False,
                )  # fmt: skip
        # The load ends in the cycle after its error.
        single = replace(self.load, address=end, beats=1, rows=1, planes=1)
        yield Bad(name="one beat beyond memory", commands=self._encoded(single), error=load_error, checked=False)
        # Weights of products in memory, then one beyond, which the buffer has no room for until some have ended.
        beats = product_beats(self.config, self.product)
        products = self.config.weight_buffer_beats // beats + 5
        weights = Weights(address=end - products * beats * beat, beats=products * beats + 1)
        first = replace(self.product, signal=Units.STORE)
        kept = replace(self.store, source=first.out, wait=Units.ARRAY)
        after = [replace(self.product, out=2 * self.config.bank_bytes)] * (products - 1)
        yield Bad(
            name="a beat of weights beyond memory behind products", error=load_error, at=1, checked=False,
            commands=self._encoded(Fence(), weights, first, kept, *after, Fence()),
        )  # fmt: skip

    def of_the_npe(self) -> Iterator[Bad]:
        """Yield jobs that the NPE or memory refuses, and one that runs while something else is stopped."""
        npe, areas = self.config.npe, self.areas
        if npe is None:
            return
        good, bad = (random_descriptor(npe, self.rng, areas.data_end, areas.jobs) for _ in range(2))
        common: dict[str, Any] = {"error": AcceleratorError.NPE, "checked": False}
        jobs = self._encoded(self.jobs)
        changes: list[tuple[NpeError, dict[str, Any]]] = [
            (NpeError.FIELD, {"mode": 15}),
            (NpeError.FIELD, {"m": 0}),
            (NpeError.FIELD, {"k": 1 << 16}),
            (NpeError.ALIGNMENT, {"a": bad.a + 1}),
            (NpeError.ALIGNMENT, {"c_stride": bad.c_stride + 1}),
            (NpeError.RANGE, {"b": 1 << npe.address_bits}),
            (NpeError.READ_DECERR, {"a": areas.memory_bytes}),
            (NpeError.READ_DECERR, {"b": (1 << npe.address_bits) - 4096}),
            (NpeError.WRITE_DECERR, {"c": areas.memory_bytes}),
        ]
        for code, values in changes:
            made = replace(bad, **values)
            first = (made, good) if self.rng.random() < 0.5 else (good, made)
            encoded = tuple(each.encode() for each in first)
            yield Bad(name=f"a job with {values}", commands=jobs, detail=code, descriptors=encoded, **common)
        places = {"descriptor": areas.own_jobs + DESCRIPTOR_BYTES, "A": bad.a, "B": bad.b, "C": bad.c}
        for name, place in places.items():
            for response, text in BUS.items():
                code = NpeError.WRITE_SLVERR if name == "C" else NpeError.READ_SLVERR
                yield Bad(
                    name=f"a job, {text} to {name}", commands=jobs, detail=code + (response == DECERR),
                    descriptors=(good.encode(), bad.encode()), bus_response=response,
                    bus_address=place + int(self.rng.integers(npe.bus_bytes)), **common,
                )  # fmt: skip
        for address in (areas.memory_bytes, (1 << self.config.address_bits) - 4 * DESCRIPTOR_BYTES):
            beyond = self._encoded(replace(self.jobs, address=address))
            yield Bad(name="jobs beyond memory", commands=beyond, detail=NpeError.READ_DECERR, **common)
        # Whatever the NPE is doing when it has to stop.
        moved = replace(self.load, address=areas.memory_bytes)
        for number in range(6):
            wait = [self.load] * number
            yield Bad(
                name=f"a load beyond memory beside jobs, {number} loads ahead",
                commands=self._encoded(replace(self.jobs, count=JOBS), *wait, moved), at=number + 1,
                error=AcceleratorError.LOAD_BUS, checked=False,
                descriptors=tuple((good, bad)[number % 2].encode() for number in range(JOBS)),
            )  # fmt: skip


def field_bits(kind: type, config: AcceleratorConfig) -> int:
    """Return the bits of a command that belong to a field of an accelerator's."""
    return sum((1 << field.bits) - 1 << 32 * field.word + field.shift for field in layout(kind, config).values())


def with_fields(data: bytes, kind: type, **values: int) -> bytes:
    """Return a command some of whose fields hold other values, allowed or not."""
    bits = int.from_bytes(data, "little")
    for name, value in values.items():
        field = layout(kind)[name]
        assert 0 <= value < 1 << field.bits, f"{name} = {value}"
        place = 32 * field.word + field.shift
        bits = bits & ~((1 << field.bits) - 1 << place) | value << place
    return bits.to_bytes(len(data), "little")


def failing_case(
    config: AcceleratorConfig, seed: int, bad: Sequence[Bad], *, timing: Timing = NEAR, good: int = 12
) -> Case:
    """Return a case of programs that must be stopped, each after some random commands; some good programs are among
    them.

    Half of them have a fence in front: what was before has ended. Behind one that the processor refuses is a store, of
    which nothing must be seen.

    Parameters
    ----------
    good : int
        Failures from a good program to the next.
    """
    areas, rng = Areas(config), np.random.default_rng(seed)
    memory = random_memory(areas, rng)
    image, runs = memory.copy(), []
    for number, each in enumerate(bad):
        maker = ProgramMaker(config, areas, rng)
        maker.add(int(rng.integers(0, 8)))
        # What holds ports while it waits must not be in the way of what was before.
        fenced = bool(rng.random() < 0.5) or each.error in (AcceleratorError.DEADLOCK, AcceleratorError.WEIGHTS)
        # What the scratchpad holds behind a failure is not known.
        before = synchronise(config, [*fill_program(config, areas), *maker.commands])
        before += [Fence()] if fenced else []
        if each.bus_address is not None:
            before = []
        behind: list[Command] = []
        if each.checked:
            behind.append(Store(address=areas.data, size=0, count=77, source=0, element_pitch=1))
        commands = [
            *(encode(config, c) for c in before),
            *each.commands,
            *(encode(config, c) for c in (*behind, End())),
        ]
        spared = [] if fenced else [region for command in before for region in _stored(config, command, areas)]
        spared += [region for command in each.commands for region in _stored_by(config, command, areas, each)]
        runs.append(
            Run(
                name=each.name,
                address=PROGRAM,
                patches=(
                    patch(image, PROGRAM, np.frombuffer(b"".join(commands), np.uint8)),
                    *descriptor_patches(image, areas.jobs, maker.descriptors),
                    *descriptor_patches(image, areas.own_jobs, each.descriptors),
                ),
                failure=Failure(
                    error=each.error,
                    detail=each.detail,
                    index=None if each.at is None else len(before) + each.at,
                    bus_address=each.bus_address,
                    bus_response=each.bus_response,
                    spared=tuple(spared),
                ),
            )
        )
        if number % good == good - 1 or number == len(bad) - 1:
            runs.append(good_run(config, areas, rng, image, f"behind failure {number}"))
    return Case(name=f"failures, seed {seed}", memory=memory, runs=tuple(runs), timing=timing, seed=seed)


def good_run(config: AcceleratorConfig, areas: Areas, rng: np.random.Generator, image: np.ndarray, name: str) -> Run:
    """Return a program whose result does not depend on the scratchpad's content."""
    maker = ProgramMaker(config, areas, rng)
    maker.add(8)
    commands = safe(config, [*fill_program(config, areas), *maker.commands, *show_program(config, areas)])
    data = np.frombuffer(b"".join(encode(config, command) for command in commands), np.uint8)
    patches = (patch(image, PROGRAM, data), *descriptor_patches(image, areas.jobs, maker.descriptors))
    return Run(name=name, address=PROGRAM, patches=patches, macs=maker.macs)


def descriptor_patches(image: np.ndarray, address: int, descriptors: Sequence[bytes]) -> list[tuple[int, np.ndarray]]:
    """Write descriptors, if there are any; return their patches."""
    data = np.frombuffer(b"".join(descriptors), np.uint8)
    return [patch(image, address, data)] if len(data) else []


def _stored(config: AcceleratorConfig, command: Command, areas: Areas) -> list[tuple[int, int]]:
    """Return the bytes of memory to which a command writes; with a register, any of the data."""
    if isinstance(command, Jobs):
        return [(areas.data, areas.data_end)]
    if not isinstance(command, Store):
        return []
    if command.register:
        return [(areas.data, areas.data_end)]
    return [(region.start, region.stop) for region in footprint(config, command).memory_writes]


def _stored_by(config: AcceleratorConfig, data: bytes, areas: Areas, bad: Bad) -> list[tuple[int, int]]:
    """Return the bytes of memory to which a command writes that memory answers with an error."""
    if bad.descriptors:
        return [(areas.data_end, areas.jobs)]
    if bad.error is not AcceleratorError.STORE_BUS:
        return []
    start, _ = struct.unpack("<QQ", data[4:20])
    return [(start, min(areas.memory_bytes, start + 8 * config.bus_bytes))]


def fetch_runs(config: AcceleratorConfig, seed: int) -> Case:
    """Return starts that cannot read their commands, or could not read what they never reach."""
    areas, rng = Areas(config), np.random.default_rng(seed)
    memory = random_memory(areas, rng)
    image, end = memory.copy(), areas.memory_bytes
    count = Set(register=1, value=3), Loop(count=3), Add(register=1, value=64), Repeat(), Fence()
    fetch, address = AcceleratorError.FETCH_BUS, AcceleratorError.ADDRESS
    runs = []

    def run(name: str, commands: Sequence[Command], place: int, failure: Failure | None = None) -> None:
        data = np.frombuffer(b"".join(encode(config, command) for command in commands), np.uint8)
        start = place // COMMAND_BYTES * COMMAND_BYTES
        patches = (patch(image, start, data),) if start + len(data) <= end else ()
        runs.append(Run(name=name, address=place, patches=patches, failure=failure, errors_ahead=True))

    whole = (*count, End())
    run("ends with memory", whole, end - COMMAND_BYTES * len(whole))
    run("runs out of memory", count, end - COMMAND_BYTES * len(count), Failure(error=fetch, index=len(count)))
    run("begins behind memory", (), end, Failure(error=fetch))
    run("begins at the end of addresses", (), (1 << config.address_bits) - COMMAND_BYTES, Failure(error=fetch))
    for response in BUS:
        for number in range(len(whole) + 2):
            bad = PROGRAM + number * COMMAND_BYTES + int(rng.integers(COMMAND_BYTES))
            # All commands of a beat are broken.
            first = (number * COMMAND_BYTES // config.command_read_bytes * config.command_read_bytes) // COMMAND_BYTES
            failure = Failure(
                error=fetch if first < len(whole) else AcceleratorError.NONE,
                index=first if first < len(whole) else 0,
                bus_address=bad,
                bus_response=response,
            )
            run(f"{BUS[response]} to command {number}", whole, PROGRAM, failure)
    for place in (PROGRAM + 4, PROGRAM + 32, 1 << config.address_bits, PROGRAM | 1 << 63):
        run(f"starts at {place:#x}", whole if place < end else (), place, Failure(error=address))
    run("in the end", whole, PROGRAM)
    return Case(name=f"commands that are not there, seed {seed}", memory=memory, runs=tuple(runs), seed=seed)
