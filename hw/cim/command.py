"""Commands of a CIM tile or array: their layout, their check, and their way into the three units."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, ValueLike
from amaranth.lib import data, stream, wiring
from amaranth.lib.fifo import SyncFIFO
from amaranth.lib.wiring import In, Out

from tilewright.hw.layout import layout_of
from tilewright.sim.config import TileConfig
from tilewright.sim.isa.cim_command import ArrayCommand, CommandError, TileCommand, command_fields

COMMAND_LAYOUT = layout_of(TileCommand.FIELDS)
"""A command of a tile, see :class:`TileCommand`."""
ARRAY_COMMAND_LAYOUT = layout_of(ArrayCommand.FIELDS)
"""A command of an array of tiles, see :class:`ArrayCommand`."""

BITS = {name: field.bits for name, field in TileCommand.FIELDS.items()}
"""Widths of the fields of a tile's command."""
ADDRESS_BITS = BITS["weight_address"]
REQUEST_LAYOUT = data.StructLayout({"address": ADDRESS_BITS, "beats": 32})
"""Layout of a read of ``beats`` consecutive bus words from word ``address``."""


def row_bits(rows: int) -> int:
    """Return the width of a number of rows behind the check of a command, of a block of at most so many rows."""
    return max(BITS["rows"], rows.bit_length())


def fetch_layout(rows: int) -> data.StructLayout:
    """Return the layout of vectors to load, of at most so many activations."""
    return data.StructLayout({"address": ADDRESS_BITS, "rows": row_bits(rows), "vectors": BITS["vectors"]})


def command_layout(kind: type[TileCommand], config: TileConfig) -> data.StructLayout:
    """Return the layout of a kind of commands for a tile, with ``narrow`` if the tile has narrow weights."""
    return layout_of(command_fields(kind, config))


def with_mode(fields: dict[str, int], tiles: int) -> data.StructLayout:
    """Return the layout of some fields of a command, with its mode if there is more than one tile."""
    return data.StructLayout({**fields, **({"reduce": 1} if tiles > 1 else {})})


def load_layout(config: TileConfig, tiles: int = 1) -> data.StructLayout:
    """Return the layout of the fields of a command that the weight loader needs."""
    fields = {"address": ADDRESS_BITS, "rows": row_bits(tiles * config.rows), "columns": BITS["columns"]}
    return with_mode({**fields, **({"narrow": 1} if _has_narrow(config) else {})}, tiles)


def _has_narrow(config: TileConfig) -> bool:
    return config.narrow_weights != "none"


def compute_layout(tiles: int = 1) -> data.StructLayout:
    """Return the layout of the fields of a command that the sequencer needs."""
    names = ("vectors", "columns", "slot", "accumulate", "emit", "release")
    return with_mode({name: BITS[name] for name in names}, tiles)


class CommandDispatch(wiring.Component):
    """Checks commands and hands each to the weight loader, the activation loader and the sequencer.

    A command is taken when every unit that it concerns has room in its queue of ``command_queue_depth``;
    the units see it in the next cycle (``LATENCY``). Throughput: one command a cycle. An invalid command is
    not taken: ``error`` says why and no further command is taken until reset, while those before it finish.

    Parameters
    ----------
    config : TileConfig
        Shape of a tile and depth of the queues.
    tiles : int
        Number of tiles.
    layout : data.StructLayout
        Layout of a command.

    Members
    -------
    commands : In(stream)
        Commands, ``layout``.
    loads, fetches, computes : Out(stream)
        The commands' parts for the three units.
    error : Out(CommandError)
        Reason why the command at the input is refused.
    """

    LATENCY = 1

    def __init__(self, *, config: TileConfig, tiles: int = 1, layout: data.StructLayout = COMMAND_LAYOUT):
        self.config = config
        self.tiles = tiles
        super().__init__(
            {
                "commands": In(stream.Signature(layout)),
                "loads": Out(stream.Signature(load_layout(config, tiles))),
                "fetches": Out(stream.Signature(fetch_layout(tiles * config.rows))),
                "computes": Out(stream.Signature(compute_layout(tiles))),
                "error": Out(CommandError),
            }
        )

    def elaborate(self, platform):
        m = Module()
        command = self.commands.p
        slots = self.config.accumulator_vectors
        asked: Value = command.rows
        none = command.rows == 0
        if row_bits(self.tiles * self.config.rows) > BITS["rows"]:
            asked, none = Cat(command.rows, none), Const(0)  # 0 stands for all
        rows: ValueLike = self.config.rows
        columns: ValueLike = self.config.columns
        mode: tuple[str, ...] = ()
        narrow = ("narrow",) if _has_narrow(self.config) else ()
        if self.tiles > 1:
            rows = Mux(command.reduce, self.tiles * rows, rows)
            columns = Mux(command.reduce, columns, self.tiles * columns)
            mode = ("reduce",)
        holding = Signal()  # the command before keeps its bank
        problem = Signal(CommandError)
        with m.If(none | (asked > rows)):
            m.d.comb += problem.eq(CommandError.ROWS)
        with m.Elif((command.columns == 0) | (command.columns > columns)):
            m.d.comb += problem.eq(CommandError.COLUMNS)
        with m.Elif(command.vectors == 0):
            m.d.comb += problem.eq(CommandError.VECTORS)
        # A vector that is neither read from nor kept in the accumulators needs none.
        with m.Elif((command.accumulate | ~command.emit) & (command.slot + command.vectors > slots)):
            m.d.comb += problem.eq(CommandError.SLOT)
        with m.Elif(command.load == holding):
            m.d.comb += problem.eq(CommandError.BANK)

        parts = {
            "loads": {
                "address": command.weight_address,
                "rows": asked,
                **{name: command[name] for name in ("columns", *narrow, *mode)},
            },
            "fetches": {
                "address": command.activation_address,
                "rows": asked,
                "vectors": command.vectors,
            },
            "computes": {
                name: command[name] for name in ("vectors", "columns", "slot", "accumulate", "emit", "release", *mode)
            },
        }
        queues = {}
        for name, fields in parts.items():
            output = getattr(self, name)
            queue = SyncFIFO(width=len(output.p.as_value()), depth=self.config.command_queue_depth)
            m.submodules[name] = queues[name] = queue
            entry = data.View(output.p.shape(), queue.w_data)
            m.d.comb += [entry[field].eq(value) for field, value in fields.items()]
            m.d.comb += [
                output.p.eq(queue.r_data),
                output.valid.eq(queue.r_rdy),
                queue.r_en.eq(output.ready),
            ]

        room = queues["fetches"].w_rdy & queues["computes"].w_rdy & (queues["loads"].w_rdy | ~command.load)
        stopped = self.error != CommandError.NONE
        accepted = Signal()
        m.d.comb += [
            self.commands.ready.eq(room & (problem == CommandError.NONE) & ~stopped),
            accepted.eq(self.commands.valid & self.commands.ready),
            queues["loads"].w_en.eq(accepted & command.load),
            queues["fetches"].w_en.eq(accepted),
            queues["computes"].w_en.eq(accepted),
        ]
        with m.If(accepted):
            m.d.sync += holding.eq(~command.release)
        with m.If(self.commands.valid & ~stopped):
            m.d.sync += self.error.eq(problem)
        return m
