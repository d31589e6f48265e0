"""The CIM array: equal tiles that share their activations or add their sums, with the streams of one tile."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.cim.accumulator import Accumulator
from tilewright.hw.cim.activation_loader import ActivationLoader
from tilewright.hw.cim.command import ADDRESS_BITS, REQUEST_LAYOUT, CommandDispatch, command_layout
from tilewright.hw.cim.core import TileCore
from tilewright.hw.cim.result_sender import ResultSender, result_layout
from tilewright.hw.cim.sequencer import Sequencer, vector_layout
from tilewright.hw.cim.weight_loader import WeightLoader
from tilewright.hw.definition import Definition
from tilewright.hw.pipeline import delay
from tilewright.sim.config import CIMArrayConfig
from tilewright.sim.isa.cim_command import ArrayCommand, CommandError


class CIMArray(wiring.Component):
    """Multiplies vectors with weight blocks that are spread over tiles, while the next blocks are loaded.

    For each command, with ``B`` its block of ``rows x columns`` weights and ``x[v]`` its vectors::

        y[v] = x[v] @ B + (accumulators[slot + v] if accumulate else 0)

    and ``y[v]`` goes to the results if ``emit``, otherwise into the accumulators. Without ``reduce`` the tiles hold
    the block's columns side by side and all take the same activations; with it they hold its rows below one another,
    each takes its part of the activations, and a tree adds their sums. All integers are signed, results exact (see
    ``max_accumulated_rows``). The array asks for its own data: the parts of a block, tile by tile, when a bank is
    free; a vector when the input buffer has room.

    Throughput: one vector every ``macro.slices`` cycles while the streams keep up. Latency: ``LATENCY`` cycles from
    the cycle in which a vector starts to its first result word, see :class:`Sequencer`.

    Parameters
    ----------
    config : CIMArrayConfig
        Number of tiles; their shape, buses and buffers.
    commands : data.StructLayout, optional
        Layout of a command, if it is not that of :class:`ArrayCommand`.
    strided : bool
        Whether vectors may lie apart in activation memory.

    Members
    -------
    commands : In(stream)
        Commands, see :class:`ArrayCommand`.
    activation_stride : In(32)
        Only if ``strided``: words from a vector to the next; constant while commands are under way.
    weight_requests, activation_requests : Out(stream)
        Reads of weight and activation memory, ``REQUEST_LAYOUT``.
    weights, activations : In(stream)
        The words read, in the order of the requests.
    results : Out(stream)
        Results, see ``result_layout``; an unused part of a vector's last word is unspecified.
    error : Out(CommandError)
        Reason why commands are no longer taken; cleared by reset.
    """

    def __init__(self, *, config: CIMArrayConfig, commands: data.StructLayout | None = None, strided: bool = False):
        self.array_config = config
        self.strided = strided
        tile = config.tile
        self.definitions = [Definition("cim_core", TileCore(config=tile))]
        super().__init__(
            {
                **({"activation_stride": In(ADDRESS_BITS)} if strided else {}),
                "commands": In(stream.Signature(commands or command_layout(ArrayCommand, tile))),
                "weight_requests": Out(stream.Signature(REQUEST_LAYOUT)),
                "weights": In(stream.Signature(tile.weight_bus_bits)),
                "activation_requests": Out(stream.Signature(REQUEST_LAYOUT)),
                "activations": In(stream.Signature(tile.activation_bus_bits)),
                "results": Out(stream.Signature(result_layout(tile))),
                "error": Out(CommandError),
            }
        )

    @property
    def LATENCY(self) -> int:  # noqa: N802 - a constant of the component
        """Cycles from the start of a vector to its first result word."""
        return self.array_config.latency

    def elaborate(self, platform):
        m = Module()
        array, tile = self.array_config, self.array_config.tile
        tiles = array.tiles
        layout = self.commands.p.shape()
        m.submodules.dispatch = dispatch = CommandDispatch(config=tile, tiles=tiles, layout=layout)
        m.submodules.weight_loader = weights = WeightLoader(config=tile, tiles=tiles)
        m.submodules.activation_loader = activations = ActivationLoader(
            config=tile, rows=array.rows, strided=self.strided
        )
        m.submodules.sequencer = sequencer = Sequencer(config=tile, tiles=tiles)
        m.submodules.accumulator = accumulator = Accumulator(
            config=tile, columns=array.columns, sum_bits=array.sum_bits
        )
        m.submodules.sender = sender = ResultSender(config=tile, columns=array.columns)
        wiring.connect(m, wiring.flipped(self.commands), dispatch.commands)
        wiring.connect(m, dispatch.loads, weights.loads)
        wiring.connect(m, dispatch.fetches, activations.fetches)
        wiring.connect(m, dispatch.computes, sequencer.computes)
        wiring.connect(m, weights.requests, wiring.flipped(self.weight_requests))
        wiring.connect(m, wiring.flipped(self.weights), weights.weights)
        if self.strided:
            m.d.comb += activations.stride.eq(self.activation_stride)
        wiring.connect(m, activations.requests, wiring.flipped(self.activation_requests))
        wiring.connect(m, wiring.flipped(self.activations), activations.activations)
        wiring.connect(m, sender.results, wiring.flipped(self.results))
        m.d.comb += [
            self.error.eq(dispatch.error),
            sequencer.loaded.eq(weights.loaded),
            # The weights of a bank are used at once, its scales behind the macros.
            weights.released.eq(delay(m, sequencer.released, "released", cycles=tile.release_latency)),
            sequencer.available.eq(activations.available),
            activations.take.eq(sequencer.take),
            sequencer.result_taken.eq(sender.taken),
        ]

        # What becomes of a vector travels beside its last slice: input stages, macros, adders.
        trail = [sequencer.vector.as_value()]
        for cycle in range(1, array.sum_latency + 1):
            trail.append(delay(m, trail[-1], f"vector_{cycle}"))
        travelling = [data.View(vector_layout(tiles), value) for value in trail]

        # Stage 1: the input buffer answers. Stage 2: the input register shows the slice to the macros.
        flags = Cat(sequencer.slice_valid, sequencer.slice_first, sequencer.slice_last, sequencer.slice_bank)
        flags = delay(m, flags, "slice_flags")
        inputs = Signal(len(activations.vector), reset_less=True)
        step = tile.macro.input_bits_per_cycle * array.rows
        with m.If(flags[0]):
            m.d.sync += inputs.eq(inputs.shift_left(step))
        vector: Value = activations.vector
        if tiles > 1:
            vector = Mux(travelling[1].reduce, vector, self._to_all_tiles(vector))
        with m.If(flags[1]):
            m.d.sync += inputs.eq(vector)
        flags = delay(m, flags, "input_flags")

        sums, valid = self._cores(m, weights, inputs[-step:], flags)
        valids = [valid]
        for stage in range(1, array.reduce_stages + 1):
            valids.append(delay(m, valids[-1], f"valid_{stage}"))
        reduce = [view.reduce for view in travelling[tile.sum_latency : array.sum_latency]] if tiles > 1 else []
        current = travelling[-1]
        m.d.comb += [
            accumulator.next_slot.eq(travelling[-2].slot),
            accumulator.valid.eq(valids[-1]),
            accumulator.vector.eq(data.View(vector_layout(), trail[-1][: vector_layout().size])),
            accumulator.sums.eq(self._reduced(m, sums, reduce, valids)),
            sender.valid.eq(accumulator.total_valid),
            sender.total.eq(accumulator.total),
            sender.columns.eq(current.columns),
        ]
        return m

    def _to_all_tiles(self, vector: Value) -> Value:
        """Return the planes of a vector in which every tile has the first tile's rows."""
        rows, tiles = self.array_config.tile.rows, self.array_config.tiles
        planes = [vector.word_select(bit, rows * tiles) for bit in range(len(vector) // (rows * tiles))]
        return Cat(plane[:rows].replicate(tiles) for plane in planes)

    def _cores(self, m: Module, weights: WeightLoader, slice_bits: Value, flags: Value) -> tuple[list[Value], Value]:
        """Instantiate the tiles; return the sums of each and when they are there."""
        array, tile = self.array_config, self.array_config.tile
        [definition] = self.definitions
        sums = []
        for index in range(array.tiles):
            core = definition.instantiate(m, f"core{index}" if array.tiles > 1 else "core")
            planes = [
                slice_bits.word_select(j, array.rows).word_select(index, tile.rows)
                for j in range(tile.macro.input_bits_per_cycle)
            ]
            m.d.comb += [
                core.write_enable.eq(weights.write_enable.word_select(index, tile.grid_rows)),
                core.write_bank.eq(weights.write_bank),
                core.write_row.eq(weights.write_row),
                core.write_data.eq(weights.write_data),
                Cat(core.slice_valid, core.slice_first, core.slice_last).eq(flags[:3]),
                core.slice_bank.eq(flags[3:]),
                core.slice_bits.eq(Cat(planes)),
            ]
            if tile.group_rows:
                write = weights.scale_write
                m.d.comb += [
                    core.scale_write.enable.eq(write.enable.word_select(index, tile.groups)),
                    *(core.scale_write[name].eq(write[name]) for name in ("bank", "word", "data")),
                ]
            sums.append(core.sums)
        return sums, core.sum_valid

    def _reduced(self, m: Module, sums: list[Value], reduce: list[Value], valids: list[Value]) -> Value:
        """Return a sum of ``sum_bits`` for each column of the array.

        With ``reduce``, given for each level of the tree, those of the first tile's columns are sums over the tiles;
        the others then have no meaning. ``valids`` says for each level whether its words are there; registers keep what
        they hold if they are not.
        """
        array, tile = self.array_config, self.array_config.tile
        words = [
            [part.word_select(column, tile.sum_bits).as_signed() for column in range(tile.columns)] for part in sums
        ]
        for level, reducing in enumerate(reduce):
            distance = 1 << level
            for index, row in enumerate(words):
                # Read before it is replaced: the partner has the higher index.
                adds = index % (2 * distance) == 0 and index + distance < len(words)
                with m.If(valids[level]):
                    words[index] = [
                        delay(
                            m,
                            word + Mux(reducing, words[index + distance][column], 0) if adds else word,
                            f"level{level}_tile{index}_column{column}",
                            reset_less=True,
                        )
                        for column, word in enumerate(row)
                    ]
        extended = []
        for column, word in enumerate(word for row in words for word in row):
            extended.append(Signal(array.sum_bits, name=f"sum{column}"))
            m.d.comb += extended[-1].eq(word)
        return Cat(extended)
