"""Energy on chip of many designs in a process: events, clock and leakage, as :mod:`tilewright.sim.energy` has them."""

from collections.abc import Mapping

import numpy as np

from tilewright.sim.config.event_energies import EventEnergies, event_energies

from .area import Areas
from .designs import Designs
from .energy import names_macro, published_mac_pj
from .legality import weights_of
from .machine import Machine, Number

ENERGIES_OF_EVENTS = {
    "lane_passes": "lane_pass_pj",
    "vector_slots": "element_pj",
    "vector_adds": "add_pj",
    "vector_multiplies": "multiply_pj",
    "vector_exponentials": "exponential_pj",
    "vector_gates": "gate_pj",
    "vector_products": "product_pj",
    "vector_offsets": "offset_pj",
    "vector_sums": "row_sum_pj",
    "vector_maxima": "row_maximum_pj",
    "reductions": "reduction_pj",
    "row_scalars": "row_scalar_pj",
    "commands": "command_pj",
    "stored_elements": "store_pj_per_element",
    "column_sums": "sum_pj",
}
"""Energy of each event of a kind, by its name in :class:`tilewright.sim.config.event_energies.EventEnergies`."""


def process_pj(
    designs: Designs,
    process: str,
    level: str,
    events: Mapping[str, Number],
    areas: Areas,
    dram_bytes: Number,
    cycles: Number,
) -> Number:
    """Return the energy of everything on chip in pJ.

    Parameters
    ----------
    events : mapping
        Counts by their names in :class:`tilewright.sim.energy.events.Counts`.

    Raises
    ------
    ConfigError
        If nothing was measured in the process.
    """
    pj, own = event_energies(process), not names_macro(designs)
    clock = areas.clock_pj + own * areas.macros_clock_pj
    leakage = areas.leakage_uw + own * areas.macros_leakage_uw
    products = events["driven_products"] * published_mac_pj(designs, level) if not own else 0.0
    total = _events_pj(designs, pj, events, dram_bytes, own_macros=own) + products
    return total + cycles * (clock + leakage / designs.number("clock_mhz"))


def _events_pj(
    designs: Designs, pj: EventEnergies, events: Mapping[str, Number], dram_bytes: Number, *, own_macros: bool
) -> Number:
    """Return the energy of all events, without multiply-accumulates and column sums if the macros are not our own."""
    machine = Machine(designs)
    word, bus = 32 * machine.lanes, machine.bus_bits
    written = events["write_beats"] * bus
    total = sum(events[name] * getattr(pj, figure) for name, figure in ENERGIES_OF_EVENTS.items())
    total = total + (dram_bytes * 8 - written) * pj.read_pj_per_bit + written * pj.store_pj_per_bit
    total = total + events["load_beats"] * bus * pj.load_pj_per_bit
    queue = _buffer_pj(pj, pj.queue_pj_per_bit, pj.queue_words, machine.weight_buffer_beats)
    total = total + events["weight_beats_in"] * bus * (pj.weight_load_pj_per_bit + queue)
    write_weight = pj.weight_write_pj_per_bit + pj.weight_row_pj_per_bit * machine.rows
    total = total + events["weight_bits"] * write_weight
    if own_macros:
        pairs = weights_of(designs, "count_bits") * machine.input_bits
        total = total + events["driven_products"] * pj.product_pj_per_bit_pair * pairs
        total = total + events["driven_sums"] * pj.column_pj_per_bit_pair * pairs
    total = total + events["input_words"] * machine.activation_bus_bits * pj.input_pj_per_bit
    total = total + events["array_vectors"] * machine.rows * machine.input_bits * pj.vector_pj_per_bit
    partial = _buffer_pj(
        pj, pj.partial_sum_pj / machine.accumulator_bits, pj.partial_sum_words, machine.accumulator_vectors
    )
    total = total + events["partial_sums"] * machine.accumulator_bits * partial
    total = total + events["result_words"] * machine.result_bus_bits * pj.result_pj_per_bit
    read, write = _memory_pj(pj, np.exp2(machine.address_bits) / 4)
    total = total + events["scratchpad_reads"] * word * (pj.scratchpad_read_pj_per_bit + read)
    return total + events["scratchpad_writes"] * word * (pj.scratchpad_write_pj_per_bit + write)


def _memory_pj(pj: EventEnergies, words: Number) -> tuple[Number, Number]:
    """Return the energies of reading and of writing a bit in memories of so many words."""
    sizes = np.array([macro.words for macro in pj.memories])
    index = np.minimum(np.searchsorted(sizes, words), len(sizes) - 1)
    figures = np.array([[macro.read_pj / macro.bits, macro.write_pj / macro.bits] for macro in pj.memories])
    return figures[index, 0], figures[index, 1]


def _buffer_pj(pj: EventEnergies, measured: Number, measured_words: int, words: Number) -> Number:
    """Return the energy of a bit that is written and read once in a buffer of so many words, macros or flip-flops."""
    read, write = _memory_pj(pj, words)
    return np.where(words >= pj.memories[0].words, read + write, measured * words / measured_words)
