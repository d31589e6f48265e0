"""Takes words from memory and writes them to their buffers."""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.npe.descriptor import job_layout
from tilewright.hw.npe.loader import COUNT_BITS, Kind, entry_layout
from tilewright.sim.config.npe import NpeConfig


def write_layout(config: NpeConfig) -> data.StructLayout:
    """Return the layout of a write to a buffer: a beat, the request that it belongs to, and its number in the
    request."""
    return data.StructLayout(
        {"enable": 1, "data": config.bus_bits, "entry": entry_layout(config), "number": range(config.depth)}
    )


class Receiver(wiring.Component):
    """Pairs the words that arrive with the entries that say where each goes.

    A word is taken and written in the cycle in which it comes. Behind the last element of a row of K bits are zero,
    which is zero in every format: what lies in memory there does not matter.

    Members
    -------
    job : In
    entries : In(stream)
        See :func:`.loader.entry_layout`.
    words : In(stream)
        ``data``, ``error``, ``last``.
    write : Out
        See :func:`write_layout`.
    completed : Out
        Requests all of whose words are written, modulo.
    error, error_kind : Out
        The response of this word, if it is not OKAY, and what the word was to be.
    discard : In(1)
        Take words without entries, and write nothing.
    """

    def __init__(self, config: NpeConfig):
        self.config = config
        word = data.StructLayout({"data": config.bus_bits, "error": 2, "last": 1})
        super().__init__(
            {
                "job": In(job_layout(config)),
                "entries": In(stream.Signature(entry_layout(config))),
                "words": In(stream.Signature(word)),
                "write": Out(write_layout(config)),
                "completed": Out(COUNT_BITS),
                "error": Out(2),
                "error_kind": Out(Kind),
                "discard": In(1),
            }
        )

    def elaborate(self, platform):
        m = Module()
        entry, word = self.entries.p, self.words.p
        number = Signal(range(self.config.depth))
        comes = Signal()
        m.d.comb += [
            self.words.ready.eq(self.entries.valid | self.discard),
            comes.eq(self.words.valid & self.entries.valid & ~self.discard),
            self.entries.ready.eq(comes & word.last),
            self.error.eq(word.error & comes.replicate(2)),
            self.error_kind.eq(entry.kind),
            self.write.enable.eq(comes),
            self.write.entry.eq(entry),
            self.write.number.eq(number),
        ]
        operand = (entry.kind == Kind.A) | (entry.kind == Kind.B)
        m.d.comb += self.write.data.eq(
            Mux(operand & entry.masked & word.last, word.data & self.job.tail_mask, word.data)
        )
        with m.If(comes):
            m.d.sync += [
                number.eq(Mux(word.last, 0, number + 1)),
                self.completed.eq(self.completed + word.last),
            ]
        return m
