"""Values of the accelerator's commands in scratchpad and memory, without time."""

from collections.abc import Iterator, Sequence

import numpy as np

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
from tilewright.sim.isa.vector_command import VectorError
from tilewright.sim.isa.widths import ADDRESS_REGISTER_BITS, ADDRESS_REGISTERS, DESCRIPTOR_BYTES
from tilewright.sim.machine.cim.array import block_limits, parts
from tilewright.sim.machine.cim.weights import unpack_block
from tilewright.sim.machine.cim.words import unpack
from tilewright.sim.machine.npe.values import run_job
from tilewright.sim.machine.vector.unit import VectorModel


class AcceleratorValues:
    """Scratchpad, vector unit and waiting weights of an accelerator, with its memory.

    Commands run at once, one after the other; they must be valid.

    Parameters
    ----------
    config : AcceleratorConfig
    memory : ndarray of uint8
        Memory that commands read and change.
    """

    def __init__(self, config: AcceleratorConfig, memory: np.ndarray):
        self.config, self.memory = config, memory
        self.scratchpad = np.zeros(config.scratchpad_bytes, np.uint8)
        lanes = config.vector.lanes
        address_bits = (config.scratchpad_bytes // lanes - 1).bit_length()
        vector = config.vector.model_copy(update={"address_bits": address_bits})
        self.vector = VectorModel(vector, self.scratchpad)
        """Vector unit over the whole scratchpad."""
        self.weights = bytearray()
        """Weights that no product has taken."""

    def execute(self, command: UnitCommand, register_value: int = 0) -> None:
        """Run a command of a unit.

        Parameters
        ----------
        register_value : int
            Content of the command's address register, if it has one.
        """
        if isinstance(command, Load | Weights):
            self._read(command, register_value)
        elif isinstance(command, Product):
            self._multiply(command)
        elif isinstance(command, Vector):
            self.vector.run(command.command)
            assert self.vector.error == VectorError.NONE, f"{self.vector.error.name}: {command.command}"
        elif isinstance(command, Jobs):
            self._run_jobs(command, register_value)
        else:
            self._store(command, register_value)

    def run(self, commands: Sequence[Command]) -> None:
        """Run a program."""
        for command, value in in_order(commands):
            self.execute(command, value)

    def _read(self, command: Load | Weights, register_value: int) -> None:
        width = command.beats * self.config.bus_bytes
        address = command.address + register_value
        strides = (command.plane_stride, command.stride, 1)
        data = view(self.memory, address, (command.planes, command.rows, width), strides)
        if isinstance(command, Weights):
            self.weights += data.tobytes()
        else:
            rows = command.planes * command.rows
            view(self.scratchpad, command.destination, (rows, width), (command.pitch, 1))[:] = data.reshape(rows, width)

    def _run_jobs(self, command: Jobs, register_value: int) -> None:
        npe = self.config.npe
        assert npe is not None, "there is no NPE"
        for address in command.addresses:
            content = self.memory[address + register_value :][:DESCRIPTOR_BYTES].tobytes()
            job = Descriptor.decode(content)
            problem = job.check(npe)
            assert problem is None, f"{problem}: {job}"
            run_job(npe, job, self.memory)

    def _store(self, command: Store, register_value: int) -> None:
        size = 1 << command.size
        shape: tuple[int, ...] = (command.planes, command.rows, command.count, size)
        source = view(
            self.scratchpad, command.source, shape, (command.plane_pitch, command.pitch, command.element_pitch, 1)
        )
        address = command.address + register_value
        strides: tuple[int, ...] = (command.plane_stride, command.stride, size, 1)
        if command.packed:
            nibbles = np.pad(source[..., 0] & 15, ((0, 0), (0, 0), (0, command.count % 2)))
            source = nibbles[..., ::2] | nibbles[..., 1::2] << 4
            shape, strides = (command.planes, command.rows, command.row_bytes), (*strides[:2], 1)
        view(self.memory, address, shape, strides)[:] = source

    def _multiply(self, command: Product) -> None:
        config = self.config.cim_array
        bits = config.tile.macro.input_bits
        stored = view(self.scratchpad, command.a, (command.vectors, -(-command.k * bits // 8)), (command.a_pitch, 1))
        activations = stored.view(np.int8) if bits == 8 else unpack(stored, bits, command.k)
        activations = activations.astype(np.float64)
        out = view(self.scratchpad, command.out, (command.vectors, 4 * command.n), (command.out_pitch, 1))
        high, wide = block_limits(config, command.reduce)
        for left in range(0, command.n, wide):
            columns = min(wide, command.n - left)
            sums = np.zeros((command.vectors, columns), np.int64)
            for top in range(0, command.k, high):
                rows = min(high, command.k - top)
                for part in parts(config, rows, columns, command.reduce):
                    block = self._take_block(*part.shape, command.narrow)
                    # Sums of less than 2**53 are exact, and numpy multiplies float64 fast.
                    of_part = activations[:, top + part.rows.start : top + part.rows.stop] @ block
                    sums[:, part.columns] += of_part.astype(np.int64)
            out[:, 4 * left : 4 * (left + columns)] = sums.astype(np.int32).view(np.uint8)

    def _take_block(self, rows: int, columns: int, narrow: bool) -> np.ndarray:
        """Return the next weight block and the factors of its groups, in float64."""
        tile = self.config.cim_array.tile
        size = tile.block_beats(rows, columns, narrow) * self.config.bus_bytes
        assert size <= len(self.weights), f"a block of {size} bytes of weights: {len(self.weights)} are there"
        taken = np.frombuffer(self.weights[:size], np.uint8)
        del self.weights[:size]
        values, factors = unpack_block(tile, taken.reshape(-1, self.config.bus_bytes), rows, columns, narrow)
        return (values * factors).astype(np.float64)


def in_order(commands: Sequence[Command]) -> Iterator[tuple[UnitCommand, int]]:
    """Yield the commands of units in a program's order, each with the content of its address register."""
    registers = [0] * (ADDRESS_REGISTERS + 1)
    loops: list[list[int]] = []
    place = 0
    while place < len(commands):
        command = commands[place]
        place += 1
        if isinstance(command, Set):
            registers[command.register] = command.value
        elif isinstance(command, Add):
            registers[command.register] = (registers[command.register] + command.value) % (1 << ADDRESS_REGISTER_BITS)
        elif isinstance(command, Loop):
            loops.append([place, command.count])
        elif isinstance(command, Repeat):
            loops[-1][1] -= 1
            if loops[-1][1]:
                place = loops[-1][0]
            else:
                loops.pop()
        elif isinstance(command, End):
            return
        elif not isinstance(command, Fence):
            yield command, registers[getattr(command, "register", 0)]


def view(flat: np.ndarray, start: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> np.ndarray:
    """Return a view of bytes: element (i, j, ...) is ``flat[start + i * strides[0] + j * strides[1] + ...]``."""
    last = start + sum((count - 1) * stride for count, stride in zip(shape, strides, strict=True))
    assert 0 <= start <= last < len(flat), f"bytes {start} to {last} of {len(flat)}"
    return np.lib.stride_tricks.as_strided(flat[start:], shape, strides)
