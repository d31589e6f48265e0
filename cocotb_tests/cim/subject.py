"""Differences between the benches of CIM tile and array: component, commands, models, and the cut of a product."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from amaranth.lib import data, wiring

from tilewright.cocotb_tests.cim.cases import Case
from tilewright.hw.cim.array import CIMArray
from tilewright.hw.cim.command import command_layout
from tilewright.hw.cim.tile import Tile
from tilewright.sim.config import CIMArrayConfig, TileConfig
from tilewright.sim.isa.cim_command import ArrayCommand, TileCommand
from tilewright.sim.machine.cim import values as tile_values
from tilewright.sim.machine.cim.array import ArrayModel, block_limits, parts
from tilewright.sim.machine.cim.matmul import ArrayMatmul, TiledMatmul
from tilewright.sim.machine.cim.tile import TileModel
from tilewright.sim.machine.memory.timed_memory import TimedMemory


@dataclass(frozen=True)
class TileSubject:
    """A CIM tile on its own."""

    config: TileConfig
    name = "cim_tile"
    kind: ClassVar[type[TileCommand]] = TileCommand
    modes: tuple[bool, ...] = (False,)

    @property
    def layout(self) -> data.StructLayout:
        """Layout of a command."""
        return command_layout(self.kind, self.tile)

    @property
    def tile(self) -> TileConfig:
        """The tile, or one of the tiles."""
        return self.config

    @property
    def tiles(self) -> int:
        """Number of tiles."""
        return 1

    def component(self) -> wiring.Component:
        """Return the component under test."""
        return Tile(config=self.config)

    def model(self, memories: tuple[TimedMemory, TimedMemory]) -> TileModel:
        """Return the exact model's times."""
        return TileModel(self.config, *memories)

    def values(self, program, weights: np.ndarray, activations: np.ndarray) -> list[np.ndarray]:
        """Return the result vectors of a program."""
        return tile_values.results(self.config, program, weights, activations)

    def product(self, case: Case) -> TiledMatmul | ArrayMatmul:
        """Cut a product into commands."""
        return TiledMatmul(self.config, case.m, case.k, case.n, case.narrow)

    def limits(self, mode: bool) -> tuple[int, int]:
        """Return the maximum rows and columns of a weight block."""
        return self.config.rows, self.config.columns

    def command(self, mode: bool, **fields) -> TileCommand:
        """Return a command in a mode."""
        return TileCommand(**fields)

    def block_words(self, rows: int, columns: int, mode: bool, narrow: bool = False) -> int:
        """Return the words of a weight block."""
        return self.config.block_beats(rows, columns, narrow)

    def encoded(self, command: TileCommand) -> int:
        """Return a command as the stream carries it."""
        fields = {"narrow": command.narrow, **command.to_fields()}
        return self.layout.const({name: fields[name] for name, _ in self.layout}).as_value().value


@dataclass(frozen=True)
class ArraySubject(TileSubject):
    """An array of tiles; a mode is whether tiles are added."""

    config: CIMArrayConfig  # type: ignore[assignment]
    name = "cim_array"
    kind = ArrayCommand
    modes: tuple[bool, ...] = (False, True)

    @property
    def tile(self) -> TileConfig:
        return self.config.tile

    @property
    def tiles(self) -> int:
        return self.config.tiles

    def component(self) -> wiring.Component:
        return CIMArray(config=self.config)

    def model(self, memories: tuple[TimedMemory, TimedMemory]) -> TileModel:
        return ArrayModel(self.config, *memories)

    def values(self, program, weights: np.ndarray, activations: np.ndarray) -> list[np.ndarray]:
        return tile_values.array_results(self.config, program, weights, activations)

    def product(self, case: Case) -> TiledMatmul | ArrayMatmul:
        return ArrayMatmul(self.config, case.m, case.k, case.n, case.reduce, case.narrow)

    def limits(self, mode: bool) -> tuple[int, int]:
        return block_limits(self.config, mode)

    def command(self, mode: bool, **fields) -> TileCommand:
        return ArrayCommand(**fields, reduce=mode)

    def block_words(self, rows: int, columns: int, mode: bool, narrow: bool = False) -> int:
        return sum(self.tile.block_beats(*part.shape, narrow) for part in parts(self.config, rows, columns, mode))


def subject(config: TileConfig | CIMArrayConfig) -> TileSubject:
    """Return the subject of a configuration, or of a configuration in JSON."""
    return ArraySubject(config) if isinstance(config, CIMArrayConfig) else TileSubject(config)
