"""Gateware for benches: AXI4 channels that wait at random, and an observer of a master's contract."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from tilewright.cocotb_tests.harness.streams import StreamContract, StreamGate
from tilewright.hw.bus.axi import CACHE, Burst, flipped, master_members
from tilewright.sim.isa.widths import PAGE_BYTES

CHANNELS = ("ar", "r", "aw", "w", "b")
"""Names of the channels, in the order of the bits of ``block``."""
PAYLOADS = {"r": ("id", "data", "resp", "last"), "w": ("data", "strb", "last"), "b": ("id", "resp")}
REACTION_CYCLES = 4
"""Cycles after an answer with an error from which on a master must request nothing new."""
SHARE_BITS = 4
"""Width of ``share``: a channel waits in ``share`` of 16 cycles."""
RULES = (
    "an offered read address changed",
    "an offered write address changed",
    "an offered word changed",
    "a burst is not plain, full-width and aligned",
    "a burst crosses 4 KiB",
    "a burst is too long",
    "too many reads in flight",
    "too many writes in flight",
    "wlast is wrong",
    "an answer that nobody asked for",
    "an offer when nothing runs",
    "something in flight at the end",
    "a request after an error",
)
"""Meaning of each bit of ``broken``."""


def payload(bus, prefix: str, channel: str) -> Value:
    """Return the payload of a channel: all its signals except valid and ready."""
    names = PAYLOADS.get(channel, ("id", "addr", "len", "size", "burst", "lock", "cache", "prot", "qos"))
    return Cat(getattr(bus, f"{prefix}{channel}{name}") for name in names)


class RandomBlock(wiring.Component):
    """Chooses the cycles in which a channel waits: ``share`` of 16, by a shift register that begins with ``seed``.

    Members
    -------
    seed : In(32)
        Taken over with ``restart``; 0 counts as 1.
    shares : In
        ``SHARE_BITS`` for each of ``CHANNELS``.
    restart : In(1)
    block : Out
        A bit for each of ``CHANNELS``.
    """

    def __init__(self):
        count = len(CHANNELS)
        super().__init__({"seed": In(32), "shares": In(SHARE_BITS * count), "restart": In(1), "block": Out(count)})

    def elaborate(self, platform):
        m = Module()
        # G. Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8 (14), 2003.
        state = Signal(32, init=1)
        first, second, third = Signal(32), Signal(32), Signal(32)
        m.d.comb += [
            first.eq(state ^ (state << 13)),
            second.eq(first ^ (first >> 17)),
            third.eq(second ^ (second << 5)),
        ]
        m.d.sync += state.eq(third)
        with m.If(self.restart):
            m.d.sync += state.eq(self.seed | (self.seed == 0))
        for index in range(len(CHANNELS)):
            share = self.shares.word_select(index, SHARE_BITS)
            m.d.comb += self.block[index].eq(state[6 * index :][:SHARE_BITS] < share)
        return m


class AxiGates(wiring.Component):
    """A master's port and a memory's, with a gate on each channel.

    Members
    -------
    m_axi_... : In, Out
        Of a slave: the master's side.
    s_axi_... : Out, In
        Of a master: the memory's side.
    block : In
        A bit for each of ``CHANNELS``: nothing new is offered in this cycle.
    """

    def __init__(self, *, address_bits: int, data_bits: int):
        widths = {"address_bits": address_bits, "data_bits": data_bits}
        super().__init__(
            {
                **flipped(master_members(prefix="m_axi_", **widths)),
                **master_members(prefix="s_axi_", **widths),
                "block": In(len(CHANNELS)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        for index, channel in enumerate(CHANNELS):
            to_master = channel in ("r", "b")
            source, sink = ("s_axi_", "m_axi_") if to_master else ("m_axi_", "s_axi_")
            value = payload(self, source, channel)
            m.submodules[channel] = gate = StreamGate(len(value))
            m.d.comb += [
                gate.block.eq(self.block[index]),
                gate.i.p.eq(value),
                gate.i.valid.eq(getattr(self, f"{source}{channel}valid")),
                getattr(self, f"{source}{channel}ready").eq(gate.i.ready),
                payload(self, sink, channel).eq(gate.o.p),
                getattr(self, f"{sink}{channel}valid").eq(gate.o.valid),
                gate.o.ready.eq(getattr(self, f"{sink}{channel}ready")),
            ]
        return m


class AxiContract(wiring.Component):
    """Watches the port of a master of one ID that reads and writes in full, aligned INCR bursts.

    Parameters
    ----------
    address_bits, data_bits : int
        The bus.
    max_burst, outstanding : int
        What the master keeps to: beats of a burst, bursts in flight in each direction.

    Members
    -------
    m_axi_... : In
        Everything, as it is.
    running : In(1)
        The master has something to do; when it ends nothing must be in flight.
    restart : In(1)
        Clears ``broken``, ``read_beats``, ``write_beats`` and ``write_end``.
    broken : Out
        A bit for each of ``RULES``, kept.
    idle : Out(1)
        Nothing is offered or in flight.
    read_beats, write_beats : Out(32)
        Beats taken.
    write_end : Out
        Byte behind the last one of all bursts that were to be written.
    """

    def __init__(self, *, address_bits: int, data_bits: int, max_burst: int, outstanding: int):
        self._data_bits, self._max_burst, self._outstanding = data_bits, max_burst, outstanding
        watched = {
            name: In(member.shape)
            for name, member in master_members(address_bits=address_bits, data_bits=data_bits).items()
        }
        super().__init__(
            {
                **watched,
                "running": In(1),
                "restart": In(1),
                "broken": Out(len(RULES)),
                "idle": Out(1),
                "read_beats": Out(32),
                "write_beats": Out(32),
                "write_end": Out(address_bits + 1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        now = Signal(len(RULES))

        def rule(text: str, value) -> None:
            m.d.comb += now[RULES.index(text)].eq(value)

        def taken(channel: str) -> Value:
            return getattr(self, f"m_axi_{channel}valid") & getattr(self, f"m_axi_{channel}ready")

        for channel, text in (
            ("ar", "an offered read address changed"),
            ("aw", "an offered write address changed"),
            ("w", "an offered word changed"),
        ):
            value = payload(self, "m_axi_", channel)
            m.submodules[channel] = contract = StreamContract(len(value))
            m.d.comb += [
                contract.payload.eq(value),
                contract.valid.eq(getattr(self, f"m_axi_{channel}valid")),
                contract.ready.eq(getattr(self, f"m_axi_{channel}ready")),
            ]
            rule(text, contract.broken)

        odd, crosses, long = [], [], []
        beat_bytes = self._data_bits // 8
        for channel in ("ar", "aw"):
            address, length, size, burst, lock, cache, prot, qos, id_ = (
                getattr(self, f"m_axi_{channel}{name}")
                for name in ("addr", "len", "size", "burst", "lock", "cache", "prot", "qos", "id")
            )
            valid = getattr(self, f"m_axi_{channel}valid")
            plain = (
                (size == beat_bytes.bit_length() - 1)
                & (burst == Burst.INCR)
                & (lock == 0)
                & (cache == CACHE)
                & (prot == 0)
                & (qos == 0)
                & (id_ == 0)
                & ((address & (beat_bytes - 1)) == 0)
            )
            odd.append(valid & ~plain)
            crosses.append(valid & ((address & (PAGE_BYTES - 1)) + (length + 1) * beat_bytes > PAGE_BYTES))
            long.append(valid & (length >= self._max_burst))
        rule("a burst is not plain, full-width and aligned", Cat(odd).any())
        rule("a burst crosses 4 KiB", Cat(crosses).any())
        rule("a burst is too long", Cat(long).any())

        # Bursts from address to last beat, or to the response. Far more than any master of ours has in flight.
        reads, writes = Signal(16), Signal(16)
        ended = taken("r") & self.m_axi_rlast
        m.d.sync += [reads.eq(reads + taken("ar") - ended), writes.eq(writes + taken("aw") - taken("b"))]
        rule("too many reads in flight", reads > self._outstanding)
        rule("too many writes in flight", writes > self._outstanding)
        rule(
            "an answer that nobody asked for", (self.m_axi_rvalid & (reads == 0)) | (self.m_axi_bvalid & (writes == 0))
        )

        # Words may come before their address: both sides are numbered, and compared when both are there.
        m.submodules.lengths = lengths = Memory(shape=8, depth=512, init=[])
        noted, asked = lengths.write_port(), lengths.read_port(domain="comb")
        announced, ending, beat = Signal(9), Signal(9), Signal(8)
        m.d.comb += [
            noted.en.eq(taken("aw")),
            noted.addr.eq(announced),
            noted.data.eq(self.m_axi_awlen),
            asked.addr.eq(ending),
        ]
        with m.If(taken("aw")):
            m.d.sync += announced.eq(announced + 1)
        with m.If(taken("w")):
            m.d.sync += beat.eq(beat + 1)
            with m.If(self.m_axi_wlast):
                m.d.sync += [beat.eq(0), ending.eq(ending + 1)]
        early = announced == ending
        # Of a burst that is announced only now, or later, the length is seen when the words wait for it.
        length = Signal(8)
        m.d.comb += length.eq(Mux(early, self.m_axi_awlen, asked.data))
        known = ~early | self.m_axi_awvalid
        rule("wlast is wrong", taken("w") & known & (self.m_axi_wlast != (beat == length)))

        offered = self.m_axi_arvalid | self.m_axi_awvalid | self.m_axi_wvalid
        rule("an offer when nothing runs", offered & ~self.running)
        m.d.comb += self.idle.eq(~offered & (reads == 0) & (writes == 0) & (announced == ending) & (beat == 0))
        ran = Signal()
        m.d.sync += ran.eq(self.running)
        rule("something in flight at the end", ran & ~self.running & ~self.idle)

        failed = (taken("r") & self.m_axi_rresp[1]) | (taken("b") & self.m_axi_bresp[1])
        since = Signal(range(REACTION_CYCLES + 1))
        with m.If(~self.running):
            m.d.sync += since.eq(0)
        with m.Elif((failed | (since != 0)) & (since != REACTION_CYCLES)):
            m.d.sync += since.eq(since + 1)
        asked = []
        for channel in ("ar", "aw"):
            waiting = Signal(name=f"{channel}_waiting")
            valid, ready = (getattr(self, f"m_axi_{channel}{name}") for name in ("valid", "ready"))
            m.d.sync += waiting.eq(valid & ~ready)
            asked.append(valid & ~waiting)
        rule("a request after an error", (since == REACTION_CYCLES) & Cat(asked).any())

        end = Signal(len(self.write_end))
        m.d.comb += end.eq(self.m_axi_awaddr + (self.m_axi_awlen + 1) * beat_bytes)
        with m.If(self.restart):
            m.d.sync += [self.broken.eq(0), self.read_beats.eq(0), self.write_beats.eq(0), self.write_end.eq(0)]
        with m.Else():
            m.d.sync += [
                self.broken.eq(self.broken | now),
                self.read_beats.eq(self.read_beats + taken("r")),
                self.write_beats.eq(self.write_beats + taken("w")),
            ]
            with m.If(taken("aw") & (end > self.write_end)):
                m.d.sync += self.write_end.eq(end)
        return m
