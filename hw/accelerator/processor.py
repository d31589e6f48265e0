"""The command processor: reads the program, executes its own commands, and hands the others to the units."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, ResetInserter, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.fifo import SyncFIFOBuffered
from amaranth.lib.wiring import In, Out

from tilewright.hw.accelerator.check import Check
from tilewright.hw.accelerator.command import COMMAND_BITS, INDEX_BITS, entry_layout
from tilewright.hw.layout import field, view
from tilewright.hw.states import name_states
from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.isa.commands import COMMANDS, HEAD, UNIT_COMMANDS, Load, Opcode, Set
from tilewright.sim.isa.errors import AcceleratorError
from tilewright.sim.isa.units import units_of
from tilewright.sim.isa.widths import ADDRESS_REGISTER_BITS, ADDRESS_REGISTERS, COMMAND_BYTES, LOOP_LEVELS


class Processor(wiring.Component):
    """Takes commands in order: checks each for ``Check.LATENCY`` cycles, then executes it or puts it into its unit's
    queue.

    Commands are read ahead, ``fetch_depth`` of them; when a loop begins anew, what was read ahead is dropped as it
    comes. Of a beat that is wider than a command, the one command that was asked for is taken.

    Throughput: a command in ``PERIOD`` cycles. Latency: a command that has come is taken two cycles later.

    Members
    -------
    start : In(1), program : In(64)
        Begins a program in the next cycle.
    fetch_valid, fetch_address, fetch_ready : Out, Out, In
        A burst that reads a command; the address is that of its first beat.
    beat_valid, beat_data, beat_error, beat_last : In
        A beat of it.
    enter0 .. enter4 : Out(stream)
        Commands for each unit that there is.
    active : In(1)
        A unit has something to do.
    weights : In(1)
        There are weights that no product has taken.
    halt : In(1)
        Nothing is done any more.
    error, error_index : Out
        Reason why the current command is refused; its number.
    ended : Out(1)
        The program has reached its end; no command will be read any more.
    """

    PERIOD = Check.LATENCY + 2

    def __init__(self, *, config: AcceleratorConfig):
        self.config = config
        layout = entry_layout(config)
        super().__init__(
            {
                "start": In(1),
                "program": In(64),
                "fetch_valid": Out(1),
                "fetch_address": Out(config.address_bits),
                "fetch_ready": In(1),
                "beat_valid": In(1),
                "beat_data": In(config.bus_bits),
                "beat_error": In(2),
                "beat_last": In(1),
                **{f"enter{unit}": Out(stream.Signature(layout)) for unit in units_of(config)},
                "active": In(1),
                "weights": In(1),
                "halt": In(1),
                "error": Out(4),
                "error_index": Out(INDEX_BITS),
                "ended": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        running, dropping = Signal(), Signal()
        jump, begin_anew = Signal(), Signal()
        target = Signal(INDEX_BITS)  # of the jump
        took = Signal()
        fetched, there = self._fetch(m, running & ~dropping & ~self.halt, dropping, begin_anew, target, took)

        command = Signal(COMMAND_BITS)
        broken = Signal()  # it could not be read
        index = Signal(INDEX_BITS)
        registers = Array(Signal(ADDRESS_REGISTER_BITS, name=f"register{i}") for i in range(1 << 4))
        opcode = Signal(HEAD["opcode"].bits, decoder=Opcode)  # a signal, so that waves have its name
        m.d.comb += opcode.eq(field(command, HEAD["opcode"]))
        load = view(command, Load.FIELDS)
        address = Signal(ADDRESS_REGISTER_BITS + 1)
        m.d.comb += address.eq(load["address"] + registers[load["register"]])
        m.submodules.check = check = Check(config=config)
        m.d.comb += [check.command.eq(command), check.address.eq(address), self.error_index.eq(index)]

        passed = Signal()  # the command at hand is done with
        problem = Signal(4)
        with m.If(self.start):
            m.d.sync += running.eq(1)
            with m.If(Cat(self.program[:6], self.program[config.address_bits :]).any()):
                m.d.sync += running.eq(0)
                m.d.comb += self.error.eq(AcceleratorError.ADDRESS)
        with m.FSM() as fsm:
            with m.State("TAKE"):
                m.d.comb += took.eq(there & ~self.halt & ~dropping)
                with m.If(took):
                    m.d.sync += [command.eq(fetched[:COMMAND_BITS]), broken.eq(fetched[-1])]
                    m.next = "CHECK1"
            for step in range(1, Check.LATENCY):
                with m.State(f"CHECK{step}"):
                    m.next = f"CHECK{step + 1}"
            with m.State(f"CHECK{Check.LATENCY}"):
                m.next = "ACT"
            with m.State("ACT"):
                with m.If(broken):
                    m.d.comb += problem.eq(AcceleratorError.FETCH_BUS)
                with m.Elif(check.error.any()):
                    m.d.comb += problem.eq(check.error)
                with m.Elif(~self.halt):
                    self._act(m, command, opcode, index, check, address, registers, passed, jump, target, problem)
                m.d.comb += self.error.eq(problem & (~self.halt).replicate(4))
                with m.If(passed):
                    m.d.sync += index.eq(index + 1)
                    m.next = "TAKE"
                with m.If(jump):
                    m.d.sync += [index.eq(target), dropping.eq(1)]
                with m.If(self.ended):
                    m.d.sync += running.eq(0)
                    m.next = "ENDED"
            with m.State("ENDED"):
                pass
        name_states(fsm)
        with m.If(begin_anew):
            m.d.sync += dropping.eq(0)
        return m

    def _fetch(
        self, m: Module, on: Value, dropping: Value, begin_anew: Signal, target: Value, took: Value
    ) -> tuple[Value, Value]:
        """Read commands ahead; return the next command with its read error as the highest bit, and whether it is
        there."""
        config, depth = self.config, self.config.fetch_depth
        queue = SyncFIFOBuffered(width=COMMAND_BITS + 1, depth=depth)
        m.submodules.fetched = ResetInserter(dropping)(queue)
        ahead, coming = Signal(range(depth + 1)), Signal(range(depth + 1))
        asked, came = Signal(), Signal()
        address, jump_address = Signal(config.address_bits), Signal(config.address_bits)
        program = Signal(config.address_bits)
        waiting = Signal.like(target)
        several, beat_bits = config.bus_bytes // COMMAND_BYTES, (config.bus_bytes - 1).bit_length()
        m.d.comb += [
            self.fetch_valid.eq(on & (ahead != depth)),
            self.fetch_address.eq(Cat(Const(0, beat_bits), address[beat_bits:]) if several > 1 else address),
            asked.eq(self.fetch_valid & self.fetch_ready),
            came.eq(self.beat_valid & self.beat_last),
            begin_anew.eq(dropping & (coming == 0)),
            jump_address.eq(program + waiting * COMMAND_BYTES),
        ]
        m.d.sync += [ahead.eq(ahead + asked - took), coming.eq(coming + asked - came)]
        with m.If(~dropping):
            m.d.sync += waiting.eq(target)
        with m.If(self.start):
            m.d.sync += [address.eq(self.program), program.eq(self.program)]
        with m.Elif(begin_anew):
            m.d.sync += [address.eq(jump_address), ahead.eq(0)]
        with m.Elif(asked):
            m.d.sync += address.eq(address + COMMAND_BYTES)

        broken = Signal()
        earlier = COMMAND_BITS - config.bus_bits
        whole: Value = self.beat_data
        if several > 1:
            # Number of the next command to come within its beat.
            part = Signal(range(several))
            whole = self.beat_data.word_select(part, COMMAND_BITS)
            first = (COMMAND_BYTES - 1).bit_length()
            with m.If(self.start):
                m.d.sync += part.eq(self.program[first:])
            with m.Elif(begin_anew):
                m.d.sync += part.eq(jump_address[first:])
            with m.Elif(came):
                m.d.sync += part.eq(part + 1)
        elif earlier:
            before = Signal(earlier, reset_less=True)
            whole = Cat(before, self.beat_data)
            with m.If(self.beat_valid):
                m.d.sync += before.eq(whole[config.bus_bits :])
        with m.If(self.beat_valid):
            m.d.sync += broken.eq(Mux(self.beat_last, 0, broken | self.beat_error.any()))
        m.d.comb += [
            queue.w_data.eq(Cat(whole, broken | self.beat_error.any())),
            queue.w_en.eq(came & ~dropping),
            queue.r_en.eq(took),
        ]
        return queue.r_data, queue.r_rdy

    def _act(
        self,
        m: Module,
        command: Value,
        opcode: Value,
        index: Value,
        check: Check,
        address: Value,
        registers: Array,
        passed: Signal,
        jump: Signal,
        target: Signal,
        problem: Signal,
    ) -> None:
        """Run a command, or hand it over."""
        loops = Signal(range(LOOP_LEVELS + 1))
        bodies = Array(Signal(INDEX_BITS, name=f"body{i}") for i in range(LOOP_LEVELS))
        counts = Array(Signal(32, name=f"count{i}") for i in range(LOOP_LEVELS))
        innermost = Signal(range(LOOP_LEVELS))
        m.d.comb += innermost.eq(loops - 1)
        register = view(command, Set.FIELDS)
        for unit in units_of(self.config):
            enter = getattr(self, f"enter{unit}")
            codes = [kind.OPCODE for kind in UNIT_COMMANDS if unit == kind.UNIT]
            m.d.comb += [
                enter.p.command.eq(command),
                enter.p.address.eq(address),
                enter.p.index.eq(index),
                enter.p.reads.eq(check.reads),
                enter.p.writes.eq(check.writes),
            ]
            with m.If(Cat(opcode == code for code in codes).any()):
                m.d.comb += [enter.valid.eq(1), passed.eq(enter.ready)]
        with m.Switch(opcode):
            with m.Case(Opcode.SET):
                m.d.sync += registers[register["register"]].eq(register["value"])
                m.d.comb += passed.eq(1)
            with m.Case(Opcode.ADD):
                m.d.sync += registers[register["register"]].eq(registers[register["register"]] + register["value"])
                m.d.comb += passed.eq(1)
            with m.Case(Opcode.LOOP):
                with m.If(loops == LOOP_LEVELS):
                    m.d.comb += problem.eq(AcceleratorError.LOOP)
                with m.Else():
                    m.d.comb += passed.eq(1)
                    m.d.sync += [
                        loops.eq(loops + 1),
                        bodies[loops[: (LOOP_LEVELS - 1).bit_length()]].eq(index + 1),
                        counts[loops[: (LOOP_LEVELS - 1).bit_length()]].eq(
                            field(command, COMMANDS[Opcode.LOOP].FIELDS["count"])
                        ),
                    ]
            with m.Case(Opcode.REPEAT):
                m.d.comb += target.eq(bodies[innermost])
                with m.If(loops == 0):
                    m.d.comb += problem.eq(AcceleratorError.LOOP)
                with m.Elif(counts[innermost] == 1):
                    m.d.comb += passed.eq(1)
                    m.d.sync += loops.eq(loops - 1)
                with m.Else():
                    m.d.comb += [passed.eq(1), jump.eq(1)]
                    m.d.sync += counts[innermost].eq(counts[innermost] - 1)
            with m.Case(Opcode.FENCE):
                m.d.comb += passed.eq(~self.active)
            with m.Case(Opcode.END):
                with m.If(loops != 0):
                    m.d.comb += problem.eq(AcceleratorError.LOOP)
                with m.Elif(~self.active):
                    with m.If(self.weights):
                        m.d.comb += problem.eq(AcceleratorError.WEIGHTS)
                    with m.Else():
                        m.d.comb += self.ended.eq(1)
        assert len(registers) > ADDRESS_REGISTERS
