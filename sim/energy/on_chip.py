"""Energy of the events on chip in a process, scaled with the structure of the accelerator."""

from tilewright.sim.config.accelerator import AcceleratorConfig
from tilewright.sim.config.event_energies import EventEnergies
from tilewright.sim.config.figures import FigureRange
from tilewright.sim.energy.events import Counts, EnergyItem

BANKS = "scratchpad banks"
"""Part of the scratchpad that is memories of the process."""


def on_chip(
    counts: Counts, config: AcceleratorConfig, pj: EventEnergies, multiply: FigureRange | None = None
) -> list[EnergyItem]:
    """Return the energy of each kind of event above that of the idle clock.

    Parameters
    ----------
    pj : EventEnergies
        Energies in the process of the chip.
    multiply : FigureRange, optional
        Energy of a multiply-accumulate, if the macros of the array are not our own.
    """
    macro, accumulator_bits = config.cim_array.tile.macro, config.cim_array.tile.accumulator_bits
    bus, word = config.bus_bits, config.vector.word_bits
    written = counts.write_beats * bus
    taken = counts.input_words * config.cim_array.tile.activation_bus_bits
    sent = counts.result_words * config.cim_array.tile.result_bus_bits
    bank = pj.memory(config.bank_bytes // config.word_bytes)
    array_words = config.cim_array.tile.accumulator_vectors

    def item(name: str, events: int, unit: str, energy: float, remark: str = "") -> EnergyItem:
        return EnergyItem(name, events, unit, FigureRange.exactly(energy, f"{pj.source}{remark}"))

    pairs = macro.cell_bits * macro.input_bits
    bits = f"; times {macro.cell_bits} bits of a weight in the array and {macro.input_bits} of an input"
    ours = FigureRange.exactly(pj.product_pj_per_bit_pair * pairs, f"{pj.source}{bits}")
    column_pj = pj.column_pj_per_bit_pair * pairs
    queue, queue_remark = _buffer(pj, pj.queue_pj_per_bit, pj.queue_words, config.weight_buffer_beats)
    partial, partial_remark = _buffer(pj, pj.partial_sum_pj / accumulator_bits, pj.partial_sum_words, array_words)
    return [
        item("commands", counts.commands, "command", pj.command_pj),
        item("main memory to chip", counts.memory_bytes * 8 - written, "bit", pj.read_pj_per_bit),
        item("load", counts.load_beats * bus, "bit", pj.load_pj_per_bit),
        item("store", counts.stored_elements, "element", pj.store_pj_per_element),
        item("chip to main memory", written, "bit", pj.store_pj_per_bit),
        item(
            "weight buffer", counts.weight_beats_in * bus, "bit", pj.weight_load_pj_per_bit + queue, queue_remark
        ),
        item(
            "CIM weight write", counts.weight_bits, "bit",
            pj.weight_write_pj_per_bit + pj.weight_row_pj_per_bit * config.cim_array.tile.rows,
            f"; of {config.cim_array.tile.rows} rows",
        ),
        EnergyItem("CIM multiply-accumulate", counts.driven_products, "MAC", multiply or ours),
        *([] if multiply else [item("CIM column sums", counts.driven_sums, "sum", column_pj, bits)]),
        item("CIM inputs", taken, "bit", pj.input_pj_per_bit),
        item(
            "CIM input vectors", counts.array_vectors * config.cim_array.tile.rows * macro.input_bits, "bit",
            pj.vector_pj_per_bit,
        ),
        item("CIM sums", counts.column_sums, "sum", pj.sum_pj),
        item("CIM partial sums", counts.partial_sums * accumulator_bits, "bit", partial, partial_remark),
        item("CIM results", sent, "bit", pj.result_pj_per_bit),
        item("scratchpad reads", counts.scratchpad_reads * word, "bit", pj.scratchpad_read_pj_per_bit),
        item("scratchpad writes", counts.scratchpad_writes * word, "bit", pj.scratchpad_write_pj_per_bit),
        item(f"{BANKS}, reads", counts.scratchpad_reads * word, "bit", bank.read_pj / bank.bits, f"; {bank.name}"),
        item(f"{BANKS}, writes", counts.scratchpad_writes * word, "bit", bank.write_pj / bank.bits, f"; {bank.name}"),
        item("vector unit, passes", counts.lane_passes, "lane", pj.lane_pass_pj),
        item("vector unit", counts.vector_slots, "element", pj.element_pj),
        item("vector unit, scalars added", counts.vector_adds, "element", pj.add_pj),
        item("vector unit, scalars multiplied", counts.vector_multiplies, "element", pj.multiply_pj),
        item("vector unit, exponentials", counts.vector_exponentials, "element", pj.exponential_pj),
        item("vector unit, SiLU and GELU", counts.vector_gates, "element", pj.gate_pj),
        item("vector unit, products", counts.vector_products, "element", pj.product_pj),
        item("vector unit, sums of two", counts.vector_offsets, "element", pj.offset_pj),
        item("vector unit, sums of rows", counts.vector_sums, "element", pj.row_sum_pj),
        item("vector unit, maxima of rows", counts.vector_maxima, "element", pj.row_maximum_pj),
        item("vector unit, reductions", counts.reductions, "pass", pj.reduction_pj),
        item("vector unit, row scalars", counts.row_scalars, "scalar", pj.row_scalar_pj),
    ]  # fmt: skip


def _buffer(pj: EventEnergies, measured: float, measured_words: int, words: int) -> tuple[float, str]:
    """Return the energy of a bit that is written and read once, and what it was taken from.

    Buffers as large as the smallest memory are memories, smaller ones flip-flops.
    """
    if words >= pj.memories[0].words:
        macro = pj.memory(words)
        return (macro.read_pj + macro.write_pj) / macro.bits, f"; {macro.name}"
    return measured * words / measured_words, f"; of {measured_words} words, scaled to {words}"
