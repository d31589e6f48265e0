"""Random programs of the accelerator: valid, and right if their commands run one after the other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np

from tilewright.bench.program_cases import LINE_BYTES, Case, Run, encoded, patch
from tilewright.bench.random_jobs import beside, random_descriptor
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
)
from tilewright.sim.isa.descriptor import Descriptor
from tilewright.sim.isa.footprint import footprint
from tilewright.sim.isa.vector_command import Function, Inverse, Matrix, Reduce, Storage, VectorCommand
from tilewright.sim.isa.widths import (
    ADDRESS_REGISTER_BITS,
    ADDRESS_REGISTERS,
    COMMAND_BYTES,
    DESCRIPTOR_BYTES,
    LOOP_LEVELS,
    PAGE_BYTES,
)
from tilewright.sim.machine.accelerator.product import product_beats

PROGRAM = 0x200
"""Lowest address of a program; it is not 0, to which a lost address would point."""
PROGRAM_BYTES = 256 * COMMAND_BYTES
REGISTER_RANGE = 1 << ADDRESS_REGISTER_BITS
"""Range of the contents of address registers, which wrap: negative numbers may be added."""
JOBS = 32
"""Number of descriptors of a program."""
JOBS_BYTES = 2 * JOBS * DESCRIPTOR_BYTES
"""Size of these descriptors and of as many descriptors of jobs that share no bytes with others."""
MOST_VECTORS = 6
MOST_BLOCKS = 2.5
"""Maximum number of weight blocks of a product in each direction."""
WORDS = (Storage.BF16, Storage.FP32)


@dataclass(frozen=True)
class Areas:
    """Areas of a bench's memory: programs, content of the scratchpad, copy of the scratchpad, data."""

    config: AcceleratorConfig
    data_bytes: int = 8 * PAGE_BYTES
    own_bytes: int = 4 * PAGE_BYTES
    """Size of the area for jobs that share no bytes with others, if there is an NPE."""

    @property
    def image(self) -> int:
        """First address of the content that fills the scratchpad."""
        return PROGRAM + PROGRAM_BYTES

    @property
    def shown(self) -> int:
        """First address of the copy of the scratchpad, which the row scalars follow."""
        return self.image + self.config.scratchpad_bytes

    @property
    def data(self) -> int:
        """First address of the data."""
        scalars = 8 * self.config.vector.scalars
        return -(-(self.shown + self.config.scratchpad_bytes + scalars) // PAGE_BYTES) * PAGE_BYTES

    @property
    def memory_bytes(self) -> int:
        """Size of memory, which ends with the data, of an accelerator without an NPE."""
        return self.data + self.data_bytes + (self.own_bytes + JOBS_BYTES if self.config.npe is not None else 0)

    @property
    def data_end(self) -> int:
        """First address after the data."""
        return self.data + self.data_bytes

    @property
    def jobs(self) -> int:
        """First address of the descriptors, after the area of jobs that share no bytes with others."""
        return self.data_end + self.own_bytes

    @property
    def own_jobs(self) -> int:
        """First address of the descriptors of jobs that share no bytes with others."""
        return self.jobs + JOBS * DESCRIPTOR_BYTES


@dataclass
class Register:
    """Range of contents of an address register, and its step."""

    least: int
    most: int


class ProgramMaker:
    """Makes random commands; each is valid after the commands before it.

    Weights come right before their product, or earlier if the weight buffer holds them.

    Parameters
    ----------
    config : AcceleratorConfig
    areas : Areas
        Of memory: weights and loads from data, stores to it.
    rng : Generator
    """

    def __init__(self, config: AcceleratorConfig, areas: Areas, rng: np.random.Generator):
        self.config, self.areas, self.rng = config, areas, rng
        self.commands: list[Command] = []
        self.macs = 0
        self._registers: dict[int, Register] = {}
        self._advancing: list[int] = []
        """Registers with which an enclosing loop counts."""
        self._depth = 0
        self._times = 1
        """Number of times that the next command runs."""
        self.descriptors: list[bytes] = []
        """Descriptors of jobs, one after the other from ``areas.jobs`` on."""
        self._products: list[Product] = []
        """Products whose weights are loaded already."""
        self._waiting_beats = 0

    def add(self, count: int) -> None:
        """Add about this number of commands."""
        end = len(self.commands) + count
        while len(self.commands) < end:
            self._add_one()
        self._add_products()

    def _add_one(self) -> None:
        kinds: dict[Callable[[], None], float] = {
            self._load: 4,
            self._store: 4,
            self._vector: 5,
            self._product_now: 2.5,
            self._weights_early: 1.5,
            self._fence: 0.4,
        }
        if self.config.npe is not None:
            kinds[self._jobs] = 2
        if self._products:
            kinds[self._add_products] = 3
        elif self._depth < LOOP_LEVELS and self._times <= 12:
            kinds[self._loop] = 0.8
        shares = np.array(list(kinds.values()))
        list(kinds)[int(self.rng.choice(len(kinds), p=shares / shares.sum()))]()

    # Numbers.

    def _maybe(self, share: float = 0.5) -> bool:
        return bool(self.rng.random() < share)

    def _upto(self, most: int, least: int = 1) -> int:
        return int(self.rng.integers(least, most + 1))

    def _small(self, most: int) -> int:
        """Return 1 to ``most``, often 1."""
        return 1 if self._maybe(0.4) else self._upto(most)

    # Memory.

    def _rows(self, row_bytes: int, rows: int, planes: int, step: int, *, apart: bool) -> dict[str, Any]:
        """Return strides of rows and planes, multiples of ``step``; ``apart``: no byte lies in two of them."""
        if not apart:
            strides = (self._upto(4 * row_bytes // step + 3, 0) * step for _ in range(2))
            return dict(zip(("stride", "plane_stride"), strides, strict=True))
        gap, plane_gap = ((0 if self._maybe() else self._upto(20)) * step for _ in range(2))
        if self._maybe(0.7):
            stride = row_bytes + gap
            return {"stride": stride, "plane_stride": rows * stride + plane_gap}
        plane_stride = row_bytes + gap
        return {"stride": planes * plane_stride + plane_gap, "plane_stride": plane_stride}

    def _address(self, size: int, step: int) -> dict[str, Any] | None:
        """Return an address in data, with a register or without; none if there is no room."""
        begin, end = self.areas.data, self.areas.data_end - size
        usable = [number for number, held in self._registers.items() if held.most - held.least <= end - begin]
        if usable and self._maybe(0.7 if self._advancing else 0.3):
            register = int(self.rng.choice(usable))
            held = self._registers[register]
            begin, end = max(begin - held.least, 0), end - held.most
            # Registers hold multiples of a beat.
            if begin <= end:
                return {"register": register, "address": self._place(begin, end, step)}
        return {"address": self._place(begin, end, step)} if begin <= end else None

    def _place(self, begin: int, end: int, step: int) -> int:
        if self._maybe(0.3):
            # Just below a page's end, or at it.
            pages = range(-(-begin // PAGE_BYTES), end // PAGE_BYTES + 1)
            if pages:
                near = int(self.rng.choice(pages)) * PAGE_BYTES - self._upto(6, 0) * step
                return near // step * step if begin <= near // step * step <= end else self._place(begin, end, step)
        return -(-int(self.rng.integers(begin, end + 1)) // step) * step if end - begin >= step else begin

    def _register_value(self) -> None:
        """Set a register, or add to one that no loop counts with."""
        free = [number for number in range(1, ADDRESS_REGISTERS + 1) if number not in self._advancing]
        if not free:
            return
        number, beat = int(self.rng.choice(free)), self.config.bus_bytes
        value = self._upto((self.areas.memory_bytes - self.areas.data) // beat // 2, 0) * beat
        held = self._registers.get(number)
        if held is None or self._depth or self._maybe():
            self._registers[number] = Register(value, value)
            self.commands.append(Set(register=number, value=value))
            return
        step = value if held.most + value < self.areas.memory_bytes else -min(value, held.least)
        self._registers[number] = Register(held.least + step, held.most + step)
        self.commands.append(Add(register=number, value=step % REGISTER_RANGE))

    # The scratchpad.

    def _spot(self, size: int, step: int, bank: int | None = None) -> int | None:
        """Return the begin of ``size`` bytes in a bank, a multiple of ``step``."""
        room = self.config.bank_bytes - size
        if room < 0:
            return None
        bank = int(self.rng.integers(self.config.banks)) if bank is None else bank
        # Begin and end of a bank as often as anything between.
        offset = (0, room // step, self._upto(room // step, 0))[int(self.rng.choice(3, p=(0.15, 0.15, 0.7)))]
        return bank * self.config.bank_bytes + offset * step

    # Commands.

    def _fence(self) -> None:
        self.commands.append(Fence())

    def _jobs(self) -> None:
        """Add jobs on data: descriptors of their own, or some of those that there are."""
        assert self.config.npe is not None
        count = self._small(3)
        first = len(self.descriptors)
        if first >= count and (self._maybe(0.2) or first + count > JOBS):
            first = self._upto(first - count, 0)
        elif first + count > JOBS:
            return
        else:
            self.descriptors += [
                random_descriptor(self.config.npe, self.rng, self.areas.data, self.areas.data_end).encode()
                for _ in range(count)
            ]
        address = self.areas.jobs + first * DESCRIPTOR_BYTES
        free = [number for number in range(1, ADDRESS_REGISTERS + 1) if number not in self._advancing]
        if free and self._maybe(0.3):
            number, value = int(self.rng.choice(free)), self._upto(address // DESCRIPTOR_BYTES, 0) * DESCRIPTOR_BYTES
            self._registers[number] = Register(value, value)
            self.commands += [
                Set(register=number, value=value), Jobs(register=number, address=address - value, count=count)
            ]  # fmt: skip
        else:
            self.commands.append(Jobs(address=address, count=count))

    def own_jobs(self, count: int) -> tuple[list[Jobs], np.ndarray]:
        """Return commands that share no bytes with others, and their descriptors, from ``areas.jobs`` on."""
        assert self.config.npe is not None
        areas = self.areas
        made = [random_descriptor(self.config.npe, self.rng, areas.data_end, areas.jobs).encode() for _ in range(JOBS)]
        commands = []
        for _ in range(count):
            jobs = self._small(4)
            first = self._upto(JOBS - jobs, 0)
            commands.append(Jobs(address=areas.own_jobs + first * DESCRIPTOR_BYTES, count=jobs))
        descriptors = np.zeros(JOBS_BYTES, np.uint8)
        for number, data in (*enumerate(self.descriptors), *enumerate(made, JOBS)):
            descriptors[number * DESCRIPTOR_BYTES :][:DESCRIPTOR_BYTES] = np.frombuffer(data, np.uint8)
        return commands, descriptors

    def _shape(self, row_limit: int) -> tuple[int, int, int]:
        """Return elements of a row, rows and planes, mostly few."""
        if self._maybe(0.15):
            return self._upto(row_limit), 1, 1
        return self._upto(min(row_limit, 12)), self._small(5), self._small(3)

    def _load(self) -> None:
        if self._maybe(0.4):
            self._register_value()
        beat = self.config.bus_bytes
        beats, rows, planes = self._shape(self.config.bank_bytes // beat)
        pitch = (beats + (0 if self._maybe() else self._upto(4))) * beat
        if rows * planes == 1 and self._maybe():
            pitch = 0
        destination = self._spot((rows * planes - 1) * pitch + beats * beat, beat)
        strides = self._rows(beats * beat, rows, planes, beat, apart=False)
        address = self._address(self._extent(beats * beat, rows, planes, **strides), beat)
        if destination is None or address is None:
            return
        self.commands.append(
            Load(**address, **strides, beats=beats, rows=rows, planes=planes, destination=destination, pitch=pitch)
        )

    @staticmethod
    def _extent(row_bytes: int, rows: int, planes: int, *, stride: int, plane_stride: int) -> int:
        return (planes - 1) * plane_stride + (rows - 1) * stride + row_bytes

    def _store(self) -> None:
        if self._maybe(0.3):
            self._register_value()
        beat = self.config.bus_bytes
        # Elements of a whole beat make for bursts.
        size = beat.bit_length() - 1 if self._maybe(0.4) else self._upto(beat.bit_length() - 1, 0)
        element = 1 << size
        count, rows, planes = self._shape(min(self.config.bank_bytes >> size, 200))
        pitches: dict[str, Any] = {
            "element_pitch": element * (1 if self._maybe(0.6) else self._upto(5, 0)),
            "pitch": self._upto(2 * count, 0) * element,
            "plane_pitch": self._upto(4 * count, 0) * element,
        }
        size_in = (
            (planes - 1) * pitches["plane_pitch"] + (rows - 1) * pitches["pitch"]
            + (count - 1) * pitches["element_pitch"] + element
        )  # fmt: skip
        source = self._spot(size_in, element)
        packed = size == 0 and self._maybe(0.4)
        row_bytes = (count + 1) // 2 if packed else count * element
        strides = self._rows(row_bytes, rows, planes, element, apart=True)
        address = self._address(self._extent(row_bytes, rows, planes, **strides), element)
        if source is None or address is None:
            return
        shape: dict[str, Any] = {"size": size, "count": count, "rows": rows, "planes": planes}
        self.commands.append(Store(**address, **strides, **pitches, **shape, packed=packed, source=source))

    def _product(self) -> Product | None:
        cim, config = self.config.cim_array, self.config
        reduce = self._maybe()
        high, wide = (cim.rows, cim.tile.columns) if reduce else (cim.tile.rows, cim.columns)
        k = self._upto(int(MOST_BLOCKS * high)) if self._maybe() else self._upto(high)
        # Whole tiles, or a last one of which some columns are taken.
        step = cim.tile.columns if self._maybe() else cim.tile.results_per_beat
        n = self._upto(max(1, int(MOST_BLOCKS * wide) // step)) * step
        vectors = self._upto(MOST_VECTORS)
        if k > high:
            vectors = min(vectors, cim.tile.accumulator_vectors)
        line = config.activation_bytes
        a_pitch = (-(-k // line) + (0 if self._maybe() else self._upto(3))) * line
        out_line = config.result_bytes
        out_pitch = (-(-4 * n // out_line) + (0 if self._maybe() else self._upto(3))) * out_line
        if vectors == 1 and self._maybe():
            a_pitch = out_pitch = 0
        elif self._maybe(0.1):
            a_pitch = 0
        # What is taken of the last vector is whole words.
        a = self._spot((vectors - 1) * a_pitch + -(-k // line) * line, line)
        out = self._spot((vectors - 1) * out_pitch + 4 * n, out_line)
        if a is None or out is None:
            return None
        product = Product(
            reduce=reduce, vectors=vectors, k=k, n=n, a=a, a_pitch=a_pitch, out=out, out_pitch=out_pitch,
            narrow=len(cim.tile.weight_formats) > 1 and self._maybe(),
        )  # fmt: skip
        return None if self._overlaps_itself(product) else product

    def _overlaps_itself(self, command: UnitCommand) -> bool:
        those = footprint(self.config, command)
        return any(a.overlaps(b) for a in those.scratchpad_reads for b in those.scratchpad_writes)

    def _weights_of(self, product: Product, most: int) -> list[Command] | None:
        """Return at most ``most`` commands that bring the weights of a product, from anywhere in data."""
        beat = self.config.bus_bytes
        left = product_beats(self.config, product)
        commands: list[Command] = []
        for number in range(most, 0, -1):
            take = left if number == 1 or self._maybe() else self._upto(left)
            for planes, rows in ((self._small(3), self._small(6)), (1, self._small(9)), (1, 1)):
                if take % (planes * rows) == 0:
                    break
            else:
                planes = rows = 1
            beats = take // (planes * rows)
            strides = self._rows(beats * beat, rows, planes, beat, apart=False)
            address = self._address(self._extent(beats * beat, rows, planes, **strides), beat)
            if address is None:
                return None
            commands.append(Weights(**address, **strides, beats=beats, rows=rows, planes=planes))
            left -= take
            if not left:
                return commands
        raise AssertionError("beats are left")

    def _product_now(self) -> None:
        product = self._product()
        if product is None:
            return
        weights = self._weights_of(product, min(3, self.config.queue_depth))
        if weights is not None:
            self._add_products()
            self.commands += [*weights, product]
            self._count(product)

    def _weights_early(self) -> None:
        """Add weights that are there before something else happens."""
        product = self._product()
        if product is None:
            return
        beats = product_beats(self.config, product)
        if self._waiting_beats + beats > self.config.weight_buffer_beats or self._times > 1:
            return
        weights = self._weights_of(product, 3)
        if weights is not None:
            self.commands += weights
            self._products.append(product)
            self._waiting_beats += beats

    def _add_products(self) -> None:
        """Add the products whose weights are there."""
        self.commands += self._products
        for product in self._products:
            self._count(product)
        self._products, self._waiting_beats = [], 0

    def _count(self, product: Product) -> None:
        self.macs += self._times * product.vectors * product.k * product.n

    def _loop(self) -> None:
        """Add a loop; registers that count with it hold multiples of a beat."""
        count, beat = self._upto(4), self.config.bus_bytes
        free = [number for number in range(1, ADDRESS_REGISTERS + 1) if number not in self._advancing]
        chosen = {}
        for number in self.rng.permutation(free)[: self._upto(2, 0)]:
            step = self._upto(9, 0) * beat * (-1 if self._maybe(0.3) else 1)
            start = self._upto(64, 0) * beat - min(0, count * step)
            chosen[int(number)] = step
            self.commands.append(Set(register=int(number), value=start))
            self._registers[int(number)] = Register(*sorted((start, start + count * step)))
        # What is set within is not the same the next time, before it is set again.
        self._registers = {n: held for n, held in self._registers.items() if n in chosen or n in self._advancing}
        outside = dict(self._registers)
        self.commands.append(Loop(count=count))
        self._advancing += chosen
        self._depth += 1
        self._times *= count
        adds = [Add(register=number, value=step % REGISTER_RANGE) for number, step in chosen.items()]
        early = self._maybe(0.3)
        if early:
            self.commands += adds
        for _ in range(self._upto(4)):
            self._add_one()
        self._add_products()
        if not early:
            self.commands += adds
        self.commands.append(Repeat())
        self._times //= count
        self._depth -= 1
        self._advancing = [number for number in self._advancing if number not in chosen]
        self._registers = outside
        for number, step in chosen.items():
            held = outside[number]
            value = held.most if step >= 0 else held.least
            self._registers[number] = Register(value, value)

    def _vector(self) -> None:
        for _ in range(20):
            command = self._pass()
            if command is not None:
                self.commands.append(Vector(command=command))
                return

    def _pass(self) -> VectorCommand | None:
        """Return a pass with any options, or none if what was chosen has no room."""
        config, rng = self.config.vector, self.rng
        lanes = config.lanes
        rows, columns, rotate = self._upto(8), self._upto(5 * lanes), 0
        if self._maybe(0.2):
            rotate = lanes << self._upto(1, 0)
            columns = 2 * rotate * self._upto(2)
        scatter = self._maybe(0.15) and not rotate
        if scatter:
            columns = 1
        banks = [int(bank) for bank in rng.permutation(self.config.banks)]
        a = self._matrix(rows, columns, tuple(Storage), banks[0])
        square = self._maybe(0.2)
        b = None if square or self._maybe() else self._matrix(rows, columns, WORDS, banks[1])
        c = self._matrix(rows, columns, WORDS, banks[2]) if self._maybe() else None
        d = self._scattered(rows) if scatter else self._result(rows, columns, rotate, [a, b, c])
        reduce = Reduce.NONE if scatter else Reduce(self._upto(3, 0))
        if a is None or d is None:
            return None
        add, multiply, out = (int(slot) for slot in rng.integers(0, config.scalars - rows + 1, 3))
        used = [slot for slot in (add, multiply) if abs(slot - out) < rows]
        command = VectorCommand(
            rows=rows, columns=columns, a=a, b=b, c=c, d=None if reduce and self._maybe() else d, scatter=scatter,
            # A row's scalars are read long before those of the row before are there, or are the same ones.
            add=add if self._maybe() and add not in used else None,
            multiply=multiply if self._maybe() and multiply not in used else None,
            multiply_inverse=self._maybe(),
            function=Function(self._upto(4, 0)), square=square, reduce=reduce,
            scale=float(np.float32(rng.standard_normal())), offset=float(np.float32(rng.standard_normal())),
            inverse=Inverse(self._upto(2, 0)), out=out,
            causal=self._maybe(0.3), mask_base=self._upto(columns, 0), rotate=rotate,
        )  # fmt: skip
        return command if self._in_order(command) else None

    def _matrix(self, rows: int, columns: int, storages: Sequence[Storage], bank: int) -> Matrix | None:
        """Return a place in a bank for a matrix, or for one row that stands for all."""
        lanes = self.config.vector.lanes
        storage = storages[int(self.rng.integers(len(storages)))]
        element = 1 << storage.size
        steps = -(-columns // lanes) * element
        stride = steps + (0 if self._maybe() else self._upto(2)) * element
        if self._maybe(0.25):
            stride = 0
        place = self._spot(((rows - 1) * stride + steps) * lanes, element * lanes, bank)
        return None if place is None else Matrix(address=place // lanes, stride=stride, storage=storage)

    def _result(self, rows: int, columns: int, rotate: int, operands: list[Matrix | None]) -> Matrix | None:
        """Return a place for a result: rows apart; now and then where an operand lies."""
        there = [m for m in operands if m is not None and m.storage != Storage.INT32 and (m.stride or rows == 1)]
        if there and not rotate and self._maybe(0.3):
            return there[int(self.rng.integers(len(there)))]
        made = self._matrix(rows, columns, (Storage.INT8, *WORDS), int(self.rng.integers(self.config.banks)))
        return made if made is not None and (made.stride or rows == 1) else None

    def _scattered(self, rows: int) -> Matrix:
        places = self.config.bank_bytes // 4
        stride = self._upto((places - 1) // max(rows - 1, 1))
        first = int(self.rng.integers(self.config.banks)) * places
        return Matrix(address=first + self._upto(places - 1 - (rows - 1) * stride, 0), stride=stride)

    def _in_order(self, command: VectorCommand) -> bool:
        """Return whether nothing is read behind where it is written, but an element where it is written itself."""
        if command.d is None:
            return True
        [written] = footprint(self.config, Vector(command=command)).scratchpad_writes
        for matrix in (command.a, command.b, command.c):
            if matrix is None or (matrix == command.d and not command.scatter and not command.rotate):
                continue
            one = Vector(command=replace(command, a=matrix, b=None, c=None))
            # An operand is read in whole steps, as a result is written.
            [read] = footprint(self.config, replace(one, command=replace(one.command, d=matrix, scatter=False))
                               ).scratchpad_writes  # fmt: skip
            if read.overlaps(written):
                return False
        return True


def fill_program(config: AcceleratorConfig, areas: Areas) -> list[Command]:
    """Return commands that load all of the scratchpad from its image, and then all row scalars from the scratchpad."""
    beats = config.bank_bytes // config.bus_bytes
    commands: list[Command] = [
        Load(address=areas.image + start, beats=beats, destination=start)
        for start in range(0, config.scratchpad_bytes, config.bank_bytes)
    ]
    for first, rows, start in _scalar_chunks(config):
        source = Matrix(address=start // config.vector.lanes, stride=4)
        commands.append(
            Vector(
                command=VectorCommand(
                    rows=rows, columns=1, a=source, reduce=Reduce.MAXIMUM, inverse=Inverse.RECIPROCAL, out=first
                )
            )
        )
    return commands


def show_program(config: AcceleratorConfig, areas: Areas) -> list[Command]:
    """Return commands that store all of the scratchpad, and then all row scalars times what is at its begin."""
    whole: dict[str, Any] = {"size": config.bus_bytes.bit_length() - 1, "element_pitch": config.bus_bytes}
    beats = config.bank_bytes // config.bus_bytes
    commands: list[Command] = [
        Store(address=areas.shown + start, count=beats, source=start, **whole)
        for start in range(0, config.scratchpad_bytes, config.bank_bytes)
    ]
    step = 4 * config.vector.lanes
    for inverse in (False, True):
        for first, rows, start in _scalar_chunks(config):
            place = Matrix(address=start // config.vector.lanes, stride=4)
            one = Matrix(address=(config.banks - 1) * config.bank_bytes // config.vector.lanes)
            shown = VectorCommand(rows=rows, columns=1, a=one, d=place, multiply=first, multiply_inverse=inverse)
            address = areas.shown + config.scratchpad_bytes + 4 * (inverse * config.vector.scalars + first)
            commands += [
                Vector(command=shown),
                Store(address=address, size=2, count=rows, source=start, element_pitch=step),
            ]
    return commands


def _scalar_chunks(config: AcceleratorConfig) -> list[tuple[int, int, int]]:
    """Return first scalar, rows, and scratchpad address of passes over all scalars, a row a step of FP32."""
    step = 4 * config.vector.lanes
    most = min(config.vector.scalars, config.bank_bytes // step)
    return [
        (first, min(most, config.vector.scalars - first), number % (config.banks - 1) * config.bank_bytes)
        for number, first in enumerate(range(0, config.vector.scalars, most))
    ]


def safe(
    config: AcceleratorConfig, commands: Sequence[Command], descriptors: Mapping[int, Descriptor] | None = None
) -> list[Command]:
    """Return a program, with signals and its end, of commands that are right one after the other.

    Parameters
    ----------
    descriptors : mapping of int to Descriptor, optional
        Jobs of the NPE by the addresses of their descriptors. Commands wait for what these touch, otherwise for any
        job.
    """
    return [*synchronise(config, commands, descriptors=descriptors), End()]


def random_memory(areas: Areas, rng: np.random.Generator, *, specials: float = 0.0) -> np.ndarray:
    """Return memory of FP32 numbers of many magnitudes, a share of them any code, and of bytes at random behind it."""
    memory = rng.integers(0, 256, areas.memory_bytes, dtype=np.uint8)
    for start in range(areas.image, areas.memory_bytes, PAGE_BYTES):
        if rng.random() < 0.7:
            page = memory[start : start + PAGE_BYTES]
            values = rng.standard_normal(len(page) // 4) * 2.0 ** rng.integers(-6, 7, len(page) // 4)
            codes = values.astype(np.float32).view(np.uint32)
            anything = rng.integers(0, 1 << 32, len(codes), dtype=np.uint32)
            page[:] = np.where(rng.random(len(codes)) < specials, anything, codes).astype("<u4").view(np.uint8)
    return memory


def random_case(
    config: AcceleratorConfig,
    seed: int,
    *,
    programs: int,
    commands: int = 24,
    timing: Timing = NEAR,
    shares: tuple[int, ...] = (0, 0, 0, 0, 0),
) -> Case:
    """Return random programs that run one after the other; behind each all of the scratchpad and its scalars are shown.

    Programs begin anywhere among the programs; some data are new before each.
    """
    areas, rng = Areas(config), np.random.default_rng(seed)
    memory = random_memory(areas, rng, specials=0.1 * (seed % 2))
    image, runs = memory.copy(), []
    for number in range(programs):
        maker = ProgramMaker(config, areas, rng)
        maker.add(int(rng.integers(1, commands + 1)))
        before = fill_program(config, areas) if number == 0 else []
        jobs = {
            areas.jobs + index * DESCRIPTOR_BYTES: Descriptor.decode(data)
            for index, data in enumerate(maker.descriptors)
        }
        made = safe(config, [*before, *maker.commands, *show_program(config, areas)], jobs)
        descriptors = None
        if config.npe is not None:
            own, descriptors = maker.own_jobs(int(rng.integers(0, 8)))
            made = beside(config, made, own, rng)
        program = encoded(config, made)
        places = (PROGRAM_BYTES - len(program)) // COMMAND_BYTES
        address = PROGRAM + int(rng.integers(places + 1)) * COMMAND_BYTES
        fresh = int(rng.integers(areas.data // LINE_BYTES, areas.memory_bytes // LINE_BYTES)) * LINE_BYTES
        patches = (
            patch(image, address, program),
            patch(image, fresh, rng.integers(0, 256, LINE_BYTES, dtype=np.uint8)),
            *(() if descriptors is None else (patch(image, areas.jobs, descriptors),)),
        )
        runs.append(Run(name=f"program {number}", address=address, patches=patches, macs=maker.macs))
    return Case(
        name=f"random, seed {seed}", memory=memory, runs=tuple(runs), timing=timing, shares=shares, seed=seed
    )  # fmt: skip


def with_refresh(timing: Timing, rng: np.random.Generator) -> Timing:
    """Return a timing with refresh: seldom or often, for few cycles or for up to two thirds of them."""
    period = int(rng.choice((2, 7, 64, 390, 3906)))
    return replace(
        timing, refresh_period=period, refresh_cycles=int(rng.integers(1, max(2, min(period, 450) * 2 // 3)))
    )


def with_turns(timing: Timing, rng: np.random.Generator) -> Timing:
    """Return a timing in which reads and writes take turns: often or seldom, for a cycle or for up to half of them."""
    period = int(rng.choice((4, 9, 64, 390, 3626)))
    times = [int(rng.integers(least, 1 + max(least, min(period, 600) // 6))) for least in (0, 1, 0)]
    return replace(
        timing, turn_period=period, read_to_write=times[0], write_cycles=times[1], write_to_read=times[2]
    )  # fmt: skip


def random_timing(rng: np.random.Generator) -> Timing:
    """Return a timing from near and fast to far and slow."""

    def rate() -> Fraction:
        return Fraction(1) if rng.random() < 0.4 else Fraction(int(rng.integers(1, 8)), int(rng.integers(8, 12)))

    return Timing(
        latency=int(rng.choice((1, 2, 9, 50, 200))),
        rate=rate(),
        write_latency=int(rng.choice((1, 3, 60))),
        write_rate=rate(),
    )
