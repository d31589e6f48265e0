"""Work of the array and of the vector unit in one decode step, in counts that energy follows from: exact."""

from dataclasses import dataclass

import numpy as np

from .commands import decode_commands
from .legality import up
from .machine import Machine, Number
from .workload import Workload


@dataclass
class Work:
    """Counts of events of :class:`tilewright.sim.energy.events.Counts`, apart from those of main memory."""

    macs: Number = 0.0
    """Number of multiply-accumulates, padding included."""
    weights: Number = 0.0
    """Number of weights written into the array."""
    activations: Number = 0.0
    """Number of activations that the array takes."""
    sums: Number = 0.0
    """Number of sums that the array sends."""
    elements: Number = 0.0
    """Number of elements that the vector unit processes, summed over its passes."""

    def counts(self, machine: Machine) -> dict[str, Number]:
        """Return the counts that the energies of systems belong to, by their names in that class."""
        moved = self.activations * machine.input_bits + self.sums * machine.accumulator_bits
        return {
            "macs": self.macs,
            "weight_bits": self.weights * machine.weight_bits,
            "activation_bits": moved,
            "vector_elements": self.elements,
        }


def decode_work(machine: Machine, workload: Workload) -> Work:
    """Return the work of a decode step."""
    found: Work = machine.once((decode_work, workload), lambda: _decode_work(machine, workload))
    return found


def _decode_work(machine: Machine, workload: Workload) -> Work:
    work, commands = Work(), decode_commands(machine, workload)
    for product in commands.products:
        times, vectors, k, n = product.times, product.vectors, product.k, product.n
        wide = np.where(product.reduce, 1.0, machine.tiles) * machine.columns
        work.macs = work.macs + times * vectors * k * n
        work.weights = work.weights + times * k * n
        work.activations = work.activations + times * vectors * up(n, wide) * k
        work.sums = work.sums + times * vectors * n
    for each in commands.passes:
        work.elements = work.elements + each.times * each.rows * each.columns
    return work
