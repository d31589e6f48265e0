"""Programs of the vector unit: random programs, and those of which transformers consist."""

from dataclasses import dataclass, replace

import numpy as np

from tilewright.hw.vector.command import command_layout
from tilewright.sim.config.vector import VectorConfig
from tilewright.sim.isa.vector_command import Function, Inverse, Matrix, Reduce, Storage, VectorCommand

WORDS = (Storage.BF16, Storage.FP32)


@dataclass(frozen=True)
class Case:
    """A scratchpad's content and the commands to run on it."""

    name: str
    memory: np.ndarray
    """Content of the whole scratchpad, uint8."""
    commands: tuple[VectorCommand, ...]
    gap: int = 0
    """Number of cycles between commands."""


def scratchpad(config: VectorConfig, rng: np.random.Generator, *, specials: float = 0.0) -> np.ndarray:
    """Return a scratchpad of FP32 numbers of many magnitudes, a share of them any code at all."""
    count = config.lanes << (config.address_bits - 2)
    values = rng.standard_normal(count) * 2.0 ** rng.integers(-6, 7, count)
    codes = values.astype(np.float32).view(np.uint32)
    anything = rng.integers(0, 1 << 32, count, dtype=np.uint32)
    corners = rng.choice(
        np.array([0, 1 << 31, 0x7F800000, 0xFF800000, 0x7FC00000, 1, 0x007FFFFF, 0x7F7FFFFF], np.uint32), count
    )
    pick = rng.random(count)
    codes = np.where(pick < specials / 2, anything, np.where(pick < specials, corners, codes))
    return codes.astype(np.uint32).view(np.uint8).copy()


class Layout:
    """Gives out places in a scratchpad, from its begin on."""

    def __init__(self, config: VectorConfig):
        self.config, self.free = config, 0

    def matrix(self, rows: int, columns: int, storage: Storage, *, gap: int = 0, row: bool = False) -> Matrix:
        """Return a place for a matrix, or for one row that stands for all."""
        size = 1 << storage.size
        stride = (-(-columns // self.config.lanes) + gap) * size
        self.free = -(-self.free // size) * size
        made = Matrix(address=self.free, stride=0 if row else stride, storage=storage)
        self.free += stride * (1 if row else rows)
        assert self.free <= 1 << self.config.address_bits, "the scratchpad is full"
        return made


def random_program(config: VectorConfig, rng: np.random.Generator, count: int) -> tuple[VectorCommand, ...]:
    """Return commands with any options, on small matrices."""
    commands = [_random_command(config, rng) for _ in range(count)]
    return tuple(_broken(config, rng, command) if rng.random() < BROKEN else command for command in commands)


BROKEN = 0.1
"""Share of commands that must be refused."""


def _broken(config: VectorConfig, rng: np.random.Generator, command: VectorCommand) -> VectorCommand:
    """Return a command with something in it that is not allowed."""
    far = (1 << config.address_bits) - 4
    odd = replace(command.a, storage=Storage.FP32)
    rows = max(2, command.rows)
    changes: list[dict] = [
        {"rows": 0},
        {"columns": 0},
        {"b": replace(command.a, storage=Storage.INT8)},
        {"c": replace(command.a, storage=Storage.INT32)},
        {"d": replace(command.a, storage=Storage.INT32)},
        {"function": int(rng.integers(5, 8))},
        {"inverse": 3},
        {"d": None, "reduce": Reduce.NONE},
        {"a": replace(odd, address=odd.address | 1)},
        {"a": replace(odd, stride=odd.stride | 2)},
        {"c": replace(odd, stride=0, address=odd.address | 3, storage=Storage.BF16)},
        {"a": replace(odd, address=far, stride=4), "rows": rows},
        {"d": replace(odd, address=0, stride=far), "rows": rows},
        {"add": config.scalars},
        {"scatter": True, "columns": 2},
        {"scatter": True, "columns": 1, "d": replace(odd, storage=Storage.BF16)},
        {"multiply": config.scalars - command.rows + 1},
        {"out": (1 << 16) - 1, "reduce": Reduce.MAXIMUM},
        {"rotate": config.lanes, "columns": 2 * config.lanes + 1},
        {"rows": rows, "add": 0, "multiply": None, "out": 1, "reduce": Reduce.MAXIMUM},
        {"rows": rows, "add": None, "multiply": 3, "out": 2 + rows, "reduce": Reduce.SUM},
    ]
    return replace(command, **changes[int(rng.integers(len(changes)))])


def _random_command(config: VectorConfig, rng: np.random.Generator) -> VectorCommand:
    def maybe(share: float = 0.5) -> bool:
        return bool(rng.random() < share)

    layout = Layout(config)
    layout.free = int(rng.integers(0, 64))
    rows, columns = int(rng.integers(1, 9)), int(rng.integers(1, 9 * config.lanes))
    rotate = 0
    if maybe(0.2):
        half = config.lanes << int(rng.integers(0, 3))
        rotate, columns = half, 2 * half * int(rng.integers(1, 3))

    def place(storages) -> Matrix:
        storage = storages[int(rng.integers(len(storages)))]
        return layout.matrix(rows, columns, storage, gap=int(rng.integers(0, 3)), row=maybe(0.3))

    reduce = Reduce(int(rng.integers(0, 4)))
    d = replace(layout.matrix(rows, columns, Storage(int(rng.integers(0, 3)))))
    scalars = [int(value) for value in rng.integers(0, config.scalars - 8, 3)]
    square = maybe(0.2)
    scatter = maybe(0.15) and not rotate
    if scatter:
        columns = 1
        places = (config.lanes << (config.address_bits - 2)) // rows
        d = Matrix(address=int(rng.integers(places)), stride=int(rng.integers(places)))
        reduce = Reduce.NONE
    return VectorCommand(
        scatter=scatter,
        rows=rows,
        columns=columns,
        a=place(tuple(Storage)),
        b=None if square or maybe() else place(WORDS),
        c=place(WORDS) if maybe() else None,
        d=d if reduce is Reduce.NONE or maybe() else None,
        add=scalars[0] if maybe() else None,
        multiply=scalars[1] if maybe() else None,
        multiply_inverse=maybe(),
        function=Function(int(rng.integers(0, 5))),
        square=square,
        reduce=reduce,
        scale=float(np.float32(rng.standard_normal())),
        offset=float(np.float32(rng.standard_normal())),
        inverse=Inverse(int(rng.integers(0, 3))),
        out=scalars[2],
        causal=maybe(0.3),
        mask_base=int(rng.integers(0, columns)),
        rotate=rotate,
    )


def fill_scalars(config: VectorConfig) -> tuple[VectorCommand, ...]:
    """Return commands that set every scalar of both files, from the begin of the scratchpad."""
    rows = config.scalars
    source = Matrix(address=0, stride=4, storage=Storage.FP32)
    return (VectorCommand(rows=rows, columns=1, a=source, reduce=Reduce.MAXIMUM, inverse=Inverse.RECIPROCAL),)


def show_scalars(config: VectorConfig) -> tuple[VectorCommand, ...]:
    """Return commands that write every scalar of both files, times the number at the begin of the scratchpad."""
    commands = []
    for inverse in (False, True):
        place = Matrix(address=64 + inverse * 4 * config.scalars, stride=4)
        commands.append(
            VectorCommand(
                rows=config.scalars, columns=1, a=Matrix(), d=place, multiply=0, multiply_inverse=inverse
            )
        )  # fmt: skip
    return tuple(commands)


def payload(config: VectorConfig, command: VectorCommand) -> int:
    """Return a command as the bits that the unit takes."""

    def bits(value: float) -> int:
        return int(np.float32(value).view(np.uint32))

    fields = {
        "rows": command.rows,
        "columns": command.columns,
        "add": int(command.add is not None),
        "multiply": int(command.multiply is not None),
        "multiply_inverse": int(command.multiply_inverse),
        "function": int(command.function),
        "square": int(command.square),
        "b": int(command.b is not None),
        "c": int(command.c is not None),
        "write": int(command.d is not None),
        "scatter": int(command.scatter),
        "reduce": int(command.reduce),
        "inverse": int(command.inverse),
        "causal": int(command.causal),
        "rotate": int(command.rotate != 0),
        "rotate_steps": max(command.rotate // config.lanes, 1).bit_length() - 1,
        "mask_base": command.mask_base,
        "add_slot": command.add or 0,
        "multiply_slot": command.multiply or 0,
        "out_slot": command.out,
        "scale": bits(command.scale),
        "offset": bits(command.offset),
    }
    for name in "abcd":
        matrix = getattr(command, name) or Matrix()
        fields |= {f"{name}_address": matrix.address, f"{name}_stride": matrix.stride}
        fields[f"{name}_storage"] = int(matrix.storage)
    return int(command_layout(config).const(fields).as_value().value)


def random_case(config: VectorConfig, seed: int, *, commands: int, specials: float = 0.0, gap: int = 0) -> Case:
    """Return a random program on random numbers; row scalars are filled before it and written out after it."""
    rng = np.random.default_rng(seed)
    program = (*fill_scalars(config), *random_program(config, rng, commands), *show_scalars(config))
    return Case(f"random, seed {seed}", scratchpad(config, rng, specials=specials), program, gap)
