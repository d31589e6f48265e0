"""The descriptor of a job as it lies in memory, its check, and the values derived from it."""

from collections.abc import Collection

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from tilewright.hw.layout import layout_of
from tilewright.sim.config.npe import NpeConfig
from tilewright.sim.formats.simd import INTEGER_MODES, Mode, SumFormat
from tilewright.sim.isa.descriptor import ADDRESSES, SIZES, STRIDES, Descriptor
from tilewright.sim.isa.fields import WORD_BITS
from tilewright.sim.isa.npe_registers import NpeError
from tilewright.sim.isa.widths import COUNT_BITS, DESCRIPTOR_BYTES

DESCRIPTOR_LAYOUT = layout_of(Descriptor.FIELDS)
"""A descriptor, see :class:`Descriptor`."""

SIZE_BITS = COUNT_BITS
"""Width of M, N and K."""


class DescriptorCheck(wiring.Component):
    """Finds the first error of a descriptor. Combinational.

    First all fields are checked, then all alignments, then whether addresses are within ``address_bits``; of several
    offences of one kind, that in the lowest word counts. What is off is not checked.

    Members
    -------
    descriptor : In(DESCRIPTOR_LAYOUT)
    code : Out(8)
        One of :class:`NpeError`, 0 if nothing is wrong.
    word : Out(8)
        Number of the offending word.
    """

    def __init__(self, config: NpeConfig):
        self.config = config
        super().__init__({"descriptor": In(DESCRIPTOR_LAYOUT), "code": Out(8), "word": Out(8)})

    def elaborate(self, platform):
        m = Module()
        d, config = self.descriptor, self.config
        beat = config.bus_bytes
        any_reduction = d.sum | d.squares | d.maximum

        def known(mode: Value, among: Collection[Mode] = config.modes) -> Value:
            return Cat(mode == int(each) for each in among if each in config.modes).any()

        # Exact sums are stored as they are.
        altered, sums = Signal(name="altered"), Signal(name="sums")
        exact = (d.out_format == SumFormat.INT32) & known(d.mode, INTEGER_MODES) & ~altered
        m.d.comb += [
            altered.eq(d.scale.any() | d.bias.any() | d.residual | d.activation.any() | any_reduction),
            sums.eq((d.out_format == SumFormat.FP32) | exact),
        ]

        def misaligned(value: Value, to: int) -> Value:
            return (value & (to - 1)).any()

        places = Descriptor.FIELDS
        first_unused, first_of_next = places["unused"].word, 8 * DESCRIPTOR_BYTES // WORD_BITS
        words = Cat(d.as_value().word_select(word, WORD_BITS).any() for word in range(first_unused, first_of_next))
        fields = [
            (
                places["mode"].word,
                ~known(d.mode)
                | ~(known(d.out_format) | sums)
                | (d.residual & ~known(d.residual_format))
                | d.scale.all()
                | d.bias.all()
                | d.reserved.any(),
            ),
            *((places[name].word, ~d[name].any() | (d[name] >> SIZE_BITS).any()) for name in SIZES),
            *((first_unused + index, word) for index, word in enumerate(words)),
        ]
        on = Const(1, 1)
        used = dict.fromkeys((*ADDRESSES, *STRIDES), on) | {
            "scale_address": d.scale.any(),
            "bias_address": d.bias.any(),
            "residual_address": d.residual,
            "reductions": any_reduction,
            "residual_stride": d.residual,
        }
        units = {"reductions": config.record_alignment}
        alignments = [
            (places[name].word, used[name] & misaligned(d[name], units.get(name, beat)))
            for name in (*ADDRESSES, *STRIDES)
        ]
        ranges = [(places[name].word, used[name] & (d[name] >> config.address_bits).any()) for name in ADDRESSES]

        found = Signal()
        for code, offences in ((NpeError.FIELD, fields), (NpeError.ALIGNMENT, alignments), (NpeError.RANGE, ranges)):
            for word, wrong in offences:
                # The first in this order: what comes later must not overrule it.
                with m.If(~found & wrong):
                    m.d.comb += [self.code.eq(int(code)), self.word.eq(word)]
                found_now = Signal()
                m.d.comb += found_now.eq(found | wrong)
                found = found_now
        return m


def job_layout(config: NpeConfig) -> data.StructLayout:
    """Return the layout of what the NPE's parts know of a job; it is constant while the job runs."""
    return data.StructLayout(
        {
            "descriptor": DESCRIPTOR_LAYOUT,
            "chunked": 1,  # a row of operands does not fit into a panel
            "a_stays": 1,  # all chunks of A stay on chip
            "last_chunk": SIZE_BITS,
            "tail_beats": range(config.depth + 1),  # of the last chunk
            "tail_words": range(config.depth * config.words_per_beat + 1),
            "tail_mask": config.bus_bits,  # of the last beat
            "reductions_on": 1,
        }
    )


def mode_bits(mode: Value) -> tuple[Value, Value]:
    """Return whether the elements of a mode have 8 bits, and whether they have 16 bits; otherwise they have 4."""

    def among(bits: int) -> Value:
        return Cat(mode == int(each) for each in Mode if each.bits == bits).any()

    return among(8), among(16)


def is_wide(result: Value) -> Value:
    """Return whether the elements of a format of C have 32 bits."""
    return Cat(result == int(each) for each in SumFormat).any()


def scaled(count: Value, mode: Value) -> Value:
    """Return the number of nibbles that a number of elements of a mode takes."""
    eight, sixteen = mode_bits(mode)
    return Mux(sixteen, count << 2, Mux(eight, count << 1, count))


def plan(m: Module, config: NpeConfig, descriptor: data.View) -> data.View:
    """Return the job that a descriptor defines. Combinational: the result must be registered."""
    job = Signal(job_layout(config), name="plan")
    nibbles = Signal(SIZE_BITS + 2, name="plan_nibbles")
    bus_nibbles = config.bus_bits // 4
    # Of the last beat, counted from zero: no division, everything is a power of two.
    last_nibble, last_word, last_beat = (Signal(SIZE_BITS + 2, name=f"plan_last_{what}") for what in "nwb")
    m.d.comb += [
        nibbles.eq(scaled(descriptor.k[:SIZE_BITS], descriptor.mode)),
        last_nibble.eq(nibbles - 1),
        last_word.eq(last_nibble >> 2),
        last_beat.eq(last_nibble >> (bus_nibbles.bit_length() - 1)),
        job.descriptor.eq(descriptor),
        job.last_chunk.eq(last_beat >> (config.depth.bit_length() - 1)),
        job.chunked.eq(job.last_chunk.any()),
        job.a_stays.eq(
            job.chunked
            & (descriptor.m <= config.rows)
            & (job.last_chunk < Mux(descriptor.m == 1, config.vector_chunks, config.panels))
        ),
        job.tail_beats.eq((last_beat & (config.depth - 1)) + 1),
        job.tail_words.eq((last_word & (config.depth * config.words_per_beat - 1)) + 1),
        job.reductions_on.eq(descriptor.sum | descriptor.squares | descriptor.maximum),
    ]
    within = Signal(unsigned((bus_nibbles - 1).bit_length()), name="plan_within")
    m.d.comb += within.eq(last_nibble)
    m.d.comb += job.tail_mask[:4].eq(0xF)
    for nibble in range(1, bus_nibbles):
        m.d.comb += job.tail_mask.word_select(nibble, 4).eq((within >= nibble).replicate(4))
    return job


def tile_layout(config: NpeConfig) -> data.StructLayout:
    """Return the layout of the description of an output tile: place, size, and position in the order of tiles."""
    return data.StructLayout(
        {
            "row": SIZE_BITS,
            "column": SIZE_BITS,
            "rows": range(config.rows + 1),
            "columns": range(config.columns + 1),
            "panel": range(config.panels),  # row block within its group
            "first_panel": 1,
            "last_panel": 1,
            "first_columns": 1,
            "last_columns": 1,
        }
    )
