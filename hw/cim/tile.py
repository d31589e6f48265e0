"""The CIM tile: a grid of macros that multiplies activation vectors with blocks of a weight matrix."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.cim.accumulator import Accumulator
from tilewright.hw.cim.activation_loader import ActivationLoader
from tilewright.hw.cim.command import COMMAND_LAYOUT, REQUEST_LAYOUT, CommandDispatch, CommandError
from tilewright.hw.cim.macro import Macro
from tilewright.hw.cim.result_sender import ResultSender, result_layout
from tilewright.hw.cim.sequencer import VECTOR_LAYOUT, Sequencer
from tilewright.hw.cim.weight_loader import WeightLoader
from tilewright.hw.definition import Definition
from tilewright.hw.pipeline import delay
from tilewright.sim.config import TileConfig


class Tile(wiring.Component):
    """Multiplies vectors with blocks of weights, loads of weights and activations running ahead.

    For each command, with ``B`` its block of ``rows x columns`` weights and ``x[v]`` its vectors::

        y[v] = x[v] @ B + (accumulators[slot + v] if accumulate else 0)

    and ``y[v]`` goes to the results if ``emit``, otherwise into the accumulators. Larger matrices are sums
    over successive commands. All integers are signed; results are exact (see ``max_accumulated_rows``).

    The grid's macros in a column share the columns of a block, those in a row its inputs. The tile asks for
    its own data: a block of weights when a bank is free, a vector when the input buffer has room.

    Throughput: one vector every ``macro.slices`` cycles while the streams keep up. Latency: ``LATENCY``
    cycles from the cycle in which a vector starts to its first result word, see :class:`Sequencer`.

    Parameters
    ----------
    config : TileConfig
        Shape, buses and buffers.

    Members
    -------
    commands : In(stream)
        Commands, see ``COMMAND_LAYOUT``.
    weight_requests, activation_requests : Out(stream)
        Reads of weight and activation memory, ``REQUEST_LAYOUT``.
    weights, activations : In(stream)
        The words read, in the order of the requests.
    results : Out(stream)
        Results, see ``result_layout``; an unused part of a vector's last word is unspecified.
    error : Out(CommandError)
        Why commands are no longer taken; cleared by reset.
    """

    def __init__(self, *, config: TileConfig):
        self.config = config
        self.definitions = [Definition("cim_macro", Macro(config=config.macro))]
        super().__init__(
            {
                "commands": In(stream.Signature(COMMAND_LAYOUT)),
                "weight_requests": Out(stream.Signature(REQUEST_LAYOUT)),
                "weights": In(stream.Signature(config.weight_bus_bits)),
                "activation_requests": Out(stream.Signature(REQUEST_LAYOUT)),
                "activations": In(stream.Signature(config.activation_bus_bits)),
                "results": Out(stream.Signature(result_layout(config))),
                "error": Out(CommandError),
            }
        )

    @property
    def LATENCY(self) -> int:  # noqa: N802 - a constant of the component
        """Cycles from the start of a vector to its first result word."""
        return self.config.latency

    def elaborate(self, platform):
        m = Module()
        cfg, macro = self.config, self.config.macro
        m.submodules.dispatch = dispatch = CommandDispatch(config=cfg)
        m.submodules.weight_loader = weights = WeightLoader(config=cfg)
        m.submodules.activation_loader = activations = ActivationLoader(config=cfg)
        m.submodules.sequencer = sequencer = Sequencer(config=cfg)
        m.submodules.accumulator = accumulator = Accumulator(config=cfg)
        m.submodules.sender = sender = ResultSender(config=cfg)
        wiring.connect(m, wiring.flipped(self.commands), dispatch.commands)
        wiring.connect(m, dispatch.loads, weights.loads)
        wiring.connect(m, dispatch.fetches, activations.fetches)
        wiring.connect(m, dispatch.computes, sequencer.computes)
        wiring.connect(m, weights.requests, wiring.flipped(self.weight_requests))
        wiring.connect(m, wiring.flipped(self.weights), weights.weights)
        wiring.connect(m, activations.requests, wiring.flipped(self.activation_requests))
        wiring.connect(m, wiring.flipped(self.activations), activations.activations)
        wiring.connect(m, sender.results, wiring.flipped(self.results))
        m.d.comb += [
            self.error.eq(dispatch.error),
            sequencer.loaded.eq(weights.loaded),
            weights.released.eq(sequencer.released),
            sequencer.available.eq(activations.available),
            activations.take.eq(sequencer.take),
            sequencer.result_taken.eq(sender.taken),
        ]

        # Stage 1: the input buffer answers. Stage 2: the input register shows the slice to the macros.
        flags = Cat(sequencer.slice_valid, sequencer.slice_first, sequencer.slice_last, sequencer.slice_bank)
        flags = delay(m, flags, "slice_flags")
        inputs = Signal(len(activations.vector), reset_less=True)
        step = macro.input_bits_per_cycle * cfg.rows
        m.d.sync += inputs.eq(inputs << step)
        with m.If(flags[1]):
            m.d.sync += inputs.eq(activations.vector)
        flags = delay(m, flags, "input_flags")

        sums, valid = self._grid(m, weights, inputs[-step:], flags)

        # What becomes of a vector travels beside its last slice: input stages, macro, adders of the grid.
        upcoming = delay(m, sequencer.vector, "vector", cycles=cfg.sum_latency - 1)
        current = data.View(VECTOR_LAYOUT, delay(m, upcoming, "summed_vector"))
        m.d.comb += [
            accumulator.next_slot.eq(data.View(VECTOR_LAYOUT, upcoming).slot),
            accumulator.valid.eq(valid),
            accumulator.vector.eq(current),
            accumulator.sums.eq(sums),
            sender.valid.eq(accumulator.total_valid),
            sender.total.eq(accumulator.total),
            sender.columns.eq(current.columns),
        ]
        return m

    def _grid(self, m: Module, weights: WeightLoader, slice_bits, flags):
        """Instantiate the macros and add their dot products over the grid's rows."""
        cfg, macro = self.config, self.config.macro
        [definition] = self.definitions
        row_bits = macro.columns * macro.weight_bits
        results = []  # [grid row][column of the tile]
        for grid_row in range(cfg.grid_rows):
            words = []
            for grid_column in range(cfg.grid_columns):
                instance = definition.instantiate(m, f"macro_{grid_row}_{grid_column}")
                m.d.comb += [
                    instance.write_enable.eq(weights.write_enable[grid_row]),
                    instance.write_bank.eq(weights.write_bank),
                    instance.write_row.eq(weights.write_row),
                    instance.write_data.eq(weights.write_data.word_select(grid_column, row_bits)),
                    Cat(instance.slice_valid, instance.slice_first, instance.slice_last).eq(flags[:3]),
                    instance.slice_bank.eq(flags[3:]),
                    instance.slice_bits.eq(
                        Cat(
                            slice_bits.word_select(j, cfg.rows).word_select(grid_row, macro.rows)
                            for j in range(macro.input_bits_per_cycle)
                        )
                    ),
                ]
                valid = instance.result_valid
                words += [
                    instance.result.word_select(column, macro.result_bits).as_signed()
                    for column in range(macro.columns)
                ]
            results.append(words)
        valid = delay(m, valid, "sum_valid", cycles=cfg.grid_stages)
        level = 0
        while len(results) > 1:
            pairs = [results[i : i + 2] for i in range(0, len(results), 2)]
            results = [
                [delay(m, sum(terms[1:], start=terms[0]), f"level{level}_sum{i}_column{column}", reset_less=True)
                 for column, terms in enumerate(zip(*pair, strict=True))]
                for i, pair in enumerate(pairs)
            ]  # fmt: skip
            level += 1
        assert level == cfg.grid_stages
        sums = []
        for column, word in enumerate(results[0]):
            extended = Signal(cfg.sum_bits, name=f"sum{column}")
            m.d.comb += extended.eq(word)
            sums.append(extended)
        return Cat(sums), valid
