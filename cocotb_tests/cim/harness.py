"""The bench around a CIM tile or array, as gateware: memories, program, result store, stalls and a cycle counter.

Long runs need no Python between their first and last cycle.
"""

from functools import lru_cache

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tilewright.cocotb_tests.cim.subject import TileSubject
from tilewright.cocotb_tests.harness.kept_verilog import kept_verilog
from tilewright.cocotb_tests.harness.streams import StreamContract, StreamGate
from tilewright.hw.cim.command import REQUEST_LAYOUT
from tilewright.hw.cim.result_sender import result_layout
from tilewright.hw.definition import Definition
from tilewright.hw.memory.storage import SimulationStorage
from tilewright.hw.memory.timed_memory import TimedMemory
from tilewright.hw.verilog import convert

TOP = "cim_harness"
"""Name of the top module."""
LINE_BITS = 1024
"""Bits of weight or activation memory that the bench writes at a time, unless a word is wider."""
MAX_LATENCY = 510
"""Largest memory latency at which the memories deliver their full rate."""
MEMORY_PORTS = (
    "latency", "rate_words", "rate_cycles", "refresh_period", "refresh_cycles", "write_enable", "write_address",
    "write_data",
)  # fmt: skip
"""Inputs of each memory that the bench has."""
STREAMS = ("commands", "weight_requests", "weights", "activation_requests", "activations", "results")
"""The streams, in the order of the bits of ``stall``."""


class CIMHarness(wiring.Component):
    """Runs a stored program on a tile or an array, the Verilog module ``cim_tile`` or ``cim_array``.

    Parameters
    ----------
    subject : TileSubject
        The tile or array.
    weight_words, activation_words, commands, results : int
        Capacity of the memories, in words of the buses, commands and result words.

    Members
    -------
    run : In(1)
        Cycle 0 is the first with ``run``. Without it counters are zero and memory can be written.
    stall : In
        One bit for each of ``STREAMS``: nothing new passes in this cycle.
    command_count, result_count : In(32)
        Length of the program, and words of results that end the run.
    done : Out(1)
        The last result has been taken.
    cycles : Out(32)
        Cycles up to the last result so far, including its own.
    received : Out(32)
        Result words so far.
    contract_broken : Out(1)
        A stream withdrew or changed an offer before it was taken.
    result_address, result_data : In, Out
        Reads the stored results: words with ``last`` as ``result_layout`` has them.
    """

    def __init__(self, *, subject: TileSubject, weight_words: int, activation_words: int, commands: int, results: int):
        self.config = config = subject.tile
        self._layout = subject.layout
        self._commands, self._results = commands, results
        self.definitions = [Definition(subject.name, subject.component())]

        def timed(word_bits: int, depth: int) -> TimedMemory:
            line_words = max(1, LINE_BITS // word_bits)
            return TimedMemory(
                request_shape=REQUEST_LAYOUT,
                word_bits=word_bits,
                depth=-(-depth // line_words) * line_words,
                line_words=line_words,
                requests=max(16, config.input_buffer_vectors, config.macro.weight_banks * subject.tiles),
                max_latency=MAX_LATENCY,
            )

        self.weight_memory = timed(config.weight_bus_bits, weight_words)
        self.activation_memory = timed(config.activation_bus_bits, activation_words)

        def memory_ports(name: str, timed_memory: TimedMemory) -> dict:
            members = timed_memory.signature.members
            return {f"{name}_{port}": members[port] for port in MEMORY_PORTS}

        super().__init__(
            {
                "run": In(1),
                "stall": In(len(STREAMS)),
                "command_count": In(32),
                "result_count": In(32),
                "done": Out(1),
                "cycles": Out(32),
                "received": Out(32),
                "error": Out(3),
                "contract_broken": Out(1),
                "command_write_enable": In(1),
                "command_write_address": In(range(commands)),
                "command_write_data": In(self._layout.size),
                "result_address": In(range(results)),
                "result_data": Out(result_layout(config).size),
                **memory_ports("weight", self.weight_memory),
                **memory_ports("activation", self.activation_memory),
            }
        )

    def elaborate(self, platform):
        m = Module()
        [definition] = self.definitions
        dut = definition.instantiate(m, "subject")
        m.submodules.weight_memory = self.weight_memory
        m.submodules.activation_memory = self.activation_memory
        for name, timed in (("weight", self.weight_memory), ("activation", self.activation_memory)):
            m.d.comb += timed.restart.eq(~self.run)
            m.d.comb += [getattr(timed, port).eq(getattr(self, f"{name}_{port}")) for port in MEMORY_PORTS]

        commands, results = self._program(m), self._store(m)
        ends = {
            "commands": (commands, dut.commands),
            "weight_requests": (dut.weight_requests, self.weight_memory.requests),
            "weights": (self.weight_memory.words, dut.weights),
            "activation_requests": (dut.activation_requests, self.activation_memory.requests),
            "activations": (self.activation_memory.words, dut.activations),
            "results": (dut.results, results),
        }
        m.d.comb += self.error.eq(dut.error)
        for index, name in enumerate(STREAMS):
            source, sink = ends[name]
            shape = source.p.shape()
            m.submodules[f"{name}_gate"] = gate = StreamGate(shape)
            wiring.connect(m, source, gate.i)
            wiring.connect(m, gate.o, sink)
            m.d.comb += gate.block.eq(self.stall[index])
            payload = source.p.as_value() if isinstance(source.p, data.View) else source.p
            m.submodules[f"{name}_contract"] = contract = StreamContract(len(payload))
            m.d.comb += [
                contract.payload.eq(payload),
                contract.valid.eq(source.valid),
                contract.ready.eq(source.ready),
            ]
            with m.If(contract.broken):
                m.d.sync += self.contract_broken.eq(1)
        return m

    def _program(self, m: Module):
        """The command store, as a stream."""
        commands = stream.Signature(self._layout).create(path=("program",))
        m.submodules.program = program = SimulationStorage(width=self._layout.size, depth=self._commands)
        position = Signal(32)
        m.d.comb += [
            program.write_enable.eq(self.command_write_enable),
            program.write_address.eq(self.command_write_address),
            program.write_data.eq(self.command_write_data),
            program.read_address.eq(position),
            commands.p.eq(program.read_data),
            commands.valid.eq(self.run & (position < self.command_count)),
        ]
        with m.If(~self.run):
            m.d.sync += position.eq(0)
        with m.Elif(commands.valid & commands.ready):
            m.d.sync += position.eq(position + 1)
        return commands

    def _store(self, m: Module):
        """The result store, as a stream, and the counters."""
        results = stream.Signature(result_layout(self.config)).flip().create(path=("store",))
        m.submodules.store = store = SimulationStorage(width=result_layout(self.config).size, depth=self._results)
        taken = results.valid & results.ready
        cycle = Signal(32)
        m.d.comb += [
            results.ready.eq(self.run),
            store.write_enable.eq(taken),
            store.write_address.eq(self.received),
            store.write_data.eq(results.p.as_value()),
            store.read_address.eq(self.result_address),
            self.result_data.eq(store.read_data),
            self.done.eq(self.run & (self.received == self.result_count)),
        ]
        with m.If(~self.run):
            m.d.sync += [cycle.eq(0), self.received.eq(0), self.cycles.eq(0)]
        with m.Else():
            m.d.sync += cycle.eq(cycle + 1)
            with m.If(taken):
                m.d.sync += [self.received.eq(self.received + 1), self.cycles.eq(cycle + 1)]
        return results


@lru_cache
def harness_verilog(subject: TileSubject) -> str:
    """Return the harness around a tile or array, room enough for the cases of its bench, as Verilog."""

    def make() -> str:
        # The largest products are matrices of 2048 x 512 and some hundred result vectors; on arrays of 256 x 256.
        config = subject.tile
        harness = CIMHarness(
            subject=subject,
            weight_words=max(2048, 2048 * 512 * config.macro.weight_bits // config.weight_bus_bits),
            activation_words=1 << (16 if subject.tiles > 1 else 14),
            commands=2048,
            results=1 << 14,
        )
        return convert(harness, TOP) + SimulationStorage.SOURCE.read_text()

    return kept_verilog(make, TOP, subject.config)
