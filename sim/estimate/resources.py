"""Cycles for which each resource of many designs is at work in one decode step."""

import numpy as np

from . import bounds
from .machine import Machine, Number
from .traffic import decode_traffic
from .units import Units
from .work import decode_work
from .workload import Workload


def resource_cycles(machine: Machine, workload: Workload) -> dict[str, Number]:
    """Return the cycles of each resource, by the names of :data:`.bounds.BOUNDS`, with padding and repeated loads.

    These are the least cycles of what the program does, where the bounds are those of what the model needs.
    """
    units = Units(machine)
    beats = decode_traffic(machine, workload)[0] / machine.bus_bytes
    work = decode_work(machine, workload)
    array = machine.tiles * machine.rows * machine.columns / machine.slices
    return {
        bounds.MEMORY: beats / (machine.peak_rate * machine.share),
        bounds.REQUESTS: beats / np.minimum(units.in_flight, units.buffered),
        "array": work.macs / array,
        "activation port": work.activations * machine.input_bits / machine.activation_bus_bits,
        "result port": work.sums / machine.results_per_beat,
        "vector unit": work.elements / machine.lanes,
    }
