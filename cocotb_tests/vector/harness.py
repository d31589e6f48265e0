"""The bench around a vector unit, as gateware: a scratchpad, stored commands, and the cycles of each.

A run needs no Python between its first and its last cycle.
"""

from functools import lru_cache

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from tilewright.cocotb_tests.harness.held_inputs import held, hold_reset
from tilewright.cocotb_tests.harness.kept_verilog import kept_verilog
from tilewright.hw.definition import Definition
from tilewright.hw.memory.line_storage import LineStorage
from tilewright.hw.memory.storage import SimulationStorage
from tilewright.hw.vector.command import command_layout
from tilewright.hw.vector.unit import VectorUnit
from tilewright.hw.verilog import convert
from tilewright.sim.config.vector import VectorConfig

TOP = "vector_harness"
"""Name of the top module."""
DUT = "vector_unit"
"""Name of the module that is the vector unit."""
COMMANDS = 256
"""Maximum number of commands of a run."""
LINE_BITS = 1024
"""Bits of the scratchpad that the bench writes or reads at a time, unless a word is wider."""


def line_words(config: VectorConfig) -> int:
    """Return the number of words that the bench writes or reads at a time."""
    return max(1, LINE_BITS // config.word_bits)


class VectorHarness(wiring.Component):
    """A vector unit with a scratchpad that is all of its address space.

    Members
    -------
    clk, rst : In(1)
        A reset takes effect a cycle later, and so do ``run``, ``gap`` and ``count``.
    run : In(1)
        Commands are offered, from the first on.
    gap : In(8)
        Cycles, besides the one that it takes, in which no command is offered after each.
    count : In
        How many.
    command_enable, command_address, command : In
        Stores a command.
    write_enable, address, write_data, read_data : In, Out
        The bench's own access to the scratchpad, a line of :func:`line_words` words at a time.
    log_address, log : In, Out
        Of a command: cycles from the one in which it is taken to that of ``done``, 1 added; its error above them.
    done : Out(1)
        All commands have ended.
    strays : Out(8)
        Writes of the scratchpad, and ``done``, while no command is under way.
    """

    def __init__(self, *, config: VectorConfig):
        self.config = config
        self._unit = Definition(DUT, VectorUnit(config=config))
        self.definitions = [self._unit]
        self._lines = (1 << (config.address_bits - 2)) // line_words(config)
        line_bits = line_words(config) * config.word_bits
        self.command_bits = command_layout(config).size
        super().__init__(
            {
                "clk": In(1),
                "rst": In(1),
                "run": In(1),
                "gap": In(8),
                "count": In(range(COMMANDS + 1)),
                "command_enable": In(1),
                "command_address": In(range(COMMANDS)),
                "command": In(self.command_bits),
                "write_enable": In(1),
                "address": In(range(self._lines)),
                "write_data": In(line_bits),
                "read_data": Out(line_bits),
                "log_address": In(range(COMMANDS)),
                "log": Out(36),
                "done": Out(1),
                "strays": Out(8),
            }
        )

    def elaborate(self, platform):
        m = Module()
        hold_reset(m, self.clk, self.rst)
        run, gap, count = (held(m, port) for port in (self.run, self.gap, self.count))
        config = self.config
        unit = self._unit.instantiate(m, "unit")
        m.submodules.commands = commands = SimulationStorage(width=self.command_bits, depth=COMMANDS)
        m.submodules.log = log = SimulationStorage(width=36, depth=COMMANDS)
        pads = []
        for name in ("ab", "cx"):
            words = line_words(config)
            pad = LineStorage(width=config.word_bits, depth=self._lines * words, line_words=words)
            m.submodules[f"pad_{name}"] = pad
            m.d.comb += [
                pad.write_enable.eq(unit.d_enable),
                pad.write_address.eq(unit.d_address),
                pad.write_mask.eq(Cat(bit.replicate(8) for bit in unit.d_mask)),
                pad.write_data.eq(unit.d_data),
                pad.line_enable.eq(self.write_enable),
                pad.line_address.eq(self.address),
                pad.line_data.eq(self.write_data),
            ]
            pads.append(pad)
        ab, cx = pads
        m.d.comb += [
            ab.read_address_0.eq(unit.a_address),
            ab.read_address_1.eq(unit.b_address),
            cx.read_address_0.eq(unit.c_address),
            cx.read_line_address.eq(self.address),
            self.read_data.eq(cx.read_line_data),
        ]
        for name, word in (("a", ab.read_data_0), ("b", ab.read_data_1), ("c", cx.read_data_0)):
            # Words that were not asked for are wrong.
            m.d.sync += getattr(unit, f"{name}_data").eq(Mux(getattr(unit, f"{name}_enable"), word, ~word))

        index, busy, wait, cycles = Signal(range(COMMANDS + 1)), Signal(), Signal(8), Signal(32)
        taken = Signal()
        m.d.comb += [
            commands.write_enable.eq(self.command_enable),
            commands.write_address.eq(self.command_address),
            commands.write_data.eq(self.command),
            commands.read_address.eq(index),
            unit.commands.p.as_value().eq(commands.read_data),
            unit.commands.valid.eq(run & (index != count) & (wait == 0)),
            taken.eq(unit.commands.valid & unit.commands.ready),
            log.write_enable.eq(busy & unit.done),
            log.write_address.eq(index - 1),
            log.write_data.eq(Cat((cycles + 1)[:32], unit.error)),
            log.read_address.eq(self.log_address),
            self.log.eq(log.read_data),
            self.done.eq(run & (index == count) & ~busy),
        ]
        m.d.sync += wait.eq(Mux(taken, gap, Mux(wait == 0, 0, wait - 1)))
        with m.If(~run):
            m.d.sync += [index.eq(0), busy.eq(0)]
        with m.Elif(taken):
            m.d.sync += [index.eq(index + 1), busy.eq(1), cycles.eq(1)]
        with m.Elif(unit.done):
            m.d.sync += busy.eq(0)
        with m.Else():
            m.d.sync += cycles.eq(cycles + 1)
        with m.If(~busy & (unit.d_enable | unit.done)):
            m.d.sync += self.strays.eq(self.strays + 1)
        return m


@lru_cache
def harness_verilog(config: VectorConfig) -> str:
    """Return the Verilog of a bench."""
    sources = [LineStorage.SOURCE.read_text(), SimulationStorage.SOURCE.read_text()]
    return kept_verilog(lambda: "".join([convert(VectorHarness(config=config), TOP), *sources]), TOP, config)
