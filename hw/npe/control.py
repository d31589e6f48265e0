"""Runs descriptors one after the other, and stops cleanly on an error."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.npe.descriptor import DESCRIPTOR_LAYOUT, DescriptorCheck, job_layout, plan
from tilewright.hw.npe.loader import Kind
from tilewright.hw.states import name_states
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.isa.npe_registers import REGISTER_WORD, NpeError
from tilewright.sim.isa.widths import COUNT_BITS, DESCRIPTOR_BYTES

SLVERR = 2


class Control(wiring.Component):
    """Fetches a descriptor, checks it, starts its job and waits for its end.

    On an error, of a descriptor, a response or by ``abort``: requests nothing new, waits until memory has answered
    all that was requested, and only then is done. Before each job, and after an error, ``clear`` resets all units.

    Members
    -------
    start, abort : In(1)
        ``start`` counts only when not busy.
    descriptor_address : In(64)
    count : In(32)
        Descriptors, one behind the other.
    busy : Out(1)
    done : Out(1)
        For a cycle, at the end; ``error`` and ``completed`` are valid from then on.
    error : Out(16)
        Code and detail, see docs/npe.md; 0 if there is none.
    completed : Out(16)
        Descriptors done.
    fetching : Out(1)
        Words from memory are the descriptor's.
    requests : Out(stream)
        For the descriptor.
    word_valid, word : In
        Words from memory, always taken; ``last`` is the descriptor's last.
    job : Out
    begin : Out(1)
        Starts loader and store.
    running : Out(1)
        A job runs.
    finished : In(1)
        The store has given away the job's last line.
    read_error, read_kind, write_error : In
        Responses that are not OKAY.
    idle : In(1)
        Nothing is outstanding at memory.
    stop : Out(1)
        Request nothing new.
    clear : Out(1)
        Reset all units.
    """

    def __init__(self, config: NpeConfig):
        self.config = config
        request = data.StructLayout({"address": config.address_bits, "beats": 16})
        word = data.StructLayout({"data": config.bus_bits, "error": 2, "last": 1})
        super().__init__(
            {
                "start": In(1),
                "abort": In(1),
                "descriptor_address": In(64),
                "count": In(32),
                "busy": Out(1),
                "done": Out(1),
                "error": Out(16),
                "completed": Out(16),
                "fetching": Out(1),
                "requests": Out(stream.Signature(request)),
                "word_valid": In(1),
                "word": In(word),
                "job": Out(job_layout(config)),
                "begin": Out(1),
                "running": Out(1),
                "finished": In(1),
                "read_error": In(2),
                "read_kind": In(Kind),
                "write_error": In(2),
                "idle": In(1),
                "stop": Out(1),
                "clear": Out(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        config = self.config
        m.submodules.check = check = DescriptorCheck(config)
        descriptor = Signal(DESCRIPTOR_LAYOUT.size)
        address = Signal(config.address_bits)
        left = Signal(COUNT_BITS)
        m.d.comb += [
            check.descriptor.eq(descriptor),
            self.requests.p.address.eq(address),
            self.requests.p.beats.eq(DESCRIPTOR_BYTES // config.bus_bytes),
        ]

        trouble, wrong = Signal(16), Signal()
        read_wrong = self.read_error.any() | (self.word_valid & self.word.error.any() & self.fetching)
        response = Mux(self.fetching, self.word.error, self.read_error)
        kind = Mux(self.fetching, Kind.DESCRIPTOR, self.read_kind)
        with m.If(self.abort):
            m.d.comb += [wrong.eq(1), trouble.eq(NpeError.ABORTED)]
        with m.Elif(read_wrong):
            code = Mux(response == SLVERR, NpeError.READ_SLVERR, NpeError.READ_DECERR)
            m.d.comb += [wrong.eq(1), trouble.eq(_error(code, kind))]
        with m.Elif(self.write_error.any()):
            code = Mux(self.write_error == SLVERR, NpeError.WRITE_SLVERR, NpeError.WRITE_DECERR)
            m.d.comb += [wrong.eq(1), trouble.eq(code)]

        start_trouble = Signal(16)
        where = self.descriptor_address
        with m.If((self.count == 0) | (self.count >> COUNT_BITS).any()):
            m.d.comb += start_trouble.eq(NpeError.COUNT)
        with m.Elif((where & (DESCRIPTOR_BYTES - 1)).any()):
            m.d.comb += start_trouble.eq(_error(NpeError.ALIGNMENT, Const(REGISTER_WORD)))
        with m.Elif((where >> config.address_bits).any()):
            m.d.comb += start_trouble.eq(_error(NpeError.RANGE, Const(REGISTER_WORD)))

        with m.FSM() as fsm:
            with m.State("IDLE"), m.If(self.start):
                m.d.sync += [
                    self.busy.eq(1),
                    self.completed.eq(0),
                    self.error.eq(start_trouble),
                    left.eq(self.count),
                    address.eq(where),
                ]
                m.next = "STOP"
                with m.If(start_trouble == 0):
                    m.next = "REQUEST"
            with m.State("REQUEST"):
                m.d.comb += [self.requests.valid.eq(1), self.fetching.eq(1)]
                with m.If(self.requests.ready):
                    m.next = "FETCH"
                self._stop(m, wrong, trouble)
            with m.State("FETCH"):
                m.d.comb += self.fetching.eq(1)
                with m.If(self.word_valid):
                    m.d.sync += descriptor.eq(Cat(descriptor, self.word.data)[config.bus_bits :])
                    with m.If(self.word.last):
                        m.next = "CHECK"
                self._stop(m, wrong, trouble)
            with m.State("CHECK"):
                m.d.sync += self.job.eq(plan(m, config, check.descriptor))
                m.d.comb += self.clear.eq(1)
                m.next = "BEGIN"
                with m.If(check.code.any()):
                    m.d.sync += self.error.eq(_error(check.code, check.word))
                    m.next = "STOP"
                self._stop(m, wrong, trouble)
            with m.State("BEGIN"):
                m.d.comb += self.begin.eq(1)
                m.next = "RUN"
                self._stop(m, wrong, trouble)
            with m.State("RUN"):
                m.d.comb += self.running.eq(1)
                with m.If(self.finished):
                    m.next = "FLUSH"
                self._stop(m, wrong, trouble)
            with m.State("FLUSH"):
                m.d.comb += self.running.eq(1)
                with m.If(self.idle & ~wrong):
                    m.d.sync += [
                        self.completed.eq(self.completed + 1),
                        left.eq(left - 1),
                        address.eq(address + DESCRIPTOR_BYTES),
                    ]
                    m.next = "REQUEST"
                    with m.If(left == 1):
                        m.next = "DONE"
                self._stop(m, wrong, trouble)
            with m.State("STOP"):
                m.d.comb += self.stop.eq(1)
                with m.If(self.idle):
                    m.next = "DONE"
            with m.State("DONE"):
                # Units are cleared with the next cycle: what they still offer in this one must not be taken.
                m.d.comb += [self.done.eq(1), self.clear.eq(1), self.stop.eq(1)]
                m.d.sync += self.busy.eq(0)
                m.next = "IDLE"
        name_states(fsm)
        return m

    def _stop(self, m: Module, wrong: Value, trouble: Value) -> None:
        """Stop if something is wrong, whatever else the state would do."""
        with m.If(wrong):
            m.d.sync += self.error.eq(trouble)
            m.next = "STOP"


def _error(code: Value | int, detail: Value) -> Value:
    return (Value.cast(detail) << 8) | code
