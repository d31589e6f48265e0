"""Allocation of places in the banks of the scratchpad and in the files of row scalars, for the live range of each."""

from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from tilewright.base.errors import ConfigError
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.units import Unit

NOWHERE = -1
"""Address of a tensor that has no place."""
LASTING_OPERATIONS = 100
"""Number of operations from the first to the last that uses a tensor from which on it is placed early."""
MARGIN = 300
"""Cycles of uncertainty about the time at which an operation runs."""


@dataclass(eq=False)
class Tensor:
    """A matrix in the scratchpad: rows of ``columns`` elements, each at the beginning of a word."""

    name: str
    rows: int
    columns: int
    size: int
    """Size of an element in bytes."""
    pitch: int
    """Bytes from a row to the next."""
    address: int = NOWHERE
    first: int = -1
    """Number of the first operation that uses the tensor."""
    last: int = -1
    uses: list[tuple[int, int, Unit, bool]] = field(default_factory=list)
    """Approximate first and last cycle of each operation that uses the tensor, with its unit and whether it writes."""
    apart: set["Tensor"] = field(default_factory=set)
    """Tensors that must be in other banks."""

    @property
    def bytes(self) -> int:
        """Size of all rows in bytes."""
        return self.rows * self.pitch

    def use(self, operation: int) -> None:
        """Note that an operation uses the tensor."""
        self.first = operation if self.first < 0 else self.first
        self.last = operation


class First(StrEnum):
    """Tensors that are placed first."""

    LONGEST = "longest"
    """Tensors in use by one operation for longest, so that no operation has to wait for its end."""
    LARGEST = "largest"
    """Tensors of most bytes."""
    LASTING = "lasting"
    """Tensors alive during so many operations that hardly a byte is free all the time, then those of most bytes."""
    TIGHT = "tight"
    """Tensors of most bytes for longest; every tensor goes into the fullest bank."""


def place_tensors(
    config: AcceleratorConfig, tensors: Iterable[Tensor], slack: int, first: First = First.LARGEST
) -> int:
    """Give each tensor an address in one bank; return the approximate cycles for which units need the same ports.

    Of the banks with room, the one whose ports fewest other units need at about the same time, then the emptiest. A
    tensor that finds others in every bank from which it must be apart chooses before all, and they choose again.

    Parameters
    ----------
    slack : int
        Operations by which another tensor must have been used before its bytes are written anew.
    first : First
        Tensors that choose first.

    Raises
    ------
    ConfigError
        If one finds no room.
    """
    tensors, shut_out = list(tensors), set[Tensor]()
    while True:
        found = _placed(config, tensors, slack, first, shut_out)
        if not isinstance(found, Tensor):
            return found
        shut_out.add(found)


def _placed(
    config: AcceleratorConfig, tensors: Sequence[Tensor], slack: int, first: First, before: set[Tensor]
) -> int | Tensor:
    """Place tensors, some before the others; return the shared cycles, or a tensor that must be one of those before."""
    placed: list[list[Tensor]] = [[] for _ in range(config.banks)]
    ports = _Ports(config.banks)
    used, room = [0] * config.banks, config.bank_bytes
    waits = 0
    for tensor in tensors:
        tensor.address = NOWHERE

    tight = first is First.TIGHT

    def order(tensor: Tensor) -> tuple[bool, int, int, int]:
        longest = 0
        if first is First.LONGEST:
            longest = max((end - begin for begin, end, _, _ in tensor.uses), default=0)
        elif first is First.LASTING:
            longest = int(tensor.last - tensor.first >= LASTING_OPERATIONS)
        return (
            tensor not in before,
            -longest,
            -tensor.bytes * (tensor.last - tensor.first + 1 if tight else 1),
            tensor.first,
        )

    for tensor in sorted(tensors, key=order):
        taken = {config.bank(other.address) for other in tensor.apart if other.address >= 0}
        shared = ports.shared(tensor)
        choices = []
        for bank in range(config.banks):
            offset = None if bank in taken else _first_fit(room, tensor, placed[bank], bank * room, slack)
            if offset is not None:
                beside = sum(each.bytes for each in _alive(tensor, placed[bank], slack)) if tight else 0
                choices.append((-beside, shared[bank], used[bank], bank, offset))
        if not choices and len(taken) == config.banks and tensor not in before:
            return tensor
        if not choices:
            raise ConfigError(
                f"{tensor.name}: {tensor.bytes} bytes find no room in the scratchpad: operations {tensor.first} to "
                f"{tensor.last} leave {_free(config, tensor, placed, taken)} in one of its {config.banks} banks of "
                f"{config.bank_bytes}"
            )
        *_, bank, offset = min(choices)
        tensor.address = bank * room + offset
        insort(placed[bank], tensor, key=lambda each: each.address)
        ports.add(tensor, bank)
        used[bank] += tensor.bytes
        waits += shared[bank]
    return waits


class _Ports:
    """Approximate uses of the ports of all banks, as columns of first cycle, last cycle, unit, whether it writes, and
    bank."""

    def __init__(self, banks: int) -> None:
        self.banks = banks
        self.uses = np.zeros((5, 64), np.int64)
        self.count = 0

    def add(self, tensor: Tensor, bank: int) -> None:
        """Add the uses of a tensor that lies in a bank."""
        end = self.count + len(tensor.uses)
        while end > self.uses.shape[1]:
            self.uses = np.concatenate([self.uses, np.zeros_like(self.uses)], axis=1)
        if tensor.uses:
            self.uses[:4, self.count : end] = _columns(tensor)
            self.uses[4, self.count : end] = bank
        self.count = end

    def shared(self, tensor: Tensor) -> list[int]:
        """Return for each bank the approximate cycles for which another unit needs the port that a tensor's operations
        need."""
        if not tensor.uses or not self.count:
            return [0] * self.banks
        begins, ends, units, writes, banks = self.uses[:, : self.count]
        begin, end, unit, write = _columns(tensor)[:, :, None]
        overlap = np.minimum(ends, end) - np.maximum(begins, begin) + MARGIN
        shared = np.where((overlap > 0) & (writes == write) & (units != unit), overlap, 0).sum(axis=0)
        total = np.zeros(self.banks, np.int64)
        np.add.at(total, banks, shared)
        return total.tolist()


def _columns(tensor: Tensor) -> np.ndarray:
    """Return the uses of a tensor as columns of integers."""
    return np.array([(begin, end, int(unit), write) for begin, end, unit, write in tensor.uses], np.int64).T


def _alive(tensor: Tensor, others: Sequence[Tensor], slack: int) -> list[Tensor]:
    first, last = tensor.first - slack, tensor.last + slack
    return [each for each in others if each.first <= last and first <= each.last]


def _first_fit(room: int, tensor: Tensor, others: Sequence[Tensor], bank: int, slack: int) -> int | None:
    """Return the lowest offset in a bank, given by its address, that is free for the live range of a tensor.

    Other tensors come in the order of their addresses.
    """
    address, size = bank, tensor.bytes
    for other in _alive(tensor, others, slack):
        if address + size <= other.address:
            break
        address = max(address, other.address + other.bytes)
    return address - bank if address + size <= bank + room else None


def _free(config: AcceleratorConfig, tensor: Tensor, placed: Sequence[Sequence[Tensor]], taken: set[int]) -> int:
    """Return the size of the largest free piece of a bank for a tensor in bytes."""
    most = 0
    for bank, others in enumerate(placed):
        if bank in taken:
            continue
        offset = 0
        for other in _alive(tensor, others, 0):
            start = other.address % config.bank_bytes
            most, offset = max(most, start - offset), max(offset, start + other.bytes)
        most = max(most, config.bank_bytes - offset)
    return most


@dataclass(eq=False)
class Slots:
    """Row scalars of a name, in both files."""

    name: str
    rows: int
    first: int
    last: int
    slot: int = -1


def place_slots(scalars: int, groups: Iterable[Slots]) -> None:
    """Give each group of row scalars its first slot.

    Raises
    ------
    ConfigError
        If one finds no room.
    """
    placed: list[Slots] = []
    for group in sorted(groups, key=lambda each: each.first):
        slot = 0
        alive = [each for each in placed if each.first <= group.last and group.first <= each.last]
        for other in sorted(alive, key=lambda each: each.slot):
            if slot + group.rows <= other.slot:
                break
            slot = max(slot, other.slot + other.rows)
        if slot + group.rows > scalars:
            raise ConfigError(f"{group.name}: {group.rows} row scalars find no room among {scalars}")
        group.slot = slot
        placed.append(group)
