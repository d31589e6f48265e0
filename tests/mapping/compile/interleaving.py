"""Runs a program with its units beside one another, each step of the order at random."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import Add, Command, End, Fence, Loop, Product, Repeat, Set, UnitCommand, Weights
from tilewright.sim.isa.footprint import bank_ports
from tilewright.sim.isa.units import Unit, Units, units_of
from tilewright.sim.isa.widths import ADDRESS_REGISTER_BITS
from tilewright.sim.machine.accelerator.product import product_beats

MOST_SIGNALS = 255


class StuckError(Exception):
    """Nothing can move."""


@dataclass
class _Running:
    command: UnitCommand
    value: int
    beats: int
    reads: frozenset[int]
    writes: frozenset[int]
    number: int


@dataclass
class Interleaving:
    """A scheduler that respects queues, signals, ports of banks and the room for weights, and nothing else.

    Parameters
    ----------
    begin, end : callable
        Called with the number of the command, in the order of dispatch, itself, and what its register holds.
    """

    config: AcceleratorConfig
    program: Sequence[Command]
    rng: np.random.Generator
    begin: Callable[[int, UnitCommand, int], None] = lambda *_: None
    end: Callable[[int, UnitCommand, int], None] = lambda *_: None
    queues: dict[Unit, deque] = field(init=False)
    running: dict[Unit, _Running | None] = field(init=False)
    signals: dict[tuple[Unit, Unit], int] = field(default_factory=dict)
    registers: list[int] = field(default_factory=lambda: [0] * 9)
    loops: list[list[int]] = field(default_factory=list)
    weights: int = 0
    place: int = 0
    number: int = 0

    def __post_init__(self) -> None:
        self.units = units_of(self.config)
        self.queues = {unit: deque() for unit in self.units}
        self.running = dict.fromkeys(self.units)

    def run(self) -> None:
        """Run all of the program."""
        favour = self._favour()
        while True:
            if self.rng.random() < 0.02:
                favour = self._favour()
            moves = self._moves()
            if not moves:
                break
            weights = np.array([favour[unit] for unit, _ in moves])
            moves[self.rng.choice(len(moves), p=weights / weights.sum())][1]()
        if not isinstance(self.program[self.place], End) or not self._idle():
            raise StuckError(f"command {self.place}: {self.program[self.place]}, {self.running}")
        assert not self.weights, "weights are left"
        assert not any(self.signals.values()), f"signals are left: {self.signals}"

    def _favour(self) -> dict[Unit | None, float]:
        return {key: 10.0 ** -self.rng.integers(0, 4) for key in (None, *self.units)}

    def _idle(self) -> bool:
        return not any(self.queues.values()) and not any(self.running.values())

    def _moves(self) -> list[tuple[Unit | None, Callable[[], None]]]:
        moves: list[tuple[Unit | None, Callable[[], None]]] = []
        command = self.program[self.place]
        if isinstance(command, Fence):
            free = self._idle()
        elif isinstance(command, End):
            free = False
        elif isinstance(command, Set | Add | Loop | Repeat):
            free = True
        else:
            free = len(self.queues[command.UNIT]) < self.config.queue_depth
        if free:
            moves.append((None, self._dispatch))
        for unit in self.units:
            if self.running[unit] is None and self.queues[unit] and self._may_begin(unit):
                moves.append((unit, lambda unit=unit: self._begin(unit)))
            elif self.running[unit] is not None and self._may_move(self.running[unit]):
                moves.append((unit, lambda unit=unit: self._move(unit)))
        return moves

    def _dispatch(self) -> None:
        command = self.program[self.place]
        self.place += 1
        if isinstance(command, Set):
            self.registers[command.register] = command.value
        elif isinstance(command, Add):
            self.registers[command.register] += command.value
            self.registers[command.register] %= 1 << ADDRESS_REGISTER_BITS
        elif isinstance(command, Loop):
            self.loops.append([self.place, command.count])
        elif isinstance(command, Repeat):
            self.loops[-1][1] -= 1
            if self.loops[-1][1]:
                self.place = self.loops[-1][0]
            else:
                self.loops.pop()
        elif not isinstance(command, Fence):
            register = getattr(command, "register", 0)
            self.queues[command.UNIT].append((self.number, command, self.registers[register] if register else 0))
            self.number += 1

    def _may_begin(self, unit: Unit) -> bool:
        _, command, _ = self.queues[unit][0]
        if any(command.wait & Units(1 << giver) and not self.signals.get((giver, unit)) for giver in self.units):
            return False
        reads, writes = bank_ports(self.config, command)
        others = [each for each in self.running.values() if each]
        return not any(each.reads & reads or each.writes & writes for each in others)

    def _begin(self, unit: Unit) -> None:
        number, command, value = self.queues[unit].popleft()
        for giver in self.units:
            if command.wait & Units(1 << giver):
                self.signals[giver, unit] -= 1
        beats = 0
        if isinstance(command, Weights):
            beats = command.all_beats
        elif isinstance(command, Product):
            beats = product_beats(self.config, command)
        self.running[unit] = _Running(command, value, beats, *bank_ports(self.config, command), number)
        self.begin(number, command, value)

    def _may_move(self, running: _Running) -> bool:
        if not running.beats:
            return True
        if isinstance(running.command, Product):
            return self.weights > 0
        return self.weights < self.config.weight_buffer_beats

    def _move(self, unit: Unit) -> None:
        running = self.running[unit]
        if running.beats:
            if isinstance(running.command, Product):
                taken = min(running.beats, self.weights)
                self.weights -= taken
            else:
                taken = min(running.beats, self.config.weight_buffer_beats - self.weights)
                self.weights += taken
            running.beats -= taken
            return
        self.end(running.number, running.command, running.value)
        self.running[unit] = None
        for taker in self.units:
            if running.command.signal & Units(1 << taker):
                self.signals[unit, taker] = self.signals.get((unit, taker), 0) + 1
                assert self.signals[unit, taker] <= MOST_SIGNALS, f"{unit.name} signals {taker.name} too often"
